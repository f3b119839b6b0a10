"""Ranks of the relevant passages of each query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from evaluation.retrieval.task import RetrievalTask
from nic.encoding import COSINE

TOP = 10
SCORES_AT_A_TIME = 20_000_000
# The exponents of their norms.
DISTANCES = {"euclidean": 2.0, "manhattan": 1.0}
# The faster way by a matrix product loses digits, so that equal texts would no longer tie.
EXACT = "donot_use_mm_for_euclid_dist"


class Scorer(Protocol):
    """Scores queries against passages; a higher score is a better place."""

    def scores(self, queries: np.ndarray, candidates: np.ndarray) -> torch.Tensor:
        """Returns `(queries, candidates)` scores of the given query and passage numbers."""


@dataclass(frozen=True)
class DenseScorer:
    """Scores of embeddings by the similarity of their model.

    Attributes:
        queries: `(queries, dim)` embeddings; for "cosine" of unit length.
        corpus: `(passages, dim)` embeddings, likewise, on the same device.
        similarity: "cosine", "dot", "euclidean" or "manhattan".
    """

    queries: torch.Tensor
    corpus: torch.Tensor
    similarity: str = COSINE

    def of_queries(self, numbers: Sequence[int]) -> DenseScorer:
        """Returns the scores of some of the queries, in this order, against the same corpus."""
        return DenseScorer(self.queries[list(numbers)], self.corpus, self.similarity)

    def scores(self, queries: np.ndarray, candidates: np.ndarray) -> torch.Tensor:
        """Returns cosines in [-1, 1], dot products, or distances with a negative sign."""
        whole = len(candidates) == len(self.corpus)
        corpus = self.corpus if whole else self.corpus[torch.from_numpy(candidates)]
        asked = self.queries[torch.from_numpy(queries)]
        if self.similarity in DISTANCES:
            return -torch.cdist(asked, corpus, DISTANCES[self.similarity], compute_mode=EXACT)
        return asked @ corpus.T


@dataclass(frozen=True)
class Ranked:
    """The ranking of one query.

    Attributes:
        ranks: 1-based ranks of its relevant passages, ascending.
        top: Numbers of the first ten passages in the corpus, the best first.
        top_scores: Their scores.
        candidates: Number of passages that it was ranked against.
    """

    ranks: np.ndarray
    top: np.ndarray
    top_scores: np.ndarray
    candidates: int


def rank_queries(
    scorer: Scorer, task: RetrievalTask, scores_at_a_time: int = SCORES_AT_A_TIME
) -> list[Ranked]:
    """Ranks each query against its candidates.

    A passage that is not relevant and scores the same as a relevant one stands before it: ties
    count against the model.

    Args:
        scorer: Gives the scores.
        task: Queries, candidates and relevant sets.
        scores_at_a_time: Bound on the scores that are held at once; it changes no rank.

    Returns:
        One entry a query, in the order of the task.
    """
    # Lists until the end: small arrays kept between large ones that are freed would leave holes
    # in the heap, some megabytes a query.
    found: dict[int, tuple[list[int], list[int], list[float], int]] = {}
    for number, candidates, row in scored_queries(scorer, task, scores_at_a_time):
        relevant = np.searchsorted(candidates, task.relevant[number]).tolist()
        found[number] = _rank_row(row, relevant, candidates)
    in_order = [found[number] for number in range(len(task.queries))]
    return [
        Ranked(np.array(ranks), np.array(top), np.array(scores, np.float64), candidates)
        for ranks, top, scores, candidates in in_order
    ]


def scored_queries(
    scorer: Scorer, task: RetrievalTask, scores_at_a_time: int = SCORES_AT_A_TIME
) -> Iterator[tuple[int, np.ndarray, torch.Tensor]]:
    """Yields the scores of each query against its candidates.

    Args:
        scorer: Gives the scores.
        task: Queries and candidates.
        scores_at_a_time: Bound on the scores that are held at once.

    Yields:
        Number of a query, the ascending numbers of its candidates, and their `(candidates,)`
        scores. The queries of one domain follow each other where each has its own candidates.
    """
    for candidates, numbers in _by_candidates(task):
        rows = max(1, scores_at_a_time // len(candidates))
        for start in range(0, len(numbers), rows):
            chunk = numbers[start : start + rows]
            scores = scorer.scores(chunk, candidates)
            for number, row in zip(chunk.tolist(), scores, strict=True):
                yield number, candidates, row


def _by_candidates(task: RetrievalTask) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns candidates, and the numbers of the queries that are ranked against them."""
    if task.scope == "all":
        return [(task.candidates(""), np.arange(len(task.queries)))]
    of_domain: dict[str, list[int]] = defaultdict(list)
    for number, domain in enumerate(task.domains):
        of_domain[domain].append(number)
    return [(task.candidates(domain), np.array(rows)) for domain, rows in of_domain.items()]


def _rank_row(
    scores: torch.Tensor, relevant: list[int], candidates: np.ndarray
) -> tuple[list[int], list[int], list[float], int]:
    """Returns ranks of the relevant passages, the first ten, their scores, number of candidates."""
    wanted = torch.as_tensor(relevant, device=scores.device)
    first = _first(scores, set(relevant))
    ranks: list[int] = ranks_in_row(scores, wanted).tolist()
    return ranks, candidates[first].tolist(), scores[first].tolist(), len(candidates)


def ranks_in_row(scores: torch.Tensor, relevant: torch.Tensor) -> np.ndarray:
    """Returns the ranks of the relevant passages of one query.

    Args:
        scores: `(passages,)` scores.
        relevant: The different indices of the relevant passages, one or more.

    Returns:
        Their 1-based ranks, ascending; ties count against them.
    """
    relevant_scores = scores[relevant].sort(descending=True).values
    not_below = torch.count_nonzero(scores[None, :] >= relevant_scores[:, None], dim=1)
    relevant_not_below = torch.count_nonzero(
        relevant_scores[None, :] >= relevant_scores[:, None], dim=1
    )
    position = torch.arange(1, len(relevant) + 1, device=scores.device)
    return (not_below - relevant_not_below + position).cpu().numpy()


def _first(scores: torch.Tensor, relevant: set[int]) -> list[int]:
    """Returns the first ten passages; among equal scores the relevant ones last, then by number."""
    last = torch.topk(scores, min(TOP, len(scores))).values[-1]
    above = torch.nonzero(scores > last).flatten()
    # Of those that tie for the last places the first few are enough, were all scores equal.
    level = torch.nonzero(scores == last).flatten()[: TOP + len(relevant)]
    reached = torch.cat([above, level]).tolist()
    values = scores[reached].tolist()
    order = sorted(zip(values, reached, strict=True), key=lambda x: (-x[0], x[1] in relevant, x[1]))
    return [number for _, number in order[:TOP]]
