"""What every reader gives: rows, each with its place, and the facts of an opened file."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from nic.errors import UserError
from nic.files import sha256_of

# Rows from which the names of the columns of JSON are taken.
SAMPLED_ROWS = 100
ROWS_OF_A_BLOCK = 5_000


class Place(NamedTuple):
    """Where a row stands; prints as `pairs.jsonl:17` or `pairs.csv: row 17 (line 23)`.

    Attributes:
        path: The file, or the folder of a data set.
        line: 1-based line of JSONL, or row of a table.
        unit: What `line` counts: "line" or "row".
        section: The part of the file that is counted by itself, such as `sheet "Q&A"`; "" for none.
        text_line: 1-based line of the text where a row of a table begins; 0 where there is none.
        offset: What is added to `line` to tell rows of several files or sections apart.
        part: "train", "validation" or "test" where the data brings its own split; "" for none.
    """

    path: Path
    line: int
    unit: str = "line"
    section: str = ""
    text_line: int = 0
    offset: int = 0
    part: str = ""

    def __str__(self) -> str:
        """For lines of a file the form that editors and compilers use."""
        if self.unit == "line" and not self.section:
            return f"{self.path}:{self.line}"
        section = f"{self.section}, " if self.section else ""
        text_line = f" (line {self.text_line})" if self.text_line else ""
        return f"{self.path}: {section}{self.unit} {self.line}{text_line}"

    @property
    def number(self) -> int:
        """Returns the number of the row among all rows of the data: `line` for a single file."""
        return self.offset + self.line


class Record(NamedTuple):
    """One row of a file, or the reason why it cannot be read.

    Attributes:
        place: Where the row stands.
        row: Its fields by name; empty where there is a problem.
        problem: What is wrong with it; empty where nothing is.
        raw: The bytes of its line in a JSONL file, without the line end; None in other formats.
    """

    place: Place
    row: dict[str, Any]
    problem: str = ""
    raw: bytes | None = None

    def jsonl(self) -> bytes:
        """Returns the row as one line of JSONL: the very bytes of the file where it is JSONL."""
        if self.raw is not None:
            return self.raw
        return json.dumps(self.row, ensure_ascii=False, default=str).encode("utf-8")


Rows = Callable[[], Iterator[Record]]


class Block(NamedTuple):
    """Rows that follow each other.

    Attributes:
        start: The file, and what its rows have in common, as the place of a row 0.
        numbers: The `line` of each row, ascending.
        objects: Returns the fields of each row at once; None where a row may be no good one.
        records: Reads them one by one, and says what is wrong.
    """

    start: Place
    numbers: list[int]
    objects: Callable[[], list[dict[str, Any]] | None]
    records: Rows


@dataclass(frozen=True)
class DataFile:
    """An opened file or folder.

    Attributes:
        path: The file or folder.
        format: Its format in words, such as `CSV with ";"`.
        columns: The names of its columns; of JSON those of its first rows.
        rows: Reads the rows from the first one; may be called again.
        encoding: Of a text, in words, such as "UTF-8"; "" for none.
        is_table: Whether every row has these columns and no others.
        warning: What its name or its encoding gives to think of; "" for nothing.
        further_passages: Reads passages that stand in no row, each with its id.
        has_split: Whether its rows know the part of a split that they belong to.
        digest: Returns a hash of its content; None takes the SHA-256 of the file.
        blocks: Reads the rows in blocks, where the format does that faster than row by row.
    """

    path: Path
    format: str
    columns: list[str]
    rows: Rows
    encoding: str = ""
    is_table: bool = True
    warning: str = ""
    further_passages: Callable[[], Iterator[tuple[str, str]]] | None = None
    has_split: bool = False
    digest: Callable[[], str] | None = None
    blocks: Callable[[], Iterator[Block]] | None = None

    def describe(self) -> str:
        """Returns its name, its format and its encoding, in words."""
        encoding = f", {self.encoding}" if self.encoding else ""
        return f"{self.path.name}: {self.format}{encoding}"

    def in_blocks(self) -> Iterator[Block]:
        """Reads the rows in blocks of some thousand."""
        if self.blocks is not None:
            yield from self.blocks()
            return
        rows = self.rows()
        while records := list(islice(rows, ROWS_OF_A_BLOCK)):
            yield _block(records)

    def sha256(self) -> str:
        """Returns the SHA-256 of the bytes of a file, or of the listed files of a folder."""
        return self.digest() if self.digest else sha256_of(self.path)


def _block(records: list[Record]) -> Block:
    """Returns records that were read already as a block."""
    places = {record.place._replace(line=0, text_line=0) for record in records}

    def objects() -> list[dict[str, Any]] | None:
        if len(places) > 1 or any(record.problem for record in records):
            return None
        return [record.row for record in records]

    start = records[0].place._replace(line=0, text_line=0)
    return Block(start, [record.place.line for record in records], objects, lambda: iter(records))


def sampled_columns(rows: Rows) -> list[str]:
    """Returns the names of the fields of the first rows, in the order of their appearance."""
    names: dict[str, None] = {}
    # What is damaged is told when it is read.
    with suppress(UserError, EOFError, OSError, zlib.error):
        for record in islice(rows(), SAMPLED_ROWS):
            names |= dict.fromkeys(record.row)
    return list(names)
