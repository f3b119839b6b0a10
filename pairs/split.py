"""Stratified train/validation/test split in which no passage and no query is in two parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nic.errors import UserError
from pairs.loading import Pairs

SmallDomains = Literal["error", "train"]


@dataclass(frozen=True)
class Split:
    """Which rows of a file are trained on and which are held out.

    Attributes:
        train: Row numbers (0-based) that are trained on, ascending.
        validation: Row numbers that choose the checkpoint, ascending.
        seed: The seed of the draw.
        test: Row numbers that are kept for the final evaluation, ascending; empty where the split
            has no test part.
    """

    train: list[int]
    validation: list[int]
    seed: int
    test: list[int] = field(default_factory=list)

    @property
    def reported(self) -> list[int]:
        """Returns the rows whose queries are evaluated: test, or validation where it is empty."""
        return self.test or self.validation

    def parts(self) -> dict[str, list[int]]:
        """Returns the rows of each part by its name, without a test part that is empty."""
        parts = {"train": self.train, "validation": self.validation}
        return parts | ({"test": self.test} if self.test else {})


def connected_units(queries: Sequence[Any], positives: Sequence[Any]) -> np.ndarray:
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
    return _number(labels.tolist())


def split_pairs(
    pairs: Pairs,
    val_ratio: float = 0.1,
    test_ratio: float = 0.0,
    seed: int = 42,
    small_domains: SmallDomains = "error",
) -> Split:
    """Draws a train/validation/test split in which no passage and no query is in two parts.

    A split by row would measure memory: the queries of one passage would stand on both sides. Rows
    that share a query or a positive, directly or over other rows, therefore stay together, and each
    domain gives the same share of these units.

    Args:
        pairs: The checked file, from `load_pairs`.
        val_ratio: Share of the units to hold out for choosing the checkpoint, in (0, 1).
        test_ratio: Share of the units to hold out for the final evaluation, in [0, 1); 0 for none.
        seed: Seed of the draw; the same seed gives the same split.
        small_domains: What to do with a domain too small to stand in every part: "error" refuses,
            "train" puts the whole of it into training.

    Raises:
        UserError: A share is out of range, a domain is too small, or too few units are left to
            hold any out.
    """
    units = connected_units(pairs.comparable("query"), pairs.comparable("positive"))
    domains = pairs.column("domain")
    return draw_split(units, domains, pairs.path, val_ratio, test_ratio, seed, small_domains)


def split_into_folds(
    pairs: Pairs,
    folds: int,
    val_ratio: float = 0.1,
    seed: int = 42,
    small_domains: SmallDomains = "error",
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

    Raises:
        UserError: A share is out of range, a domain is too small, or too few units are left to
            hold any out.
    """
    units = connected_units(pairs.comparable("query"), pairs.comparable("positive"))
    domains = pairs.column("domain")
    return draw_folds(units, domains, pairs.path, folds, val_ratio, seed, small_domains)


def draw_folds(
    units: np.ndarray,
    row_domains: Sequence[str],
    path: Path,
    folds: int,
    val_ratio: float,
    seed: int = 42,
    small_domains: SmallDomains = "error",
) -> list[Split]:
    """Draws folds over units that must stay together; arguments as in `draw_split`."""
    _check_ratios(val_ratio, 1 / folds)
    domains = _domain_of_units(units, row_domains)
    everything = set(range(len(domains)))
    rest, tests = everything, []
    for left in range(folds, 1, -1):
        tests.append(_hold_out(rest, domains, 1 / left, seed, path))
        rest = rest - tests[-1]
    tests.append(rest)
    splits = []
    for test in tests:
        ratio = val_ratio / (1 - len(test) / len(domains))
        validation = _hold_out(everything - test, domains, ratio, seed, path)
        splits.append((everything - test - validation, validation, test))
    small = {name for parts in splits for name in _not_in_every_part(domains, parts)}
    if small and small_domains == "error":
        raise UserError(
            f"{path}: too few separate passages to stand in every part of {folds} folds: "
            f"{', '.join(sorted(small))}; add pairs about other passages, give fewer --folds, or "
            "put these domains whole into training with --small-domains train"
        )
    return [_rows(units, domains, small, validation, test, seed) for _, validation, test in splits]


def draw_split(
    units: np.ndarray,
    row_domains: Sequence[str],
    path: Path,
    val_ratio: float,
    test_ratio: float = 0.0,
    seed: int = 42,
    small_domains: SmallDomains = "error",
) -> Split:
    """Draws a split over units that must stay together, each domain in its share.

    A unit belongs to the domain that most of its rows name. The test part is drawn first, so that
    a run with another `val_ratio` keeps it.

    Args:
        units: `(rows,)` integers from 0 without a gap, as `connected_units` gives them.
        row_domains: Domain of each row.
        path: The file, for messages.
        val_ratio: Share of the units to hold out for validation, in (0, 1).
        test_ratio: Share of the units to hold out for the final evaluation; 0 for none.
        seed: Seed of the draw.
        small_domains: What to do with a domain too small to stand in every part: "error" refuses,
            "train" puts the whole of it into training.

    Raises:
        UserError: A share is out of range, a domain is too small, or too few units are left to
            hold any out.
    """
    _check_ratios(val_ratio, test_ratio)
    domains = _domain_of_units(units, row_domains)
    test = _hold_out(set(range(len(domains))), domains, test_ratio, seed, path)
    rest = set(range(len(domains))) - test
    validation = _hold_out(rest, domains, val_ratio / (1 - test_ratio), seed, path)
    held_out = [validation, test] if test_ratio else [validation]
    small = _not_in_every_part(domains, [rest - validation, *held_out])
    if small and small_domains == "error":
        every = "every part" if test_ratio else "both halves"
        flags = "--val-ratio or --test-ratio" if test_ratio else "--val-ratio"
        raise UserError(
            f"{path}: too few separate passages to stand in {every}: "
            f"{', '.join(sorted(small))}; add pairs about other passages, raise {flags}, or "
            "put these domains whole into training with --small-domains train"
        )
    return _rows(units, domains, small, validation, test, seed)


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


def _rows(
    units: np.ndarray,
    domains: list[str],
    small: set[str],
    validation: set[int],
    test: set[int],
    seed: int,
) -> Split:
    """Returns the rows of held-out units; domains that are too small are trained on."""
    parts = [[unit for unit in part if domains[unit] not in small] for part in (validation, test)]
    validation_rows, test_rows = (np.isin(units, part) for part in parts)
    return Split(
        np.flatnonzero(~(validation_rows | test_rows)).tolist(),
        np.flatnonzero(validation_rows).tolist(),
        seed,
        np.flatnonzero(test_rows).tolist(),
    )


def _check_ratios(val_ratio: float, test_ratio: float) -> None:
    if val_ratio <= 0 or test_ratio < 0 or val_ratio + test_ratio >= 1:
        raise UserError(
            f"val_ratio {val_ratio} and test_ratio {test_ratio}: must be above 0, 0 or more, and "
            "below 1 together"
        )


def _number(values: Sequence[Any]) -> np.ndarray:
    """Numbers the different values in the order of first appearance."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values])


def _domain_of_units(units: np.ndarray, domains: Sequence[str]) -> list[str]:
    """Returns the most frequent domain of each unit; of equally frequent ones the first by name."""
    names = sorted(set(domains))
    number = {name: n for n, name in enumerate(names)}
    cells = units * len(names) + np.array([number[domain] for domain in domains])
    cells, counts = np.unique(cells, return_counts=True)
    unit, domain = np.divmod(cells, len(names))
    order = np.lexsort((domain, -counts, unit))
    first = np.unique(unit[order], return_index=True)[1]
    return [names[n] for n in domain[order][first]]


def _not_in_every_part(domains: list[str], parts: Sequence[set[int]]) -> set[str]:
    found = [{domains[unit] for unit in part} for part in parts]
    return {name for name in set(domains) if not all(name in part for part in found)}


def _hold_out(units: set[int], domains: list[str], ratio: float, seed: int, path: Path) -> set[int]:
    """Draws a share of the units; a domain with a single unit is left out of the draw."""
    if not ratio:
        return set()
    counts = Counter(domains[unit] for unit in units)
    drawn = [unit for unit in sorted(units) if counts[domains[unit]] > 1]
    return _draw(drawn, [domains[unit] for unit in drawn], ratio, seed, path)


def _draw(units: list[int], domains: list[str], ratio: float, seed: int, path: Path) -> set[int]:
    """Holds out a share of the units by `Dataset.train_test_split`, stratified by domain."""
    names = sorted(set(domains))
    held_out = min(max(round(len(units) * ratio), len(names)), len(units) - len(names))
    if not names or held_out < len(names):
        raise UserError(f"{path}: too few separate passages to hold any out; add more pairs")
    features = Features({"unit": Value("int64"), "domain": ClassLabel(names=names)})
    table = Dataset.from_dict({"unit": units, "domain": domains}, features=features)
    halves = table.train_test_split(test_size=held_out, stratify_by_column="domain", seed=seed)
    return set(halves["test"]["unit"])
