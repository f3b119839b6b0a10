"""What a split holds and shares: counts for the log and for `metadata.json`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nic.shown_domains import left_out, shown_domains
from pairs.draws import Split
from pairs.loading import Pairs
from pairs.text_numbers import different

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
            Made pairs that are only trained on do not count.
        positives_among_train_negatives: Of each held-out part, the number of different positives
            that also occur as training negatives.
        domains: Number of pairs of each part, by domain.
        made_pairs: Number of made pairs of each part; none in a file without any.
        left_out_pairs: Number of pairs that are neither trained on nor asked.
        known_passages: Of each held-out part, the number of different positives that are also
            positives of training; none for a split by passage without made pairs.
        by_date: Whether the latest queries are held out, whatever passages answer them.
    """

    pairs: dict[str, int]
    passages: dict[str, int]
    shared_queries: int
    shared_passages: int
    positives_among_train_negatives: dict[str, int]
    domains: dict[str, dict[str, int]]
    made_pairs: dict[str, int] = field(default_factory=dict)
    left_out_pairs: int = 0
    known_passages: dict[str, int] = field(default_factory=dict)
    by_date: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Returns the counts as they stand in `metadata.json`, one key per part and count."""
        held_out = self.positives_among_train_negatives.items()
        return {
            **{f"{part}_pairs": count for part, count in self.pairs.items()},
            **{f"{part}_passages": count for part, count in self.passages.items()},
            "shared_queries": self.shared_queries,
            "shared_passages": self.shared_passages,
            **{f"{part}_positives_among_train_negatives": count for part, count in held_out},
            **{f"{part}_made_pairs": count for part, count in self.made_pairs.items()},
            **({"left_out_pairs": self.left_out_pairs} if self.left_out_pairs else {}),
            **{f"{part}_known_passages": count for part, count in self.known_passages.items()},
            **({"split_by": "date"} if self.by_date else {}),
            "domains": self.domains,
        }


def describe_split(split: Split, pairs: Pairs, negatives: int | None = None) -> SplitCounts:
    """Counts the pairs, the passages and what is shared of each part of a split.

    Args:
        split: The split.
        pairs: The checked file.
        negatives: How many negatives of a row are trained on, its first; None for all.
    """
    numbers, domains, made = pairs.numbers, pairs.column("domain"), pairs.made
    parts = {name: np.array(rows, np.int64) for name, rows in split.parts().items()}
    of_part = {name: Counter(domains[row] for row in rows) for name, rows in split.parts().items()}
    passages = {name: different(numbers.positives[rows]) for name, rows in parts.items()}
    # Made pairs that are only trained on may know a held-out passage; no other pair may.
    only_trained = made & ~made[[*split.validation, *split.test]].any()
    own = [numbers.positives[rows[~only_trained[rows]]] for rows in parts.values()]
    train_negatives = numbers.negatives[:negatives, parts["train"]]
    return SplitCounts(
        pairs={name: len(rows) for name, rows in parts.items()},
        passages={name: len(found) for name, found in passages.items()},
        shared_queries=_shared(numbers.queries[rows] for rows in parts.values()),
        shared_passages=_shared(own),
        positives_among_train_negatives={
            name: int(np.isin(found, train_negatives).sum())
            for name, found in passages.items()
            if name != "train"
        },
        domains={
            domain: {name: counts[domain] for name, counts in of_part.items()}
            for domain in sorted(set(domains))
        },
        made_pairs={n: int(made[rows].sum()) for n, rows in parts.items()} if made.any() else {},
        left_out_pairs=len(split.left_out),
        known_passages={
            name: int(np.isin(found, passages["train"]).sum())
            for name, found in passages.items()
            if name != "train" and (made.any() or split.by == "date")
        },
        by_date=split.by == "date",
    )


def trained_positives(pairs: Pairs, split: Split) -> set[str]:
    """Returns the positives that are trained on, in their comparable form."""
    positives = pairs.comparable("positive")
    return {positives[row] for row in split.train}


def _log_domains(domains: Mapping[str, Mapping[str, int]]) -> None:
    sizes = {name: sum(parts.values()) for name, parts in domains.items()}
    held_out = {name: sum(list(parts.values())[1:]) for name, parts in domains.items()}
    shown = shown_domains(sizes, held_out)
    for name in shown:
        logger.info("  %-20s: %s", name, "/".join(map(str, domains[name].values())))
    for line in left_out(len(domains), len(shown), "which metadata.json has"):
        logger.info("  %s", line)


def log_split(counts: SplitCounts) -> None:
    """Logs the size of each part, in all and by domain, and what the parts share."""
    sizes = list(counts.pairs.values())
    short = SHORT[: len(sizes)]
    held_out = zip(sizes[1:], short[1:], strict=True)
    shares = [f"{100 * size / sum(sizes):.1f}% {name}" for size, name in held_out]
    names = "/".join(name.capitalize() for name in short)
    logger.info("%s split: %s (%s)", names, "/".join(map(str, sizes)), ", ".join(shares))
    _log_domains(counts.domains if len(counts.domains) > 1 else {})
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
    if counts.made_pairs:
        made = counts.made_pairs
        logger.info(
            "Made pairs: %d trained on, %d held out; %d pairs about held-out passages left out",
            made["train"],
            sum(made.values()) - made["train"],
            counts.left_out_pairs,
        )
    if counts.known_passages:
        found = [
            f"{n} of {counts.passages[part]} {part}" for part, n in counts.known_passages.items()
        ]
        logger.info("Training knows %s passages, from other queries", " and ".join(found))
    if counts.by_date:
        logger.info(
            "Split by date: the held-out queries are the latest, whatever passages answer them; "
            "%d earlier ones with the same words are left out",
            counts.left_out_pairs,
        )
        return
    if counts.shared_passages or counts.shared_queries:
        logger.warning(
            "the given split leaks: the texts that its parts share bias every metric upwards"
        )


def _shared(parts: Iterable[np.ndarray]) -> int:
    """Returns the number of texts, each given by its number, that stand in more than one part."""
    counts = np.bincount(np.concatenate([different(part) for part in parts]))
    return int((counts > 1).sum())
