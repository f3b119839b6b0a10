"""A file of pairs as numbers: what stands where, and the measures of each different text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairs.checks.near_duplicates import NearDuplicates
from pairs.checks.split_texts import SplitTexts
from pairs.checks.texts import FLAWS, EmptyQueries, find_flaws
from pairs.checks.tokens import TokenCounter
from pairs.columns import DOMAIN, QUERY
from pairs.loading import BadRows, Pairs, read_pairs
from pairs.pair_files import PairFiles
from pairs.readers import refuse_problems
from pairs.reading.sections import Section
from pairs.reading.source import Data

# Texts that are taken at once, and the texts and letters of those that are measured together.
BATCH = 1000
MOST_TEXTS, MOST_LETTERS = 20_000, 4_000_000
# Letters of a text that are measured: more than any model reads.
MEASURED = 100_000


@dataclass(frozen=True)
class Passages:
    """The different positives and negatives, numbered in the order of first appearance.

    Attributes:
        tokens: `(passages,)` length in tokens.
        flaws: `(passages,)` booleans for each key of `texts.FLAWS`.
        groups: `(passages,)` number of the first passage in the passage's group of
            near-duplicates.
        max_seq_length: Tokens that the model reads; further ones are truncated.
    """

    tokens: np.ndarray
    flaws: dict[str, np.ndarray]
    groups: np.ndarray
    max_seq_length: int

    def __len__(self) -> int:
        """Returns the number of different passages."""
        return len(self.tokens)


@dataclass(frozen=True)
class Scan:
    """A file of pairs as numbers.

    Attributes:
        path: The file; of several, what stands for them in messages.
        files: The opened files.
        sha256: As in `Pairs`.
        sections: Where the numbers of each file, or of each part of one, begin.
        parts: "train", "validation" or "test" for each row, where the data brings its own split.
        problems: The first twenty bad lines, as "file:line: what is wrong".
        bad_lines: `(bad lines,)` 1-based line numbers, as in `Pairs`.
        lines: `(rows,)` 1-based line number of each good row, as in `Pairs`.
        queries: `(rows,)` number of the query; equal texts have equal numbers.
        positives: `(rows,)` number of the positive among `passages`.
        negatives: `(negatives,)` number of each negative among `passages`, row by row.
        negative_rows: `(negatives,)` ascending number of the row of each; a row may have none.
        domains: `(rows,)` number of the domain among `domain_names`.
        domain_names: The domains by name.
        empty_queries: `(rows,)` whether the query has no content word.
        made: `(rows,)` whether the query was made, not asked.
        passages: The different positives and negatives.
    """

    path: Path
    files: PairFiles
    sha256: str
    sections: list[Section]
    parts: list[str]
    problems: list[str]
    bad_lines: np.ndarray
    lines: np.ndarray
    queries: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    negative_rows: np.ndarray
    domains: np.ndarray
    domain_names: list[str]
    empty_queries: np.ndarray
    made: np.ndarray
    passages: Passages

    def __len__(self) -> int:
        """Returns the number of good rows."""
        return len(self.lines)

    @property
    def has_negatives(self) -> np.ndarray:
        """Returns `(rows,)` whether a row has a negative."""
        return self.rows_with(np.ones(len(self.negatives), bool))

    @property
    def negative_places(self) -> np.ndarray:
        """Returns `(negatives,)` place of each among the negatives of its row, from 0."""
        starts = np.searchsorted(self.negative_rows, np.arange(len(self)))
        return np.asarray(np.arange(len(self.negatives)) - starts[self.negative_rows])

    def rows_with(self, negatives: np.ndarray) -> np.ndarray:
        """Returns `(rows,)` whether a row has one of the flagged negatives, `(negatives,)`."""
        rows = np.zeros(len(self), bool)
        rows[self.negative_rows[negatives]] = True
        return rows


def scan_file(data: Data, counter: TokenCounter) -> Scan:
    """Reads a file of pairs, and keeps numbers of its good rows.

    Args:
        data: The file, or several, as in `load_pairs`.
        counter: Counts the tokens of the passages.

    Raises:
        UserError: The file cannot be read, or holds no good row.
    """
    pairs, bad = read_pairs(data)
    if not len(pairs):
        refuse_problems(pairs.path, bad.problems, 0, total=len(bad.numbers))
    return scan_pairs(pairs, counter, bad)


def scan_pairs(pairs: Pairs, counter: TokenCounter, bad: BadRows | None = None) -> Scan:
    """Returns the numbers of pairs; each different text is looked at once.

    Args:
        pairs: The good rows of a file.
        counter: Counts the tokens of the passages.
        bad: The bad rows of the file; None for none.
    """
    bad = bad or BadRows()
    numbers = pairs.numbers
    cells = Cells.of(np.vstack([numbers.positives, numbers.negatives]).T)
    negative_rows, places = np.nonzero(cells.numbers[:, 1:] >= 0)
    domains = pairs.dataset.data.column(DOMAIN)
    domain_names = sorted(domains.unique().to_pylist())
    return Scan(
        path=pairs.path,
        files=pairs.files,
        sha256=pairs.sha256,
        sections=pairs.sections,
        parts=pairs.parts,
        problems=bad.problems,
        bad_lines=np.array(bad.numbers, np.int64),
        lines=np.array(pairs.line_numbers, np.int64),
        queries=numbers.queries,
        positives=cells.numbers[:, 0],
        negatives=cells.numbers[negative_rows, 1 + places],
        negative_rows=negative_rows,
        domains=pc.index_in(domains, pa.array(domain_names)).to_numpy().astype(np.int64),
        domain_names=domain_names,
        empty_queries=_empty_queries(pairs),
        made=pairs.made,
        passages=_measure(pairs, cells, counter),
    )


@dataclass(frozen=True)
class Cells:
    """The texts of rows by number, in the order in which one who reads row by row meets them.

    Attributes:
        numbers: `(rows, columns)` number of each text; -1 where there is none.
        rows: `(texts,)` row in which each text stands first, ascending.
        columns: `(texts,)` column in which it stands first.
    """

    numbers: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> Cells:
        """Numbers texts anew; `numbers` are `(rows, columns)`, equal where texts are equal."""
        flat = numbers.ravel()
        texts = flat.max(initial=-1) + 1
        first = np.empty(texts + 1, np.int64)
        # Of several values for one place the last stays; -1 is the place after all others.
        first[flat[::-1]] = np.arange(len(flat))[::-1]
        first = first[:texts]
        order = np.argsort(first)
        renumbered = np.empty(texts + 1, np.int64)
        renumbered[order] = np.arange(texts)
        renumbered[texts] = -1
        rows, columns = np.divmod(first[order], numbers.shape[1])
        return cls(renumbered[numbers], rows, columns)


def _empty_queries(pairs: Pairs) -> np.ndarray:
    """Returns `(rows,)` whether the query of a row has no content word."""
    cells = Cells.of(pairs.numbers.queries[:, None])
    empty = EmptyQueries()
    found = [empty.of(SplitTexts.of(queries)) for queries in _first_texts(pairs, [QUERY], cells)]
    return np.concatenate(found)[cells.numbers[:, 0]]


def _measure(pairs: Pairs, cells: Cells, counter: TokenCounter) -> Passages:
    """Measures each different passage once; of a very long one its beginning."""
    tokens, flaws = list[np.ndarray](), {name: list[np.ndarray]() for name in FLAWS}
    with closing(NearDuplicates()) as near:
        for passages in _first_texts(pairs, pairs.text_columns[1:], cells):
            split = SplitTexts.of(passages)
            tokens.append(counter.count_split(split))
            near.add(split)
            for name, found in find_flaws(passages).items():
                flaws[name].append(found)
        return Passages(
            np.concatenate(tokens),
            {name: np.concatenate(found) for name, found in flaws.items()},
            near.groups(),
            counter.max_seq_length,
        )


def _first_texts(pairs: Pairs, columns: Sequence[str], cells: Cells) -> Iterator[list[str]]:
    """Yields what is measured of the different texts of columns, in the order of their numbers."""
    table = pairs.dataset.data.table.select(columns)
    together, letters = list[str](), 0
    for start in range(0, len(cells.rows), BATCH):
        rows, of_columns = cells.rows[start : start + BATCH], cells.columns[start : start + BATCH]
        texts = np.empty(len(rows), object)
        for number in np.unique(of_columns).tolist():
            here = of_columns == number
            texts[here] = _texts_at(table.column(number), rows[here])
        measured = [text[:MEASURED] for text in texts.tolist()]
        together += measured
        letters += sum(map(len, measured))
        if letters >= MOST_LETTERS or len(together) >= MOST_TEXTS:
            yield together
            together, letters = [], 0
    if together:
        yield together


def _texts_at(column: pa.ChunkedArray, rows: np.ndarray) -> list[str]:
    """Returns the texts of ascending rows."""
    between = column.slice(rows[0], rows[-1] - rows[0] + 1)
    return between.take(pa.array(rows - rows[0])).to_pylist()
