"""What each kind of split would leak, and what the held-out half could show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from pairs.checks.scan import Scan
from pairs.split import SmallDomains, Split, connected_units, draw_split

CONFIDENCE = 0.95
# Share of the queries that one of two models finds and the other does not; tuning moves 0.1 to 0.2.
DISAGREEMENT = 0.25


@dataclass(frozen=True)
class Leakage:
    """How many held-out rows the training half has seen something of.

    Attributes:
        validation_rows: Number of held-out rows.
        same_positive: Those whose positive is a positive of the training half too.
        near_positive: Those whose positive is not, but nearly equals one.
        same_query: Those whose query stands in the training half too.
        positive_as_negative: Those whose positive is a negative of the training half.
    """

    validation_rows: int
    same_positive: int
    near_positive: int
    same_query: int
    positive_as_negative: int


@dataclass(frozen=True)
class DomainPower:
    """What the held-out half of a domain could show.

    Attributes:
        domain: Its name.
        rows: Rows of the file.
        queries: Different held-out queries.
        passages: Different held-out positives.
        smallest_difference: Smallest difference in Recall@5 that would be seen if each query were
            evidence of its own; None where nothing is held out.
        smallest_if_alike: The same if all queries of a passage fared alike.
    """

    domain: str
    rows: int
    queries: int
    passages: int
    smallest_difference: float | None
    smallest_if_alike: float | None


def split_as_training_does(
    scan: Scan, val_ratio: float, seed: int, small_domains: SmallDomains
) -> Split:
    """Draw the very split that training would draw on the good rows.

    Raises:
        UserError: Training would refuse to split the file.
    """
    units = connected_units(scan.queries.tolist(), scan.positives.tolist())
    domains = [scan.domain_names[number] for number in scan.domains]
    return draw_split(units, domains, scan.path, val_ratio, seed=seed, small_domains=small_domains)


def split_by_row(rows: int, val_ratio: float, seed: int) -> Split:
    """A split that asks nothing but the row: what many tools do, for comparison."""
    order = np.random.default_rng(seed).permutation(rows)
    held_out = max(round(rows * val_ratio), 1)
    return Split(sorted(order[held_out:].tolist()), sorted(order[:held_out].tolist()), seed)


def leakage(scan: Scan, split: Split) -> Leakage:
    """Count what a split leaks."""
    train, held_out = np.array(split.train, np.int64), np.array(split.reported, np.int64)
    groups = scan.passages.groups
    positives = scan.positives[held_out]
    same = np.isin(positives, scan.positives[train])
    near = np.isin(groups[positives], groups[scan.positives[train]]) & ~same
    return Leakage(
        validation_rows=len(held_out),
        same_positive=int(same.sum()),
        near_positive=int(near.sum()),
        same_query=int(np.isin(scan.queries[held_out], scan.queries[train]).sum()),
        positive_as_negative=int(np.isin(positives, scan.negatives[train]).sum()),
    )


def power_by_domain(scan: Scan, split: Split | None) -> list[DomainPower]:
    """What the held-out queries of each domain could show, and of all together as the last."""
    held_out = np.zeros(len(scan), bool)
    held_out[split.reported if split else []] = True
    everything = np.ones(len(scan), bool)
    parts = [(name, scan.domains == number) for number, name in enumerate(scan.domain_names)]
    return [_power(scan, name, rows, held_out) for name, rows in [*parts, ("overall", everything)]]


def smallest_difference(queries: int) -> float | None:
    """Smallest difference in Recall@5 of two models that would be significant at 95 %.

    By McNemar's test (1947) in its normal form: z * sqrt(d / n), with n the number of queries and
    d = 0.25 the share on which the two models disagree. At most 1.

    Args:
        queries: Number of queries with one positive each.
    """
    if not queries:
        return None
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    return min(z * math.sqrt(DISAGREEMENT / queries), 1.0)


def _power(scan: Scan, domain: str, rows: np.ndarray, held_out: np.ndarray) -> DomainPower:
    chosen = rows & held_out
    queries, passages = _different(scan.queries[chosen]), _different(scan.positives[chosen])
    return DomainPower(
        domain=domain,
        rows=int(rows.sum()),
        queries=queries,
        passages=passages,
        smallest_difference=smallest_difference(queries),
        smallest_if_alike=smallest_difference(passages),
    )


def _different(values: Sequence[int] | np.ndarray) -> int:
    return len(np.unique(values))
