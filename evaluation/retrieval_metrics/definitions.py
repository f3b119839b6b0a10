"""The metrics table: every retrieval metric with its key, its title and where it is shown.

To add a metric, add its entry to `METRICS`; nothing else names a metric literally.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Flag, auto
from functools import partial
from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


class Shown(Flag):
    """Where a metric is shown; result files and `metadata.json` hold every metric.

    A metric of CONSOLE, REPORT, REPORT_DETAILS, PLOT, GATE or CHECKPOINT must also be one of
    COMPARISON, which computes its intervals.
    """

    NOWHERE = 0
    LOG = auto()  # lines of the run log
    CONSOLE = auto()  # tables of the console and sentences of a report
    REPORT = auto()  # open tables of report.html
    REPORT_DETAILS = auto()  # folded tables of report.html
    PLOT = auto()  # plots and the training curve
    COMPARISON = auto()  # 95 % intervals, tests and verdicts
    CARD = auto()  # table by domain and header of the model card
    GATE = auto()  # a gate on the mean, named by `Metric.name`
    CHECKPOINT = auto()  # choice of the best checkpoint, in the order of the table


@dataclass(frozen=True)
class Metric:
    """An entry of the metrics table.

    Attributes:
        key: Key in result files, such as "recall@5".
        title: Title in tables and plots.
        function: Value in [0, 1] of one query, from the 1-based ranks of its relevant passages in
            ascending order; infinity for a passage that is missing.
        meaning: What it measures, to be read after "is".
        shown: Where it is shown.
        needs_several: Whether it says something new only if a query has several relevant passages.
        cutoff_is_free: Whether a caller of the `evaluate.Metric` chooses its k.
    """

    key: str
    title: str
    function: Callable[[Sequence[float]], float]
    meaning: str
    shown: Shown = Shown.NOWHERE
    needs_several: bool = False
    cutoff_is_free: bool = False

    @property
    def name(self) -> str:
        """The key as a file name, a field and a gate: "recall_at_5" for "recall@5"."""
        return self.key.replace("@", "_at_")


def recall(ranks: Sequence[float], k: int) -> float:
    """Returns the share of the relevant passages that are among the first k."""
    return sum(rank <= k for rank in ranks) / len(ranks)


def hit_rate(ranks: Sequence[float], k: int) -> float:
    """Returns 1 if at least one relevant passage is among the first k, else 0."""
    return float(any(rank <= k for rank in ranks))


def reciprocal_rank(ranks: Sequence[float]) -> float:
    """Returns 1 / rank of the first relevant passage, over the whole ranking."""
    return 1.0 / ranks[0]


def ndcg(ranks: Sequence[float], k: int) -> float:
    """Returns nDCG@k with binary gains and the discount 1 / log2(rank + 1).

    Source: Jarvelin and Kekalainen, ACM TOIS 20(4), 2002, in the form of Burges et al., ICML 2005.
    """
    gains = sum(1.0 / log2(rank + 1.0) for rank in ranks if rank <= k)
    best = sum(1.0 / log2(place + 1.0) for place in range(1, min(len(ranks), k) + 1))
    return gains / best


def average_precision(ranks: Sequence[float], k: int) -> float:
    """Returns the mean over all relevant passages of the precision at their rank, 0 below rank k.

    The same as `map_cut` of trec_eval: the sum is divided by the number of relevant passages, even
    if it is above k.
    """
    precisions = (found / rank for found, rank in enumerate(ranks, start=1) if rank <= k)
    return sum(precisions) / len(ranks)


def recall_at(k: int, shown: Shown = Shown.NOWHERE) -> Metric:
    """Returns the entry of Recall@k."""
    meaning = f"the mean share of a query's relevant passages among the first {k}"
    function = partial(recall, k=k)
    return Metric(f"recall@{k}", f"Recall@{k}", function, meaning, shown, cutoff_is_free=True)


def hit_rate_at(k: int, shown: Shown = Shown.NOWHERE) -> Metric:
    """Returns the entry of the hit rate@k."""
    meaning = f"the share of queries with a relevant passage among the first {k}"
    function = partial(hit_rate, k=k)
    return Metric(f"hit_rate@{k}", f"Hit rate@{k}", function, meaning, shown, True, True)


HEADLINE = Shown.LOG | Shown.CONSOLE | Shown.REPORT | Shown.PLOT | Shown.GATE | Shown.CHECKPOINT

METRICS: tuple[Metric, ...] = (
    recall_at(1, Shown.CARD),
    recall_at(5, HEADLINE | Shown.COMPARISON | Shown.CARD),
    recall_at(10, Shown.CARD),
    hit_rate_at(1),
    hit_rate_at(5),
    hit_rate_at(10),
    Metric(
        "mrr",
        "MRR",
        reciprocal_rank,
        "the mean of 1 / rank of the first relevant passage over the whole ranking",
        HEADLINE | Shown.COMPARISON | Shown.CARD,
    ),
    Metric(
        "ndcg@10",
        "nDCG@10",
        partial(ndcg, k=10),
        "the gain of the relevant passages among the first 10, discounted by the logarithm of "
        "their ranks, as a share of the best possible one",
        Shown.COMPARISON | Shown.REPORT_DETAILS | Shown.CARD,
    ),
    Metric(
        "map@100",
        "MAP@100",
        partial(average_precision, k=100),
        "the mean over the relevant passages of the precision at their rank, to rank 100",
    ),
)


def shown_in(place: Shown) -> tuple[Metric, ...]:
    """Returns the metrics that are shown in a place, in the order of the table."""
    return tuple(metric for metric in METRICS if place in metric.shown)


# Checkpoints are compared by the first of these, and by the next where they are equal in it.
CHECKPOINT_METRICS = shown_in(Shown.CHECKPOINT)
# The metric by which a model is called better or worse than its base.
PRIMARY = CHECKPOINT_METRICS[0]


def metrics_at(cutoffs: Sequence[int] | None = None) -> tuple[Metric, ...]:
    """Returns the table with other values of k for Recall and hit rate; None keeps its own."""
    if cutoffs is None:
        return METRICS
    fixed = [metric for metric in METRICS if not metric.cutoff_is_free]
    return (*map(recall_at, cutoffs), *map(hit_rate_at, cutoffs), *fixed)


def query_metrics(
    ranks: Sequence[float] | np.ndarray, cutoffs: Sequence[int] | None = None
) -> dict[str, float]:
    """Returns the metrics of one query.

    Args:
        ranks: 1-based ranks of the relevant passages, ascending; infinity for one that is missing.
        cutoffs: The values of k of Recall and hit rate; None takes those of the table.

    Returns:
        The value of each metric by key, in [0, 1].
    """
    found = [float(rank) for rank in ranks]
    return {metric.key: metric.function(found) for metric in metrics_at(cutoffs)}


def ranks_in_list(ranked: Sequence[str], relevant: Sequence[str]) -> list[float]:
    """Returns the ranks of the relevant passages in a ranked list.

    Args:
        ranked: Different passage ids, the best first.
        relevant: Ids of the relevant passages, one or more; an id given twice counts once.

    Returns:
        Their 1-based ranks, ascending; infinity for each that the list does not hold.

    Raises:
        ValueError: No passage is relevant, or the list holds a passage twice.
    """
    if not relevant:
        raise ValueError("no relevant passage is given; leave the query out")
    places = {passage: place for place, passage in enumerate(ranked, start=1)}
    if len(places) < len(ranked):
        twice = next(id_ for place, id_ in enumerate(ranked, start=1) if places[id_] != place)
        raise ValueError(f'passage "{twice}" stands in the ranked list twice; keep its best place')
    return sorted(places.get(passage, float("inf")) for passage in set(relevant))
