"""Draws of held-out rows: by passage, in folds, or by date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
from datasets.utils.stratify import stratified_shuffle_split_generate_indices

from nic.errors import UserError

SmallDomains = Literal["error", "train"]
SplitBy = Literal["passage", "date"]


@dataclass(frozen=True)
class Split:
    """Which rows of a file are trained on and which are held out.

    Attributes:
        train: Row numbers (0-based) that are trained on, ascending.
        validation: Row numbers that choose the checkpoint, ascending.
        seed: The seed of the draw.
        test: Row numbers that are kept for the final evaluation, ascending; empty where the split
            has no test part.
        left_out: Row numbers that are neither trained on nor asked, ascending: made pairs about
            held-out passages, and queries that are asked again later.
        by: "passage", or "date" where later queries are asked about any passage.
    """

    train: list[int]
    validation: list[int]
    seed: int
    test: list[int] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    by: SplitBy = "passage"

    @property
    def reported(self) -> list[int]:
        """Returns the rows whose queries are evaluated: test, or validation where it is empty."""
        return self.test or self.validation

    def parts(self) -> dict[str, list[int]]:
        """Returns the rows of each part by its name, without a test part that is empty."""
        parts = {"train": self.train, "validation": self.validation}
        return parts | ({"test": self.test} if self.test else {})


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


def draw_by_date(
    queries: np.ndarray,
    dates: Sequence[datetime],
    path: Path,
    val_ratio: float,
    test_ratio: float = 0.0,
    seed: int = 42,
) -> Split:
    """Holds out the latest rows for the test, and those before them for validation.

    Rows of one moment stay together. A row is left out where its query is asked in a later part.

    Args:
        queries: `(rows,)` number of the query of each row; equal texts have equal numbers.
        dates: When each query was asked.
        path: The file, for messages.
        val_ratio: Share of the rows to hold out for validation, in (0, 1).
        test_ratio: Share of the rows to hold out for the final evaluation; 0 for none.
        seed: Seed of the training, which this draw does not need.

    Raises:
        UserError: A share is out of range, or too few moments are left for every part.
    """
    _check_ratios(val_ratio, test_ratio)
    latest = sorted(range(len(dates)), key=lambda row: (dates[row], row))
    moments = [dates[row] for row in latest]
    starts = [
        moments.index(moments[min(round(len(latest) * (1 - ratio)), len(latest) - 1)])
        for ratio in (val_ratio + test_ratio, test_ratio)
        if ratio
    ]
    parts = [latest[a:b] for a, b in zip([0, *starts], [*starts, len(latest)], strict=True)]
    if not all(parts):
        raise UserError(
            f"{path}: too few different dates for every part; add more pairs, or split by passage"
        )
    later: set[int] = set()
    kept: list[list[int]] = []
    numbers = queries.tolist()
    for part in reversed(parts):
        kept.insert(0, sorted(row for row in part if numbers[row] not in later))
        later |= {numbers[row] for row in part}
    if not all(kept):
        raise UserError(f"{path}: every query of a part is asked again later; split by passage")
    left_out = sorted(set(latest).difference(*kept))
    train, validation, test = [*kept, []][:3]
    return Split(train, validation, seed, test, left_out, "date")


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
    """Holds out a share of the units, stratified by domain.

    The units are those of `Dataset.train_test_split`, which reads its column row by row.
    """
    names = sorted(set(domains))
    held_out = min(max(round(len(units) * ratio), len(names)), len(units) - len(names))
    if not names or held_out < len(names):
        raise UserError(f"{path}: too few separate passages to hold any out; add more pairs")
    number = {name: n for n, name in enumerate(names)}
    classes = np.array([number[domain] for domain in domains])
    sizes = (len(units) - held_out, held_out)
    draws = stratified_shuffle_split_generate_indices(classes, *sizes, np.random.default_rng(seed))
    return {units[n] for n in next(draws)[1].tolist()}
