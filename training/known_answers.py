"""What must not stand beside a row in a batch: passages that answer its query too."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from pairs.checks.scan import Scan
from pairs.columns import POSITIVE
from pairs.loading import Pairs
from training.loop.batch_sampler import OWN, SHARED, Values

logger = logging.getLogger(__name__)

# Values of --keep-apart.
TEXTS, ANSWERS = "texts", "answers"


def scan_with_negatives(scan: Scan, pairs: Pairs, trained: Pairs) -> Scan:
    """Returns a file as numbers with the negatives that are trained on.

    Args:
        scan: The file as numbers.
        pairs: The file.
        trained: Its rows with negatives that are passages of it.
    """
    given = chain.from_iterable(pairs.comparable_negatives())
    numbers = dict(zip(given, scan.negatives.tolist(), strict=True))
    numbers |= dict(zip(pairs.comparable(POSITIVE), scan.positives.tolist(), strict=True))
    negatives = trained.comparable_negatives()
    counts = [len(of_row) for of_row in negatives]
    return replace(
        scan,
        negatives=np.array([numbers[text] for of_row in negatives for text in of_row], np.int64),
        negative_rows=np.repeat(np.arange(len(scan)), counts),
    )


def known_answers(scan: Scan, rows: Sequence[int], negatives: int, shared: bool) -> list[Values]:
    """Returns what the batch sampler keeps apart, by row.

    A row must share a batch with no passage that is a positive of its query anywhere in the file,
    or nearly equals one, be it another row's positive or its negative. Its own negatives are not
    looked at: `nic-check` flags one that answers its query.

    Args:
        scan: The file as numbers.
        rows: Numbers of the rows that are trained on.
        negatives: How many negatives of a row are trained on, its first; 0 for none.
        shared: Whether rows may share a negative.

    Returns:
        For each row its query and the groups of near-duplicates that answer it, as its own, and
        the groups of its negatives.
    """
    groups = scan.passages.groups
    answers: dict[int, set[int]] = defaultdict(set)
    for query, group in zip(scan.queries.tolist(), groups[scan.positives].tolist(), strict=True):
        answers[query].add(group)
    queries, kind = scan.queries.tolist(), SHARED if shared else OWN
    trained_on = scan.negative_places < negatives
    wrong: dict[int, set[tuple[int, str]]] = defaultdict(set)
    for row, group in zip(
        scan.negative_rows[trained_on].tolist(),
        groups[scan.negatives[trained_on]].tolist(),
        strict=True,
    ):
        wrong[row].add((kind, f"p{group}"))
    found = []
    for row in rows:
        own = {(OWN, f"q{queries[row]}"), *((OWN, f"p{group}") for group in answers[queries[row]])}
        found.append(frozenset(own | wrong[row]))
    several = sum(len(answers[queries[row]]) > 1 for row in rows)
    alike = int((groups != range(len(groups))).sum())
    logger.info(
        "Batches keep answers apart: %d rows have a query with several, and %d passages nearly "
        "equal another",
        several,
        alike,
    )
    return found
