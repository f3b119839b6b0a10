"""Leakage of a split by row and by passage, and statistical power of the held-out half."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import norm

from pairs.checks.scan import Scan
from pairs.draws import SmallDomains, Split
from pairs.split import RULES, RowsToSplit, SplitRules, split_rows
from pairs.text_numbers import different

CONFIDENCE = 0.95
# Share of the queries on which two models disagree; fine-tuning changes 0.1 to 0.2 of them.
DISAGREEMENT = 0.25


@dataclass(frozen=True)
class Leakage:
    """Number of held-out rows that share a text with the training half.

    Attributes:
        validation_rows: Held-out rows.
        same_positive: Held-out rows whose positive is also a positive of the training half.
        near_positive: Held-out rows whose positive is not, but is a near-duplicate of one.
        same_query: Held-out rows whose query is also in the training half.
        positive_as_negative: Held-out rows whose positive is a negative of the training half.
    """

    validation_rows: int
    same_positive: int
    near_positive: int
    same_query: int
    positive_as_negative: int


@dataclass(frozen=True)
class DomainPower:
    """Statistical power of the held-out half of a domain.

    Attributes:
        domain: Its name.
        rows: Rows of the file.
        queries: Different held-out queries.
        passages: Different held-out positives.
        smallest_difference: Smallest difference in Recall@5 that is significant if the queries are
            independent, in [0, 1]; None where nothing is held out.
        smallest_if_alike: The same if all queries of a passage succeed or fail together.
    """

    domain: str
    rows: int
    queries: int
    passages: int
    smallest_difference: float | None
    smallest_if_alike: float | None


def split_as_training_does(
    scan: Scan,
    val_ratio: float,
    seed: int,
    small_domains: SmallDomains,
    rules: SplitRules = RULES,
) -> Split:
    """Draws the same split as the training would draw on the good rows.

    Raises:
        UserError: Training would refuse to split the file.
    """
    domains = [scan.domain_names[number] for number in scan.domains]
    rows = RowsToSplit(
        scan.queries, scan.positives, domains, scan.made, scan.path, parts=scan.parts
    )
    return split_rows(rows, val_ratio, seed=seed, small_domains=small_domains, rules=rules)


def split_by_row(rows: int, val_ratio: float, seed: int) -> Split:
    """Draws a split of single rows, as many tools do, for comparison."""
    order = np.random.default_rng(seed).permutation(rows)
    held_out = max(round(rows * val_ratio), 1)
    return Split(sorted(order[held_out:].tolist()), sorted(order[:held_out].tolist()), seed)


def leakage(scan: Scan, split: Split) -> Leakage:
    """Counts what a split leaks."""
    train, held_out = np.array(split.train, np.int64), np.array(split.reported, np.int64)
    groups = scan.passages.groups
    positives = scan.positives[held_out]
    same = np.isin(positives, scan.positives[train])
    trained_on = scan.negatives[np.isin(scan.negative_rows, train)]
    near = np.isin(groups[positives], groups[scan.positives[train]]) & ~same
    return Leakage(
        validation_rows=len(held_out),
        same_positive=int(same.sum()),
        near_positive=int(near.sum()),
        same_query=int(np.isin(scan.queries[held_out], scan.queries[train]).sum()),
        positive_as_negative=int(np.isin(positives, trained_on).sum()),
    )


def power_by_domain(scan: Scan, split: Split | None) -> list[DomainPower]:
    """Returns the statistical power of each domain, and that of all of them as the last.

    A single domain is all of them, and stands there once.
    """
    held_out = np.array(split.reported if split else [], np.int64)
    overall = _power(scan, "overall", len(scan), held_out)
    names = scan.domain_names
    if len(names) == 1:
        return [overall]
    rows = np.bincount(scan.domains, minlength=len(names)).tolist()
    held_out = held_out[np.argsort(scan.domains[held_out], kind="stable")]
    of_domain = np.split(
        held_out, np.searchsorted(scan.domains[held_out], np.arange(1, len(names)))
    )
    parts = zip(names, rows, of_domain, strict=True)
    return [*(_power(scan, name, count, chosen) for name, count, chosen in parts), overall]


@lru_cache
def smallest_difference(queries: int) -> float | None:
    """Returns the smallest difference in Recall@5 of two models that is significant at 95 %.

    By the normal approximation of McNemar's test (1947): z * sqrt(d / n), with n the number
    of queries and d = 0.25 the share on which the two models disagree. At most 1.

    Args:
        queries: Number of queries with one positive each.
    """
    if not queries:
        return None
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    return min(z * math.sqrt(DISAGREEMENT / queries), 1.0)


def _power(scan: Scan, domain: str, rows: int, held_out: np.ndarray) -> DomainPower:
    queries, passages = (len(different(n[held_out])) for n in (scan.queries, scan.positives))
    return DomainPower(
        domain=domain,
        rows=rows,
        queries=queries,
        passages=passages,
        smallest_difference=smallest_difference(queries),
        smallest_if_alike=smallest_difference(passages),
    )
