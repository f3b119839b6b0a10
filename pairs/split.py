"""Stratified train/validation/test split in which no passage and no query is in two parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nic.errors import UserError
from pairs.dates import read_dates
from pairs.draws import SmallDomains, Split, SplitBy, draw_by_date, draw_folds, draw_split
from pairs.loading import Pairs
from pairs.own_split import has_own_split, own_split, refuse_by_date, refuse_made_parts

KnownPassages = Literal["none", "half", "all"]


@dataclass(frozen=True)
class SplitRules:
    """What is held out besides a share of the passages.

    Attributes:
        hold_out_made: Whether made pairs are held out like those that people asked; without,
            they are only trained on.
        known_passages: Of which held-out passages the made pairs are trained on: of "none", of
            "half" of them, or of "all". Their queries that people asked stay unseen.
        split_by: "passage" keeps the passages of the parts apart; "date" holds out the latest
            queries, whatever passages answer them.
        date_field: Field with the date of a row, in the form of ISO 8601, for "date".
    """

    hold_out_made: bool = False
    known_passages: KnownPassages = "none"
    split_by: SplitBy = "passage"
    date_field: str = "date"


RULES = SplitRules()


@dataclass(frozen=True)
class RowsToSplit:
    """What a split needs to know of the rows of a file.

    Attributes:
        queries: `(rows,)` number of the query of each row; equal texts have equal numbers.
        positives: `(rows,)` number of the positive of each row, likewise.
        domains: Domain of each row.
        made: `(rows,)` booleans: whether the query was made, not asked.
        path: The file, for messages.
        dates: When the query of each row that may be held out was asked; None where the split is
            by passage.
        parts: "train", "validation", "test" or "" for each row, where the data brings its own
            split; else none.
    """

    queries: np.ndarray
    positives: np.ndarray
    domains: Sequence[str]
    made: np.ndarray
    path: Path
    dates: Mapping[int, datetime] | None = None
    parts: Sequence[str] = ()

    def take(self, numbers: list[int]) -> RowsToSplit:
        """Returns some of the rows, in the given order."""
        return RowsToSplit(
            self.queries[numbers],
            self.positives[numbers],
            [self.domains[n] for n in numbers],
            self.made[numbers],
            self.path,
            {k: self.dates[n] for k, n in enumerate(numbers)} if self.dates is not None else None,
            [self.parts[n] for n in numbers] if self.parts else (),
        )


def connected_units(
    queries: Sequence[Any] | np.ndarray, positives: Sequence[Any] | np.ndarray
) -> np.ndarray:
    """Numbers the connected components of the query-positive graph.

    Rows that share a query or a positive, directly or over other rows, belong to one unit.

    Args:
        queries: Query of each row, its text or any number that stands for it.
        positives: Positive of each row, likewise.

    Returns:
        `(rows,)` integers: the unit of each row, numbered in the order of first appearance.
    """
    query_ids = _number(queries)
    positive_ids = _number(positives)
    offset = int(query_ids.max()) + 1
    nodes = offset + int(positive_ids.max()) + 1
    edges = (np.ones(len(query_ids), dtype=bool), (query_ids, positive_ids + offset))
    graph = coo_matrix(edges, shape=(nodes, nodes))
    labels = connected_components(graph, directed=False)[1][query_ids]
    return _number(labels)


def split_pairs(
    pairs: Pairs,
    val_ratio: float = 0.1,
    test_ratio: float = 0.0,
    seed: int = 42,
    small_domains: SmallDomains = "error",
    rules: SplitRules = RULES,
) -> Split:
    """Draws a train/validation/test split in which no passage and no query is in two parts.

    A split by row would measure memory: the queries of one passage would stand on both sides. Rows
    that share a query or a positive, directly or over other rows, therefore stay together, and each
    domain gives the same share of these units. Data that brings its own split is split as it says.

    Args:
        pairs: The checked file, from `load_pairs`.
        val_ratio: Share of the units to hold out for choosing the checkpoint, in (0, 1).
        test_ratio: Share of the units to hold out for the final evaluation, in [0, 1); 0 for none.
        seed: Seed of the draw; the same seed gives the same split.
        small_domains: What to do with a domain too small to stand in every part: "error" refuses,
            "train" puts the whole of it into training.
        rules: What is done with made pairs, and whether the latest queries are held out.

    Raises:
        UserError: A share is out of range, a domain is too small, or too few units are left to
            hold any out.
    """
    rows = rows_to_split(pairs, rules)
    return split_rows(rows, val_ratio, test_ratio, seed, small_domains, rules)


def split_rows(
    rows: RowsToSplit,
    val_ratio: float = 0.1,
    test_ratio: float = 0.0,
    seed: int = 42,
    small_domains: SmallDomains = "error",
    rules: SplitRules = RULES,
) -> Split:
    """Draws the split of `split_pairs`; arguments as there."""
    asked = rows_to_ask(rows, rules)
    real, path = rows.take(asked), rows.path
    if has_own_split(rows.parts):
        refuse_by_date(rules.split_by)
        refuse_made_parts(real.parts, path)
        units = connected_units(real.queries, real.positives)
        found = own_split(real.parts, units, real.domains, path, val_ratio, seed, small_domains)
    elif real.dates is not None:
        found = draw_by_date(
            real.queries, list(real.dates.values()), path, val_ratio, test_ratio, seed
        )
    else:
        units = connected_units(real.queries, real.positives)
        found = draw_split(units, real.domains, path, val_ratio, test_ratio, seed, small_domains)
    return add_made_rows(found, rows, asked, rules.known_passages)


def split_into_folds(
    pairs: Pairs,
    folds: int,
    val_ratio: float = 0.1,
    seed: int = 42,
    small_domains: SmallDomains = "error",
    rules: SplitRules = RULES,
) -> list[Split]:
    """Draws one split for each fold of a cross-validation: each row is in the test part of one.

    Rows that share a query or a positive are in the same fold. Each fold holds about the same share
    of every domain.

    Args:
        pairs: The checked file, from `load_pairs`.
        folds: Number of folds, 2 or more.
        val_ratio: Share of all units that each split holds out for choosing the checkpoint.
        seed: Seed of the draw; the same seed gives the same folds.
        small_domains: What to do with a domain too small to stand in every part of every split:
            "error" refuses, "train" trains on all of it in each and asks none of its queries.
        rules: What is done with made pairs.

    Raises:
        UserError: A share is out of range, a domain is too small, or too few units are left to
            hold any out.
    """
    rows = rows_to_split(pairs, rules)
    asked = rows_to_ask(rows, rules)
    real = rows.take(asked)
    units = connected_units(real.queries, real.positives)
    found = draw_folds(units, real.domains, rows.path, folds, val_ratio, seed, small_domains)
    return [add_made_rows(split, rows, asked, rules.known_passages) for split in found]


def rows_to_split(pairs: Pairs, rules: SplitRules = RULES) -> RowsToSplit:
    """Returns what a split needs to know of a file.

    Raises:
        UserError: The split is by date, and a row that may be held out has none.
    """
    rows = RowsToSplit(
        pairs.numbers.queries,
        pairs.numbers.positives,
        pairs.column("domain"),
        pairs.made,
        pairs.path,
        parts=pairs.parts,
    )
    if rules.split_by == "passage" or has_own_split(pairs.parts):
        return rows
    return replace(rows, dates=read_dates(pairs, rules.date_field, rows_to_ask(rows, rules)))


def rows_to_ask(rows: RowsToSplit, rules: SplitRules) -> list[int]:
    """Returns the rows among which the held-out ones are drawn.

    Raises:
        UserError: There is none.
    """
    numbers = np.flatnonzero(~rows.made | rules.hold_out_made)
    if not len(numbers):
        raise UserError(
            f"{rows.path}: every pair is a made one, and such pairs are only trained on; add pairs "
            "that people asked, or hold made ones out too with --hold-out-made (the report "
            "then says that it was measured on generated queries)"
        )
    return numbers.tolist()


def add_made_rows(split: Split, rows: RowsToSplit, asked: list[int], known: KnownPassages) -> Split:
    """Adds the rows that are only trained on to a split of the others.

    Args:
        split: A split of the rows that are asked, by their place in `asked`.
        rows: All rows.
        asked: Numbers of the rows that were split.
        known: Of which held-out passages the made pairs are trained on.
    """
    parts = (split.train, split.validation, split.test, split.left_out)
    train, validation, test, left_out = ([asked[n] for n in part] for part in parts)
    held_out = [*validation, *test]
    passages = list(dict.fromkeys(rows.positives[held_out].tolist()))
    unseen = _unseen_passages(passages, known, split.seed)
    is_asked = np.zeros(len(rows.queries), bool)
    is_asked[asked] = True
    others = np.flatnonzero(~is_asked)
    leaks = np.isin(rows.queries[others], rows.queries[held_out])
    leaks |= np.isin(rows.positives[others], unseen)
    if has_own_split(rows.parts):
        # What a data set holds out itself is not trained on, asked or not.
        leaks |= np.isin(np.array(rows.parts)[others], ["validation", "test"])
    train += others[~leaks].tolist()
    left_out += others[leaks].tolist()
    return replace(
        split,
        train=sorted(train),
        validation=validation,
        test=test,
        left_out=sorted(left_out),
    )


def _unseen_passages(passages: list[int], known: KnownPassages, seed: int) -> list[int]:
    if known == "half":
        order = np.random.default_rng(seed).permutation(len(passages))
        return [passages[n] for n in order[: (len(passages) + 1) // 2].tolist()]
    return passages if known == "none" else []


def check_fills_a_batch(rows: int, batch_size: int) -> None:
    """Refuses a training part smaller than one batch, since incomplete batches are dropped.

    Raises:
        UserError: There are fewer rows than `batch_size`.
    """
    if rows < batch_size:
        raise UserError(
            f"{rows} training pairs do not fill one batch of {batch_size}, and incomplete batches "
            "are dropped; use a smaller --batch-size or more pairs"
        )


def _number(values: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Numbers the different values in the order of first appearance."""
    if isinstance(values, np.ndarray):
        _, first, places = np.unique(values, return_index=True, return_inverse=True)
        return np.asarray(np.argsort(np.argsort(first))[places])
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values])
