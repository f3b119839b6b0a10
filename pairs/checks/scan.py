"""One pass over a file of pairs that keeps numbers instead of texts, so that memory stays small."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from pairs.checks.near_duplicates import NearDuplicates
from pairs.checks.texts import FLAWS, has_no_content_words
from pairs.checks.tokens import TokenCounter
from pairs.columns import domain_of, is_made, read_pair_records, texts_of
from pairs.pair_files import PairFiles
from pairs.readers import PROBLEMS_SHOWN, refuse_problems
from pairs.reading.sections import Section, Sections
from pairs.reading.source import Data
from pairs.words import comparable

BATCH = 1000
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
    """Reads a file of pairs once, row by row.

    Args:
        data: The file, or several, as in `load_pairs`.
        counter: Counts the tokens of the passages.

    Raises:
        UserError: The file cannot be read, or holds no good row.
    """
    files = PairFiles.open(data)
    path, sections, parts = files.source.path, Sections(), list[str]()
    problems: list[str] = []
    bad_lines, lines = array("q"), array("q")
    queries, positives, domains = array("q"), array("q"), array("q")
    negatives, negative_rows = array("q"), array("q")
    empty, made = array("b"), array("b")
    names: dict[str, int] = {}
    with closing(_PassageReader(counter)) as reader:
        for place, row, problem, _ in read_pair_records(files):
            sections.add(place)
            if problem:
                bad_lines.append(place.number)
                if len(problems) < PROBLEMS_SHOWN:
                    problems.append(f"{place}: {problem}")
                continue
            query, positive, wrong = texts_of(row)
            lines.append(place.number)
            parts.append(place.part)
            queries.append(_key(query))
            positives.append(reader.number(positive))
            for negative in wrong:
                negatives.append(reader.number(negative))
                negative_rows.append(len(lines) - 1)
            domains.append(names.setdefault(domain_of(row), len(names)))
            empty.append(has_no_content_words(query[:MEASURED]))
            made.append(is_made(row))
        if not lines:
            refuse_problems(path, problems, 0, total=len(bad_lines))
        passages = reader.finish()
    domain_names = sorted(names)
    order = {name: n for n, name in enumerate(domain_names)}
    return Scan(
        path=path,
        files=files,
        sha256=files.sha256(),
        sections=sections.found,
        parts=parts if any(parts) else [],
        problems=problems,
        bad_lines=_numbers(bad_lines),
        lines=_numbers(lines),
        queries=np.unique(_numbers(queries), return_inverse=True)[1],
        positives=_numbers(positives),
        negatives=_numbers(negatives),
        negative_rows=_numbers(negative_rows),
        domains=np.array([order[name] for name in names])[_numbers(domains)],
        domain_names=domain_names,
        empty_queries=np.frombuffer(empty, np.int8).astype(bool),
        made=np.frombuffer(made, np.int8).astype(bool),
        passages=passages,
    )


class _PassageReader:
    """Numbers passages, and measures each different one once, in batches.

    Of one that is longer than any model reads, the beginning is measured.
    """

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._known: dict[int, int] = {}
        self._waiting: list[str] = []
        self._near = NearDuplicates()
        self._tokens: list[np.ndarray] = []
        self._flaws = {name: array("b") for name in FLAWS}

    def number(self, passage: str) -> int:
        key = _key(passage)
        if key not in self._known:
            self._known[key] = len(self._known)
            self._waiting.append(passage[:MEASURED])
            if len(self._waiting) == BATCH:
                self._measure_waiting()
        return self._known[key]

    def finish(self) -> Passages:
        self._measure_waiting()
        flaws = {name: np.frombuffer(v, np.int8).astype(bool) for name, v in self._flaws.items()}
        return Passages(
            np.concatenate(self._tokens), flaws, self._near.groups(), self._counter.max_seq_length
        )

    def close(self) -> None:
        self._near.close()

    def _measure_waiting(self) -> None:
        if not self._waiting:
            return
        self._tokens.append(self._counter.count(self._waiting))
        self._near.add(self._waiting)
        for name, flaw in FLAWS.items():
            self._flaws[name].extend(flaw(passage) for passage in self._waiting)
        self._waiting.clear()


def _key(text: str) -> int:
    """Returns a 64-bit key of the text's comparable form.

    Two of a million texts share one with a probability of 3e-8.
    """
    return int.from_bytes(
        blake2b(comparable(text).encode(), digest_size=8).digest(), "little", signed=True
    )


def _numbers(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)
