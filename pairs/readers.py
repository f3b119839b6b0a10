"""JSONL -> checked `datasets.Dataset` of (query, positive, negative, domain)."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from datasets import Dataset, Features, Value

from nic.errors import UserError
from nic.files import sha256_of

TEXT_COLUMNS = ["query", "positive", "negative"]
COLUMNS = [*TEXT_COLUMNS, "domain"]
PROBLEMS_SHOWN = 20
GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
DEFAULT_FILE = "data/finetuning/training_pairs.jsonl"


@dataclass(frozen=True)
class Pairs:
    """The checked content of one JSONL file.

    Attributes:
        dataset: Columns query, positive, negative, domain, all non-empty strings.
        line_numbers: 1-based line number in the file of each row of `dataset`.
        extras: The further fields of each row, which no step of the training looks at.
        path: The file.
        sha256: SHA-256 of the file's bytes as they are on disk.
    """

    dataset: Dataset
    line_numbers: list[int]
    extras: list[dict[str, Any]]
    path: Path
    sha256: str

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.line_numbers)

    def column(self, name: str) -> list[str]:
        """All values of one column, in the order of the file."""
        return list(self.dataset[name])


def load_pairs(path: str | Path) -> Pairs:
    """Read and check a JSONL file of triplets.

    A UTF-8 byte order mark, CRLF line ends, blank lines and gzip are accepted; texts lose the
    white space around them.

    Args:
        path: The file, one JSON object a line.

    Returns:
        The rows with the line numbers they came from.

    Raises:
        UserError: The file cannot be read, holds no row, or any line of it is wrong; the first 20
            problems are listed with file and line, then their number.
    """
    path = Path(path)
    rows: list[dict[str, Any]] = []
    line_numbers: list[int] = []
    problems: list[str] = []
    for number, line in read_lines(path):
        row, problem = parse_line(line)
        if problem:
            problems.append(f"{path}:{number}: {problem}")
        else:
            rows.append(row)
            line_numbers.append(number)
    refuse_problems(path, problems, len(rows))
    columns = {name: [row[name].strip() for row in rows] for name in COLUMNS}
    extras = [{key: row[key] for key in row if key not in COLUMNS} for row in rows]
    features = Features({name: Value("string") for name in COLUMNS})
    dataset = Dataset.from_dict(columns, features=features)
    return Pairs(dataset, line_numbers, extras, path, sha256_of(path))


def read_lines(path: Path, flag: str = "--data-file") -> Iterator[tuple[int, bytes]]:
    """The non-blank lines of a JSONL file, read one at a time.

    Args:
        path: The file, gzipped or not; a byte order mark before its first line is dropped.
        flag: The flag that named it, for messages.

    Yields:
        The 1-based number of each line and its bytes without the line end.

    Raises:
        UserError: The file is missing, may not be read, or is a damaged gzip file.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file; give a JSONL file with {flag}")
    if not path.is_file():
        raise UserError(f"{path}: not a file; give a JSONL file with {flag}")
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                line = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
                if line.strip():
                    yield number, line.strip(b"\r\n")
    except PermissionError as error:
        raise UserError(f"{path}: may not be read; change its permissions") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged gzip file ({error}); copy or pack it again") from error


def refuse_problems(path: Path, problems: list[str], rows: int, what: str = "pairs") -> None:
    """Refuse a file with a bad line, or with no row.

    Args:
        path: The file.
        problems: Each as "file:line: what is wrong".
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


def parse_line(line: bytes) -> tuple[dict[str, Any], str]:
    """Check one line of the file.

    Args:
        line: The line's bytes without its line end.

    Returns:
        The JSON object and an empty string, or an empty object and what is wrong.
    """
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return {}, f"not valid UTF-8 (byte {error.start + 1} of the line)"
    except json.JSONDecodeError as error:
        return {}, f"not valid JSON: {error.msg} (column {error.colno})"
    except RecursionError:
        return {}, "not valid JSON: nested too deeply"
    if not isinstance(row, dict):
        return {}, "not a JSON object; every line needs {query, positive, negative, domain}"
    problem = _find_problem(row)
    return ({}, problem) if problem else (row, "")


def _find_problem(row: dict[str, Any]) -> str:
    needs = "every line needs non-empty query, positive, negative and domain"
    for name in COLUMNS:
        if name not in row:
            return f'field "{name}" is missing; {needs}'
        value = row[name]
        if not isinstance(value, str):
            return f'field "{name}" is {type(value).__name__}, not a string'
        if not value.strip():
            return f'field "{name}" is empty; {needs}'
        if not _encodable(value):
            return f'field "{name}" holds half a surrogate pair, which is not valid UTF-8'
    if row["positive"].strip() == row["negative"].strip():
        return "positive and negative are the same text; the negative must be a wrong passage"
    return ""


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")
