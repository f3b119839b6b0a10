"""The flags that name data files and say how they are read, the same for every command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pairs.reading.source import DEFAULT_FILE, DataSource

FILES = "of any format, or several"
COLUMNS = "columns that have other names, as query=Frage positive=Antwort"
DOMAIN = "domain of rows that name none"
DOMAIN_FROM = "column that is the domain"
SHEET = "sheet of a workbook, where several hold pairs"


class ReadsData:
    """What arguments with a data file share: the source that they describe."""

    data_file: Any
    columns: Any
    domain: str | None
    domain_from: str | None
    sheet: str | None

    @property
    def source(self) -> DataSource:
        """Returns the files and how they are read.

        Raises:
            UserError: A column is not named as it should be.
        """
        return DataSource.of(
            self.data_file,
            columns=self.columns,
            domain=self.domain,
            domain_from=self.domain_from,
            sheet=self.sheet,
        )


def add_data_flags(
    parser: argparse.ArgumentParser, default: str | Path | Sequence[str] | None = DEFAULT_FILE
) -> None:
    """Adds the flags of `ReadsData` to the parser of a command."""
    add = parser.add_argument
    shown = f"{FILES} (default: {default})" if default else FILES
    add("--data-file", nargs="+", default=default, metavar="FILE", help=shown)
    add("--columns", nargs="+", default=(), metavar="ROLE=NAME", help=COLUMNS)
    add("--domain", metavar="NAME", help=DOMAIN)
    add("--domain-from", metavar="COLUMN", help=DOMAIN_FROM)
    add("--sheet", metavar="NAME", help=SHEET)


def one_or_several(files: Any) -> Any:
    """Returns the only file of a list by itself, and anything else as it is."""
    return files[0] if isinstance(files, (list, tuple)) and len(files) == 1 else files
