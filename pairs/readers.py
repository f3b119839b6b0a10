"""Readers: the rows of a data file, one at a time, each with its place in the file."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from nic.errors import UserError
from pairs.formats import HEAD, refuse_other_format

DEFAULT_FILE = "data/finetuning/training_pairs.jsonl"
PROBLEMS_SHOWN = 20
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Place(NamedTuple):
    """Where a row stands in a file; prints as `pairs.jsonl:17`.

    Attributes:
        path: The file.
        line: 1-based line of a text file, or row of a table.
    """

    path: Path
    line: int

    def __str__(self) -> str:
        """The form that editors and compilers use."""
        return f"{self.path}:{self.line}"


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
        return json.dumps(self.row, ensure_ascii=False).encode("utf-8")


def read_jsonl(path: Path) -> Iterator[Record]:
    """Reads a JSONL file, plain or gzipped.

    Blank lines are skipped but counted; CRLF line ends and a UTF-8 byte order mark are accepted.

    Args:
        path: The file, one JSON object per line.

    Yields:
        One record per non-blank line.

    Raises:
        UserError: The file is of another format, which is named.
    """
    with open_binary(path) as file:
        refuse_other_format(path, cast(BufferedIOBase, file).read1(HEAD))
    with open_binary(path) as file:
        for number, line in enumerate(file, start=1):
            line = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
            if line.strip():
                raw = line.strip(b"\r\n")
                yield Record(Place(path, number), *_parse_json(raw), raw)


Reader = Callable[[Path], Iterator[Record]]
# One entry per format, by the suffix of the file's name without ".gz".
READERS: dict[str, Reader] = {".jsonl": read_jsonl}


def find_reader(path: Path) -> Reader:
    """Returns the reader of a file; a suffix that no format has means JSONL."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return READERS.get(suffixes[-1] if suffixes else "", read_jsonl)


def read_records(path: Path, flag: str = "--data-file") -> Iterator[Record]:
    """Reads the rows of a file one at a time, whatever its format.

    Args:
        path: The file.
        flag: The flag that named it, for messages.

    Yields:
        One record per row, in the order of the file.

    Raises:
        UserError: The file is missing, may not be read, or is a damaged gzip file.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file; give a JSONL file with {flag}")
    if not path.is_file():
        raise UserError(f"{path}: not a file; give a JSONL file with {flag}")
    try:
        yield from find_reader(path)(path)
    except PermissionError as error:
        raise UserError(f"{path}: may not be read; change its permissions") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged gzip file ({error}); copy or pack it again") from error


def refuse_problems(path: Path, problems: list[str], rows: int, what: str = "pairs") -> None:
    """Refuses a file with a bad row, or with no row at all.

    Args:
        path: The file.
        problems: One text per bad row: "file:line: what is wrong".
        rows: Number of good rows.
        what: What the rows hold, for messages.

    Raises:
        UserError: The first 20 problems and their number, or that there is no row.
    """
    if problems:
        lines = problems[:PROBLEMS_SHOWN]
        if len(problems) > PROBLEMS_SHOWN:
            lines.append(f"... and {len(problems) - PROBLEMS_SHOWN} more")
        noun = "problem" if len(problems) == 1 else "problems"
        lines.append(f"{len(problems)} {noun} in {path}; correct the file, nothing was done")
        raise UserError("\n".join(lines))
    if not rows:
        raise UserError(f"{path}: holds no {what}; every line must be one JSON object")


def open_binary(path: Path) -> BinaryIO:
    """Opens a file for reading, unpacked where it is gzipped, whatever its name."""
    with path.open("rb") as file:
        packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


def _parse_json(line: bytes) -> tuple[dict[str, Any], str]:
    """Returns the object of a line and an empty string, or an empty object and the problem."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return {}, f"not valid UTF-8 (byte {error.start + 1} of the line)"
    except json.JSONDecodeError as error:
        return {}, f"not valid JSON: {error.msg} (column {error.colno})"
    except RecursionError:
        return {}, "not valid JSON: nested too deeply"
    if not isinstance(row, dict):
        return {}, 'not a JSON object; every line needs one, such as {"field": "text"}'
    return row, ""
