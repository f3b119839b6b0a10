"""Readers: the rows of any data file, one at a time, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nic.errors import UserError
from pairs.column_names import KNOWN
from pairs.reading.opening import Hints, open_file
from pairs.reading.packing import open_binary, readable
from pairs.reading.records import Place, Record
from pairs.reading.source import DEFAULT_FILE

PROBLEMS_SHOWN = 20

__all__ = ["DEFAULT_FILE", "Place", "Record", "open_binary", "read_records", "refuse_problems"]


def read_records(path: Path, flag: str = "--data-file") -> Iterator[Record]:
    """Reads the rows of one file one at a time, whatever its format; columns keep their names.

    Args:
        path: The file.
        flag: The flag that named it, for messages.

    Yields:
        One record per row, in the order of the file.

    Raises:
        UserError: The file is missing, damaged, of an unknown format, or may not be read.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file; give a data file with {flag}")
    opened = open_file(path, Hints(KNOWN, lambda columns: bool(KNOWN.intersection(columns))))
    with readable(path):
        yield from opened.rows()


def refuse_problems(
    path: Path, problems: list[str], rows: int, what: str = "pairs", total: int | None = None
) -> None:
    """Refuses a file with a bad row, or with no row at all.

    Args:
        path: The file.
        problems: One text per bad row: "file:line: what is wrong".
        rows: Number of good rows.
        what: What the rows hold, for messages.
        total: Number of bad rows; None for that of the texts.

    Raises:
        UserError: The first 20 problems and their number, or that there is no row.
    """
    if problems:
        total = total or len(problems)
        lines = [*problems[:PROBLEMS_SHOWN], f"{count_problems(total)} in {path}; correct the file"]
        raise UserError("\n".join(lines) + ", nothing was done")
    if not rows:
        raise UserError(f"{path}: holds no {what}; add at least one row")


def count_problems(total: int) -> str:
    """Returns a number of problems in words, of which at most 20 are shown."""
    if total > PROBLEMS_SHOWN:
        return f"these are the first {PROBLEMS_SHOWN} of {total:,} problems"
    return f"{total} problem{'s' if total > 1 else ''}"
