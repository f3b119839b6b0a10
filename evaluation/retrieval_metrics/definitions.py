"""The metrics of one query, from the ranks of its relevant passages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CUTOFFS = (1, 5, 10)
NDCG_CUTOFF = 10


def query_metrics(
    ranks: Sequence[float] | np.ndarray, cutoffs: Sequence[int] = CUTOFFS
) -> dict[str, float]:
    """The metrics of one query.

    Recall@k is the share of its relevant passages among the first k; hit_rate@k is 1 where at
    least one is. MRR is 1 / rank of the first relevant passage, over the whole ranking. nDCG@10 has
    binary gains and the discount 1 / log2(rank + 1) (Jarvelin and Kekalainen, ACM TOIS 20(4), 2002,
    in the form of Burges et al., ICML 2005).

    Args:
        ranks: 1-based ranks of the relevant passages, ascending; infinity for one that is missing.
        cutoffs: The values of k.

    Returns:
        recall@k of each k, hit_rate@k of each k, mrr and ndcg@10, each in [0, 1].
    """
    ranks = np.asarray(ranks)
    metrics = {f"recall@{k}": float(np.mean(ranks <= k)) for k in cutoffs}
    metrics |= {f"hit_rate@{k}": float(np.any(ranks <= k)) for k in cutoffs}
    metrics["mrr"] = 1.0 / float(ranks[0])
    gains = np.sum(1.0 / np.log2(ranks[ranks <= NDCG_CUTOFF] + 1.0))
    best = np.sum(1.0 / np.log2(np.arange(min(len(ranks), NDCG_CUTOFF)) + 2.0))
    metrics["ndcg@10"] = float(gains / best)
    return metrics


def ranks_in_list(ranked: Sequence[str], relevant: Sequence[str]) -> list[float]:
    """Ranks of the relevant passages in a ranked list.

    Args:
        ranked: Different passage ids, the best first.
        relevant: Ids of the relevant passages, one or more; an id twice counts once.

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
