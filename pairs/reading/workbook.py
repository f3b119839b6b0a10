"""Excel workbooks (.xlsx), read row by row with openpyxl."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from nic.errors import UserError, one_line
from pairs.reading.delimited import check_header
from pairs.reading.packing import packing_of
from pairs.reading.records import DataFile, Place, Record

MISSING = 'needs the package openpyxl: pip install "nic-embeddings[excel]"'


def open_workbook(
    path: Path,
    sheet: str | None,
    fits: Callable[[list[str]], bool],
    flags: str = "--columns",
) -> DataFile:
    """Opens the sheet of a workbook that has the columns.

    The first row that is not empty names the columns.

    Args:
        path: The workbook.
        sheet: The sheet to read; None takes the one whose columns fit.
        fits: Whether columns are those that are looked for.
        flags: The flags that name them, for messages.

    Raises:
        UserError: openpyxl is missing, the workbook is damaged, or no sheet or several fit.
    """
    if packing := packing_of(path):
        raise UserError(f"{path}: a workbook packed with {packing}; unpack it first")
    headers = _headers(path)
    name = _choose(path, headers, sheet, fits, flags)
    columns = headers[name]
    check_header(path, columns)

    def rows() -> Iterator[Record]:
        return _read(path, name, columns)

    return DataFile(path, f'Excel, sheet "{name}"', columns, rows)


def _choose(
    path: Path,
    headers: dict[str, list[str]],
    sheet: str | None,
    fits: Callable[[list[str]], bool],
    flags: str,
) -> str:
    """Returns the name of the sheet to read.

    Raises:
        UserError: The named one is not there, or the columns of several fit.
    """
    if sheet is not None:
        if sheet not in headers:
            raise UserError(f'{path}: has no sheet "{sheet}"; it has {_quoted(headers)}')
        return sheet
    fitting = [name for name, columns in headers.items() if fits(columns)]
    if len(fitting) > 1:
        raise UserError(
            f"{path}: several sheets fit: {_quoted(fitting)}; choose one, as with "
            f'--sheet "{fitting[0]}"'
        )
    filled = [name for name, columns in headers.items() if any(columns)]
    # A single sheet is the one that is meant, whatever its columns: their error names them.
    if not fitting and len(filled) > 1:
        raise UserError(
            f"{path}: no sheet has the columns that are read; it has {_quoted(headers)}: "
            f"choose one with --sheet, and its columns with {flags}"
        )
    return (fitting or filled or list(headers))[0]


def _headers(path: Path) -> dict[str, list[str]]:
    """Returns the names of the columns of each sheet; none for an empty sheet."""
    with _workbook(path) as book:
        found = {}
        for sheet in book.worksheets:
            rows = (row for _, row in _rows(sheet))
            found[sheet.title] = [_text(cell).strip() for cell in next(rows, ())]
        return found


def _read(path: Path, name: str, columns: list[str]) -> Iterator[Record]:
    with _workbook(path) as book:
        rows = _rows(book[name])
        next(rows)
        for number, cells in rows:
            texts = zip(columns, map(_text, cells), strict=False)
            row = {column: text for column, text in texts if column and text.strip()}
            yield Record(Place(path, number, "row", f'sheet "{name}"'), row)


def _rows(sheet: Any) -> Iterator[tuple[int, Collection[Any]]]:
    """Yields the rows that are not empty, with their number in the sheet."""
    # Some programs write dimensions that are too small.
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if any(_text(cell).strip() for cell in cells):
            yield number, cells


def _text(cell: Any) -> str:
    """Returns a cell as text: whole numbers without a decimal point, "" for an empty cell."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    """Opens a workbook for reading row by row, with the values of its formulas.

    Raises:
        UserError: openpyxl is missing, or the workbook is damaged.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise UserError(f"{path}: Excel {MISSING}; or save it as CSV in UTF-8") from error
    try:
        with warnings.catch_warnings():
            # What it does not support, such as drop-down lists, holds no pairs.
            warnings.simplefilter("ignore", UserWarning)
            with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
                yield book
    except (BadZipFile, KeyError, ValueError, EOFError, SyntaxError) as error:
        reason = one_line(error, 200)
        raise UserError(f"{path}: damaged workbook ({reason}); save it again in Excel") from error


def _quoted(names: Collection[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
