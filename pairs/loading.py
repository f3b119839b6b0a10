"""A file of pairs in memory: a checked `datasets.Dataset` and the place of each row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset

from pairs.columns import (
    DOMAIN,
    NEGATIVE,
    POSITIVE,
    QUERY,
    domain_of,
    find_problem,
    is_column,
    is_made,
    texts_of,
)
from pairs.pair_files import PairFiles
from pairs.plain_rows import NOTHING, PlainRows
from pairs.readers import PROBLEMS_SHOWN, refuse_problems
from pairs.reading.records import Place, Record
from pairs.reading.sections import Section, Sections, section_of
from pairs.reading.source import Data
from pairs.text_numbers import TextNumbers, number_texts, shared_texts
from pairs.text_table import Row, table_of, tables_of, text_dataset
from pairs.words import comparable


@dataclass(frozen=True)
class Pairs:
    """The checked content of a file of pairs, or of several.

    Attributes:
        dataset: Columns query, positive, negative, domain, of non-empty strings. Where rows have
            several negatives, further ones are in columns negative_2, ... before domain. Columns
            of negatives are None in rows with fewer; where no row has any, there are none.
        line_numbers: 1-based line (of JSONL) or row (of a table) in the file of each row of
            `dataset`. The numbers go on from file to file. Rows that come from one line with
            several positives share its number.
        extras: The further fields of each row, which the training ignores.
        path: The file; of several, what stands for them in messages.
        sha256: SHA-256 of the file's bytes on disk; of several files as in `PairFiles.sha256`.
        files: The opened files.
        sections: Where the numbers of each file, or of each part of one, begin.
        parts: "train", "validation" or "test" for each row, where the data brings its own split.
        further_passages: Passages of the corpus that stand in no row, and their ids by text.
    """

    dataset: Dataset
    line_numbers: list[int]
    extras: list[dict[str, Any]]
    path: Path
    sha256: str
    files: PairFiles
    sections: list[Section]
    parts: list[str] = field(default_factory=list)
    further_passages: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.line_numbers)

    def place(self, row: int) -> Place:
        """Returns where a row stands, for messages."""
        number = self.line_numbers[row]
        return section_of(self.sections, number).place(number)

    @property
    def made(self) -> np.ndarray:
        """Returns `(rows,)` booleans: whether the query of a row was made, not asked."""
        return np.array([bool(extra) and is_made(extra) for extra in self.extras], bool)

    @property
    def text_columns(self) -> list[str]:
        """Returns the columns of texts: query, positive, negative, and those of further ones."""
        return [name for name in self.dataset.column_names if name != DOMAIN]

    @property
    def negative_columns(self) -> list[str]:
        """Returns the columns of negatives: negative, negative_2, ...; none without any."""
        return self.text_columns[2:]

    def column(self, name: str) -> list[str]:
        """Returns all values of one column, in the order of the file; equal ones share memory."""
        return shared_texts(self._arrow(name))

    def texts(self, columns: Iterable[str] | None = None) -> list[str]:
        """Returns the different texts of some columns; None stands for all columns of texts."""
        chosen = self.text_columns if columns is None else columns
        different = (self._arrow(name).unique().to_pylist() for name in chosen)
        texts = dict.fromkeys(chain.from_iterable(different))
        return [text for text in texts if text is not None]

    def negatives(self) -> list[list[str]]:
        """Returns the negatives of each row, if any, which differ in their comparable form."""
        columns = [self.column(name) for name in self.negative_columns]
        if not columns:
            return [[] for _ in range(len(self))]
        return [[text for text in row if text is not None] for row in zip(*columns, strict=True)]

    def with_negatives(self, negatives: Sequence[Sequence[str]]) -> Pairs:
        """Returns the same rows with other negatives, which are the sequences of `negatives`."""
        fixed = (self.column(QUERY), self.column(POSITIVE), negatives, self.column(DOMAIN))
        return replace(self, dataset=text_dataset(tables_of(zip(*fixed, strict=True))))

    def comparable_negatives(self) -> list[list[str]]:
        """Returns the negatives of each row in the form in which texts are compared."""
        return [[comparable(text) for text in row] for row in self.negatives()]

    def comparable(self, name: str) -> list[str]:
        """Returns the form in which the texts of one column are compared (`words.comparable`).

        Texts of equal form, such as the composed and decomposed spelling of one passage, are one
        text for the split, the corpus and the relevant passages.
        """
        return [comparable(text) for text in self.column(name)]

    @cached_property
    def numbers(self) -> TextNumbers:
        """Returns queries and passages as numbers: texts of one comparable form have one number."""
        return number_texts(
            self._arrow(QUERY),
            self._arrow(POSITIVE),
            [self._arrow(name) for name in self.negative_columns],
        )

    def _arrow(self, name: str) -> pa.ChunkedArray:
        return self.dataset.data.column(name)


def load_pairs(data: Data) -> Pairs:
    """Reads and checks a file of (query, positive, negative, domain) rows.

    A row may have no negative, or several: a list, or fields negative_1, negative_2, ... A list of
    positives stands for one row each. Texts lose the white space around them. Names of domains are
    brought to Unicode's composed form (NFC).

    Args:
        data: A file of any format, several files, or a `DataSource` that also names columns.

    Returns:
        The rows with the numbers of the lines they come from.

    Raises:
        UserError: A file cannot be read, its columns are not known, it holds no row, or any line
            of it is wrong; the first 20 problems are listed with file and line, then their number.
    """
    pairs, bad = read_pairs(data)
    refuse_problems(pairs.path, bad.problems, len(pairs), total=len(bad.numbers))
    return pairs


@dataclass
class BadRows:
    """Rows that are no pairs.

    Attributes:
        problems: The first twenty, as "file:line: what is wrong".
        numbers: The number of each, as in `Pairs.line_numbers`.
    """

    problems: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def add(self, place: Place, problem: str) -> None:
        """Adds a row."""
        self.numbers.append(place.number)
        if len(self.problems) < PROBLEMS_SHOWN:
            self.problems.append(f"{place}: {problem}")


def read_pairs(data: Data) -> tuple[Pairs, BadRows]:
    """Reads the good rows of a file, as `load_pairs`, and tells the bad ones.

    Raises:
        UserError: A file cannot be read, or its columns are not known.
    """
    files = PairFiles.open(data)
    read = _Reader(files)
    dataset = text_dataset(read.tables())
    pairs = Pairs(
        dataset,
        read.line_numbers,
        read.extras,
        files.source.path,
        files.sha256(),
        files,
        read.sections.found,
        read.parts if any(read.parts) else [],
        files.further_passages(),
    )
    return pairs, read.bad


class _Reader:
    """Reads the rows of files and keeps what is no text of theirs.

    Attributes:
        line_numbers: As in `Pairs`, likewise `extras`.
        parts: The part of the split of each row; "" for none.
        sections: As in `Pairs`.
        bad: The bad rows.
    """

    def __init__(self, files: PairFiles) -> None:
        self._files = files
        self.line_numbers: list[int] = []
        self.extras: list[dict[str, Any]] = []
        self.parts: list[str] = []
        self.sections = Sections()
        self.bad = BadRows()

    def tables(self) -> Iterator[pa.Table]:
        """Yields the texts of the good rows, without surrounding white space."""
        for piece in self._files.pieces(find_problem):
            if isinstance(piece, PlainRows):
                yield self._plain(piece)
            else:
                yield from tables_of(self._good(piece))

    def _plain(self, piece: PlainRows) -> pa.Table:
        self.sections.add(piece.start)
        self.line_numbers += piece.numbers
        self.extras += piece.extras
        self.parts += [piece.start.part] * len(piece.lines)
        texts: dict[str, Sequence[str | None]] = {QUERY: piece.queries, POSITIVE: piece.positives}
        if any(piece.negatives):
            texts[NEGATIVE] = piece.negatives
        return table_of({**texts, DOMAIN: piece.domains})

    def _good(self, records: Iterable[Record]) -> Iterator[Row]:
        for place, row, problem, _ in records:
            self.sections.add(place)
            if problem:
                self.bad.add(place, problem)
                continue
            self.line_numbers.append(place.number)
            self.extras.append({key: row[key] for key in row if not is_column(key)} or NOTHING)
            self.parts.append(place.part)
            yield (*texts_of(row), domain_of(row))
