"""Tables as text: CSV and its kin, with the delimiter and the encoding that they have."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from nic.errors import UserError, one_line
from pairs.reading.formats import CODECS, Detected
from pairs.reading.packing import open_binary
from pairs.reading.records import DataFile, Place, Record

DELIMITERS = ",;\t|"
TITLES = {",": "CSV", "\t": "TSV"}
SAMPLED = 50
BLOCK = 1 << 20
LONGEST_FIELD = 2**31 - 1


class Dialect(NamedTuple):
    """How a table is written.

    Attributes:
        delimiter: What stands between two fields.
        codec: Python's name of the encoding.
        announced: Whether the first line is "sep=;" and not the header.
    """

    delimiter: str
    codec: str
    announced: bool = False

    def title(self) -> str:
        """Returns the format in words."""
        return TITLES.get(self.delimiter) or f'CSV with "{self.delimiter}"'


def open_table(path: Path, found: Detected, names: Collection[str]) -> DataFile:
    """Opens a table as text; its first row names the columns.

    Args:
        path: The file.
        found: The beginning of the file and its encoding, as the beginning tells it.
        names: Names of columns, in small letters, by which the delimiter is told.

    Raises:
        UserError: The encoding is none that is read, or the header is not usable.
    """
    codec = _codec_of(path, found.codec)
    dialect = _dialect(found.head, codec, names)

    def rows() -> Iterator[Record]:
        return _read(path, dialect, columns)

    columns = _header(path, dialect)
    bare = "\r" in found.head and "\n" not in found.head
    what = f"{dialect.title()} whose lines end in bare CR" if bare else dialect.title()
    return DataFile(path, what, columns, rows, CODECS[codec])


def check_header(path: Path, columns: Collection[str]) -> None:
    """Refuses a header that names no column, or two columns alike.

    Raises:
        UserError: It says which.
    """
    names = [name for name in columns if name]
    if not names:
        raise UserError(f"{path}: has no header; its first row needs to name the columns")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f'{path}: two columns are named "{twice[0]}"; rename one of them')


def _codec_of(path: Path, told: str) -> str:
    """Reads a text to its end: what is not UTF-8 is Windows-1252 if it is anything.

    Raises:
        UserError: It is neither, or it is UTF-8 with a damaged place.
    """
    if told not in ("utf-8", "utf-8-sig"):
        return told
    decoder, line, is_ascii = codecs.getincrementaldecoder(told)(), 1, True
    with open_binary(path) as file:
        while True:
            block = file.read(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                before = error.object[: error.start]
                if is_ascii and before.isascii() and _all_of(path, "cp1252"):
                    return "cp1252"
                line += before.count(b"\n")
                raise UserError(
                    f"{path}: line {line} is not valid UTF-8, and the file is not Windows-1252; "
                    "save it as CSV in UTF-8"
                ) from error
            is_ascii = is_ascii and text.removeprefix("\ufeff").isascii()
            line += text.count("\n")
            if not block:
                return told


def _all_of(path: Path, codec: str) -> bool:
    """Returns whether a whole file can be decoded."""
    decoder = codecs.getincrementaldecoder(codec)()
    with open_binary(path) as file:
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
        except UnicodeDecodeError:
            return False
    return True


def _dialect(head: str, codec: str, names: Collection[str]) -> Dialect:
    """Tells the delimiter: the one that gives known names and rows as long as the header."""
    first, _, rest = head.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) <= len("sep=;"):
        return Dialect(first.strip()[4:] or "\t", codec, announced=True)
    scores = {delimiter: _score(head, delimiter, names) for delimiter in DELIMITERS}
    return Dialect(max(DELIMITERS, key=lambda delimiter: scores[delimiter]), codec)


def _score(head: str, delimiter: str, names: Collection[str]) -> tuple[int, int, int]:
    """Returns known names, rows as long as the header, and columns; all 0 for a single column."""
    with io.StringIO(head, newline="") as text:
        reader = _reader(text, delimiter, strict=False)
        try:
            rows = [row for _, row in zip(range(SAMPLED), reader, strict=False) if row]
        except csv.Error:
            return 0, 0, 0
    if not rows or len(rows[0]) < 2:
        return 0, 0, 0
    known = set(names).intersection(name.strip().lower() for name in rows[0])
    return len(known), sum(len(row) == len(rows[0]) for row in rows), len(rows[0])


def _reader(text: io.TextIOBase, delimiter: str, strict: bool = True) -> Any:
    # The limit is one of the whole process; a passage may be longer than the usual one.
    csv.field_size_limit(LONGEST_FIELD)
    return csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=strict)


def _header(path: Path, dialect: Dialect) -> list[str]:
    """Returns the names of the columns, without white space around them; "" for a nameless one."""
    for _, fields in _records(path, dialect):
        columns = [name.strip() for name in fields]
        check_header(path, columns)
        return columns
    raise UserError(f"{path}: holds nothing; its first row needs to name the columns")


def _read(path: Path, dialect: Dialect, columns: list[str]) -> Iterator[Record]:
    records = _records(path, dialect)
    next(records)
    for number, (line, fields) in enumerate(records, start=1):
        place = Place(path, number, "row", text_line=line)
        if any(field.strip() for field in fields[len(columns) :]):
            yield Record(
                place,
                {},
                f"has {len(fields)} fields, the header {len(columns)}; a text that holds the "
                'delimiter or a line break needs quotes (") around it',
            )
            continue
        cells = zip(columns, fields, strict=False)
        yield Record(place, {name: cell for name, cell in cells if name and cell.strip()})


def _records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yields the line where each row begins, and its fields; blank rows are left out.

    Raises:
        UserError: The quotes are wrong.
    """
    with (
        open_binary(path) as file,
        io.TextIOWrapper(file, encoding=dialect.codec, newline="") as text,
    ):
        skipped = 1 if dialect.announced and text.readline() else 0
        reader = _reader(text, dialect.delimiter)
        line, rows = skipped + 1, 0
        try:
            for fields in reader:
                if any(field.strip() for field in fields):
                    yield line, fields
                    rows += 1
                line = skipped + reader.line_num + 1
        except UnicodeDecodeError as error:
            reason = f"not valid {dialect.codec.upper()} after row {rows}"
            raise UserError(f"{path}: {reason}; save it as CSV in UTF-8") from error
        except csv.Error as error:
            raise UserError(
                f"{path}: row {rows} (line {line}): {one_line(error)}; a text with quotes in it "
                'needs quotes around it, and its own doubled ("")'
            ) from error
