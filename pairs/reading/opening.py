"""Opens a file or a folder by what it is; one entry per format."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from nic.errors import UserError
from pairs.reading import beir, columnar, delimited, json_rows, workbook
from pairs.reading.formats import (
    ARROW,
    EXCEL,
    HEAD,
    JSON,
    JSONL,
    PARQUET,
    TABLE,
    Detected,
    contradiction,
    detect,
)
from pairs.reading.packing import open_binary, readable
from pairs.reading.records import DataFile


class Hints(NamedTuple):
    """What helps to open a file.

    Attributes:
        names: Names of columns, in small letters, by which a table is known.
        fits: Whether columns are those that are looked for.
        sheet: The sheet of a workbook to read; None takes the one that fits.
        flags: The flags that name columns, for messages.
    """

    names: Collection[str] = ()
    fits: Callable[[list[str]], bool] = bool
    sheet: str | None = None
    flags: str = "--columns"


Opener = Callable[[Path, Detected, Hints], DataFile]
# One entry per format of a file.
OPENERS: dict[str, Opener] = {
    JSONL: lambda path, found, hints: json_rows.open_jsonl(path, found),
    JSON: lambda path, found, hints: json_rows.open_array(path, found),
    TABLE: lambda path, found, hints: delimited.open_table(path, found, hints.names),
    PARQUET: lambda path, found, hints: columnar.open_parquet(path),
    ARROW: lambda path, found, hints: columnar.open_arrow(path),
    EXCEL: lambda path, found, hints: workbook.open_workbook(
        path, hints.sheet, hints.fits, hints.flags
    ),
}


def open_file(path: Path, hints: Hints = Hints()) -> DataFile:  # noqa: B008  Immutable.
    """Opens a file, or a folder that is a data set.

    Args:
        path: The file or folder.
        hints: What helps to open it.

    Raises:
        UserError: It is of no known format, damaged, or may not be read.
    """
    with readable(path):
        if path.is_dir():
            return _open_folder(path)
        with open_binary(path) as file:
            found = detect(path, file.read1(HEAD), hints.names)
        opened = OPENERS[found.kind](path, found, hints)
    warning = contradiction(path, found.kind)
    return opened if not warning else _warned(opened, warning)


def _open_folder(folder: Path) -> DataFile:
    if columnar.is_saved_dataset(folder):
        return columnar.open_saved_dataset(folder)
    if beir.is_beir(folder):
        return beir.open_beir(folder)
    raise UserError(
        f"{folder}: a folder that is neither a data set of datasets.save_to_disk nor one of BEIR "
        f'(corpus.jsonl, queries.jsonl, qrels/*.tsv); give its files, as "{folder}/*.jsonl"'
    )


def _warned(opened: DataFile, warning: str) -> DataFile:
    from dataclasses import replace

    return replace(opened, warning=warning)
