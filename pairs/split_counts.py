"""What a split holds and shares: counts for the log and for `metadata.json`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pairs.loading import Pairs
from pairs.split import Split

logger = logging.getLogger(__name__)

# The parts as the log names them.
SHORT = ("train", "val", "test")


@dataclass(frozen=True)
class SplitCounts:
    """Counts that tell how far the metrics of a split can be trusted.

    Attributes:
        pairs: Number of pairs of each part: train, validation and, where there is one, test.
        passages: Number of different positives of each part.
        shared_queries: Number of queries in more than one part; 0 for a split by passage.
        shared_passages: Number of positives in more than one part; 0 for a split by passage.
        positives_among_train_negatives: Of each held-out part, the number of different positives
            that also occur as training negatives.
        domains: Number of pairs of each part, by domain.
    """

    pairs: dict[str, int]
    passages: dict[str, int]
    shared_queries: int
    shared_passages: int
    positives_among_train_negatives: dict[str, int]
    domains: dict[str, dict[str, int]]

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts as they stand in `metadata.json`, one key per part and count."""
        held_out = self.positives_among_train_negatives.items()
        return {
            **{f"{part}_pairs": count for part, count in self.pairs.items()},
            **{f"{part}_passages": count for part, count in self.passages.items()},
            "shared_queries": self.shared_queries,
            "shared_passages": self.shared_passages,
            **{f"{part}_positives_among_train_negatives": count for part, count in held_out},
            "domains": self.domains,
        }


def describe_split(split: Split, pairs: Pairs, negatives: int | None = None) -> SplitCounts:
    """Counts the pairs, the passages and what is shared of each part of a split.

    Args:
        split: The split.
        pairs: The checked file.
        negatives: How many negatives of a row are trained on, its first; None for all.
    """
    queries, positives = pairs.comparable("query"), pairs.comparable("positive")
    of_row, domains = pairs.comparable_negatives(), pairs.column("domain")
    parts = split.parts()
    of_part = {name: Counter(domains[row] for row in rows) for name, rows in parts.items()}
    passages = {name: {positives[row] for row in rows} for name, rows in parts.items()}
    train_negatives = {text for row in split.train for text in of_row[row][:negatives]}
    return SplitCounts(
        pairs={name: len(rows) for name, rows in parts.items()},
        passages={name: len(texts) for name, texts in passages.items()},
        shared_queries=_shared(queries, parts),
        shared_passages=_shared(positives, parts),
        positives_among_train_negatives={
            name: len(texts & train_negatives)
            for name, texts in passages.items()
            if name != "train"
        },
        domains={
            domain: {name: counts[domain] for name, counts in of_part.items()}
            for domain in sorted(set(domains))
        },
    )


def log_split(counts: SplitCounts) -> None:
    """Logs the size of each part, in all and by domain, and what the parts share."""
    sizes = list(counts.pairs.values())
    short = SHORT[: len(sizes)]
    held_out = zip(sizes[1:], short[1:], strict=True)
    shares = [f"{100 * size / sum(sizes):.1f}% {name}" for size, name in held_out]
    names = "/".join(name.capitalize() for name in short)
    logger.info("%s split: %s (%s)", names, "/".join(map(str, sizes)), ", ".join(shares))
    for name, parts in counts.domains.items():
        logger.info("  %-20s: %s", name, "/".join(map(str, parts.values())))
    logger.info(
        "Shared by %s: %d passages, %d queries; %s passages also occur as training negatives",
        "both halves" if len(sizes) == 2 else "the parts",
        counts.shared_passages,
        counts.shared_queries,
        " and ".join(
            f"{count} of {counts.passages[part]} {part}"
            for part, count in counts.positives_among_train_negatives.items()
        ),
    )
    if counts.shared_passages or counts.shared_queries:
        logger.warning(
            "the given split leaks: the texts that its parts share bias every metric upwards"
        )


def _shared(column: Sequence[str], parts: dict[str, list[int]]) -> int:
    """Returns the number of texts that stand in more than one part."""
    found = Counter(text for rows in parts.values() for text in {column[row] for row in rows})
    return sum(count > 1 for count in found.values())
