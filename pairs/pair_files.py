"""The files of a data set, opened, with the columns that are taken of each."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nic.errors import UserError
from pairs.column_names import KNOWN, ColumnNames, choose_columns, fits, spread
from pairs.plain_rows import PlainRows, plain_rows
from pairs.reading.hub import open_hub_dataset
from pairs.reading.opening import Hints, open_file
from pairs.reading.packing import readable
from pairs.reading.records import DataFile, Record
from pairs.reading.source import Data, DataSource, hub_name

logger = logging.getLogger(__name__)

Check = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class PairFile:
    """An opened file and its columns.

    Attributes:
        file: The opened file.
        names: Which column is what.
    """

    file: DataFile
    names: ColumnNames

    def describe(self) -> str:
        """Returns how the file is read, in one line without any text of it."""
        return f"{self.file.describe()}; {self.names.describe()}"

    def records(self) -> Iterator[Record]:
        """Reads the rows with the project's own names of the columns."""
        with readable(self.file.path):
            yield from map(self.names.named, self.file.rows())

    def pairs(self, check: Check) -> Iterator[Record]:
        """Reads the rows, one for each positive; one that the check refuses has a problem."""
        return self._checked(self.records(), check)

    def pieces(self, check: Check) -> Iterator[PlainRows | list[Record]]:
        """Reads the same some thousand at a time, where all of these are plain at once."""
        with readable(self.file.path):
            for block in self.file.in_blocks():
                named = map(self.names.named, block.records())
                yield plain_rows(block, self.names) or list(self._checked(named, check))

    def _checked(self, records: Iterable[Record], check: Check) -> Iterator[Record]:
        for whole in records:
            for record in spread(whole):
                problem = record.problem or check(record.row)
                if problem:
                    record = record._replace(row={}, problem=self.names.in_file(problem))
                yield record


@dataclass(frozen=True)
class PairFiles:
    """All files of a data set, in their order.

    Attributes:
        source: What was asked for.
        files: The opened files.
    """

    source: DataSource
    files: list[PairFile]

    @classmethod
    def open(cls, data: Data) -> PairFiles:
        """Opens the files, and tells their formats and columns; no file is read to its end.

        Raises:
            UserError: One is missing, of an unknown format, or its columns are not known.
        """
        source = DataSource.of(data)
        files = [_open(path, source) for path in source.paths()]
        _refuse_unused_sheet(source, files)
        _refuse_mixed_splits(files)
        return cls(source, files)

    def describe(self) -> list[str]:
        """Returns how each file is read, one line each."""
        return [file.describe() for file in self.files]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Returns how each file is read, for JSON: names of files and columns, no text."""
        return [
            {
                "file": file.file.path.name,
                "format": file.file.format,
                "encoding": file.file.encoding or None,
                "columns": {role: name for name, role in file.names.taken.items()},
            }
            for file in self.files
        ]

    def warnings(self) -> list[str]:
        """Returns what the names of files promise and their content does not hold."""
        return [file.file.warning for file in self.files if file.file.warning]

    def records(self) -> Iterator[Record]:
        """Reads the rows of all files; their numbers go on from file to file."""
        yield from self._numbered(PairFile.records)

    def pairs(self, check: Check) -> Iterator[Record]:
        """Reads the pairs of all files; arguments as in `PairFile.pairs`."""
        yield from self._numbered(lambda file: file.pairs(check))

    def pieces(self, check: Check) -> Iterator[PlainRows | list[Record]]:
        """Reads the pairs of all files some thousand at a time; arguments as in `PairFile.pairs`.

        Yields:
            Plain rows, or the records of rows of which one is not plain.
        """
        before = last = 0
        for file in self.files:
            for piece in file.pieces(check):
                if isinstance(piece, PlainRows):
                    rows = piece.moved(before)
                    last = rows.numbers[-1]
                    yield rows
                else:
                    records = [_moved(record, before) for record in piece] if before else piece
                    last = records[-1].place.number
                    yield records
            before = last

    def further_passages(self) -> dict[str, str]:
        """Returns passages that stand in no row, and their ids by text."""
        found: dict[str, str] = {}
        for file in self.files:
            for id_, text in file.file.further_passages() if file.file.further_passages else ():
                found.setdefault(text, id_)
        return found

    def sha256(self) -> str:
        """Returns the SHA-256 of the file's bytes.

        Of several files it is that of the lines "HASH  NAME" of each, as `sha256sum` writes them.
        """
        hashes = [(file.file.sha256(), file.file.path.name) for file in self.files]
        if len(hashes) == 1:
            return hashes[0][0]
        lines = "".join(f"{digest}  {name}\n" for digest, name in hashes)
        return hashlib.sha256(lines.encode()).hexdigest()

    def _numbered(self, read: Callable[[PairFile], Iterator[Record]]) -> Iterator[Record]:
        yield from read(self.files[0]) if len(self.files) == 1 else self._one_after_the_other(read)

    def _one_after_the_other(
        self, read: Callable[[PairFile], Iterator[Record]]
    ) -> Iterator[Record]:
        before = last = 0
        for file in self.files:
            for record in read(file):
                moved = _moved(record, before)
                last = moved.place.number
                yield moved
            before = last


def _moved(record: Record, offset: int) -> Record:
    """Returns a record of a further file, whose numbers go on from those before."""
    place = record.place
    return record._replace(place=place._replace(offset=place.offset + offset))


def log_reading(files: PairFiles) -> None:
    """Logs how each file is read, and what does not fit its name."""
    for line in files.warnings():
        logger.warning("%s", line)
    for line in files.describe():
        logger.info("%s", line)


def _open(path: Path, source: DataSource) -> PairFile:
    asked = source.named_columns()
    names = KNOWN | {name.lower() for name in asked.values()}
    hints = Hints(names, lambda columns: fits(columns, asked), source.sheet)
    named = hub_name(path)
    file = open_hub_dataset(named) if named else open_file(path, hints)
    return PairFile(file, choose_columns(file, source))


def _refuse_unused_sheet(source: DataSource, files: list[PairFile]) -> None:
    if source.sheet is not None and not any("sheet" in file.file.format for file in files):
        raise UserError(f"--sheet {source.sheet}: none of the files is a workbook; leave it out")


def _refuse_mixed_splits(files: list[PairFile]) -> None:
    """Refuses a data set with a split of its own beside other files."""
    own = [file.file.path for file in files if file.file.has_split]
    if own and len(files) > 1:
        raise UserError(f"{own[0]}: brings its own split; give it alone")
