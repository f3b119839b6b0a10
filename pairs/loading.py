"""A file of pairs in memory: a checked `datasets.Dataset` and the place of each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, Features, Value

from pairs.columns import (
    DOMAIN,
    POSITIVE,
    QUERY,
    domain_of,
    is_column,
    is_made,
    negative_column,
    read_pair_records,
    texts_of,
)
from pairs.pair_files import PairFiles
from pairs.readers import refuse_problems
from pairs.reading.records import Place
from pairs.reading.sections import Section, Sections, section_of
from pairs.reading.source import Data
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
        return np.array([is_made(extra) for extra in self.extras], bool)

    @property
    def text_columns(self) -> list[str]:
        """Returns the columns of texts: query, positive, negative, and those of further ones."""
        return [name for name in self.dataset.column_names if name != DOMAIN]

    @property
    def negative_columns(self) -> list[str]:
        """Returns the columns of negatives: negative, negative_2, ...; none without any."""
        return self.text_columns[2:]

    def column(self, name: str) -> list[str]:
        """Returns all values of one column, in the order of the file."""
        return list(self.dataset[name][:])

    def texts(self, columns: Iterable[str] | None = None) -> list[str]:
        """Returns the different texts of some columns; None stands for all columns of texts."""
        chosen = self.text_columns if columns is None else columns
        texts = dict.fromkeys(text for name in chosen for text in self.dataset[name][:])
        return [text for text in texts if text is not None]

    def negatives(self) -> list[list[str]]:
        """Returns the negatives of each row, if any, which differ in their comparable form."""
        columns = [self.dataset[name][:] for name in self.negative_columns]
        if not columns:
            return [[] for _ in range(len(self))]
        return [[text for text in row if text is not None] for row in zip(*columns, strict=True)]

    def with_negatives(self, negatives: Sequence[Sequence[str]]) -> Pairs:
        """Returns the same rows with other negatives, which are the sequences of `negatives`."""
        fixed = (self.column(QUERY), self.column(POSITIVE), negatives, self.column(DOMAIN))
        return replace(self, dataset=build_dataset(*fixed))

    def comparable_negatives(self) -> list[list[str]]:
        """Returns the negatives of each row in the form in which texts are compared."""
        return [[comparable(text) for text in row] for row in self.negatives()]

    def comparable(self, name: str) -> list[str]:
        """Returns the form in which the texts of one column are compared (`words.comparable`).

        Texts of equal form, such as the composed and decomposed spelling of one passage, are one
        text for the split, the corpus and the relevant passages.
        """
        return [comparable(text) for text in self.dataset[name]]


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
    files = PairFiles.open(data)
    path, parts, sections = files.source.path, list[str](), Sections()
    rows: list[dict[str, Any]] = []
    line_numbers: list[int] = []
    problems: list[str] = []
    for place, row, problem, _ in read_pair_records(files):
        if problem:
            problems.append(f"{place}: {problem}")
        else:
            rows.append(row)
            line_numbers.append(place.number)
            parts.append(place.part)
            sections.add(place)
    refuse_problems(path, problems, len(rows))
    queries, positives, negatives = zip(*map(texts_of, rows), strict=True)
    dataset = build_dataset(queries, positives, negatives, [domain_of(row) for row in rows])
    extras = [{key: row[key] for key in row if not is_column(key)} for row in rows]
    return Pairs(
        dataset,
        line_numbers,
        extras,
        path,
        files.sha256(),
        files,
        sections.found,
        parts if any(parts) else [],
        files.further_passages(),
    )


def build_dataset(
    queries: Sequence[str],
    positives: Sequence[str],
    negatives: Sequence[Sequence[str]],
    domains: Sequence[str],
) -> Dataset:
    """Returns the dataset of `Pairs` with the given texts of each row."""
    columns: dict[str, list[str | None]] = {QUERY: list(queries), POSITIVE: list(positives)}
    for number, texts in enumerate(zip_longest(*negatives), 1):
        columns[negative_column(number)] = list(texts)
    columns[DOMAIN] = list(domains)
    features = Features({name: Value("string") for name in columns})
    return Dataset.from_dict(columns, features=features)
