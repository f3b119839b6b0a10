"""Ranks of the relevant passages of each query, and the metrics that follow from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

CUTOFFS = (1, 5, 10)
NDCG_CUTOFF = 10
SCORES_AT_A_TIME = 20_000_000


def ranks_of_relevant(
    queries: torch.Tensor,
    corpus: torch.Tensor,
    relevant: Sequence[Sequence[int]],
    scores_at_a_time: int = SCORES_AT_A_TIME,
) -> list[np.ndarray]:
    """Rank every query against the whole corpus by inner product.

    A passage that is not relevant and scores the same as a relevant one stands before it: ties
    count against the model.

    Args:
        queries: `(queries, dim)` embeddings, normalised.
        corpus: `(passages, dim)` embeddings, normalised, on the same device.
        relevant: For each query the different indices of its relevant passages, one or more.
        scores_at_a_time: Bound on the scores that are held at once; it changes no figure.

    Returns:
        For each query the 1-based ranks of its relevant passages, ascending.
    """
    rows = max(1, scores_at_a_time // max(len(corpus), 1))
    ranks: list[np.ndarray] = []
    for start in range(0, len(queries), rows):
        scores = queries[start : start + rows] @ corpus.T
        for row, wanted in zip(scores, relevant[start : start + rows], strict=True):
            ranks.append(_ranks_in_row(row, torch.as_tensor(list(wanted), device=row.device)))
    return ranks


def _ranks_in_row(scores: torch.Tensor, relevant: torch.Tensor) -> np.ndarray:
    relevant_scores = scores[relevant].sort(descending=True).values
    not_below = (scores[None, :] >= relevant_scores[:, None]).sum(dim=1)
    relevant_not_below = (relevant_scores[None, :] >= relevant_scores[:, None]).sum(dim=1)
    position = torch.arange(1, len(relevant) + 1, device=scores.device)
    return (not_below - relevant_not_below + position).cpu().numpy()


def query_metrics(ranks: np.ndarray) -> dict[str, float]:
    """The metrics of one query.

    Recall@k is the share of its relevant passages among the first k; hit_rate@k is 1 where at
    least one is. MRR is 1 / rank of the first relevant passage, over the whole ranking. nDCG@10 has
    binary gains and the discount 1 / log2(rank + 1) (Jarvelin and Kekalainen, ACM TOIS 20(4), 2002,
    in the form of Burges et al., ICML 2005).

    Args:
        ranks: 1-based ranks of the relevant passages, ascending.

    Returns:
        recall@1, recall@5, recall@10, hit_rate@1, hit_rate@5, hit_rate@10, mrr, ndcg@10, each in
        [0, 1].
    """
    metrics = {f"recall@{k}": float(np.mean(ranks <= k)) for k in CUTOFFS}
    metrics |= {f"hit_rate@{k}": float(np.any(ranks <= k)) for k in CUTOFFS}
    metrics["mrr"] = 1.0 / float(ranks[0])
    gains = np.sum(1.0 / np.log2(ranks[ranks <= NDCG_CUTOFF] + 1.0))
    best = np.sum(1.0 / np.log2(np.arange(min(len(ranks), NDCG_CUTOFF)) + 2.0))
    metrics["ndcg@10"] = float(gains / best)
    return metrics
