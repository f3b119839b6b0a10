"""Ranks of the relevant passages of each query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import NoReturn, Protocol

import numpy as np
import torch
from tqdm.auto import tqdm

from evaluation.retrieval.task import RetrievalTask
from nic.encoding import COSINE
from nic.logs import on_terminal

TOP = 10
SCORES_AT_A_TIME = 20_000_000
# A matrix product of fewer queries waits for the memory: with 20 it takes twice as long for each.
LEAST_ROWS = 64
# Passages of which only the highest score is looked at first.
BLOCK = 1024
LONG_ROW = 100_000
# From this many scores on, some seconds of work, a progress bar is shown.
SCORES_WITH_BAR = 500_000_000
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
    """Ranks each query against its candidates, with a progress bar where that takes long.

    A passage that is not relevant and scores the same as a relevant one stands before it: ties
    count against the model.

    Args:
        scorer: Gives the scores.
        task: Queries, candidates and relevant sets.
        scores_at_a_time: As in `scored_queries`; it changes no rank.

    Returns:
        One entry a query, in the order of the task.
    """
    # Lists until the end: small arrays kept between large ones that are freed would leave holes
    # in the heap, some megabytes a query.
    found: dict[int, tuple[list[int], list[int], list[float], int]] = {}
    with _progress_bar(task) as bar, ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for numbers, candidates, scores in _scored_chunks(scorer, task, scores_at_a_time):
            relevant = [np.searchsorted(candidates, task.relevant[n]) for n in numbers.tolist()]
            maxima = _block_maxima(scores).cpu().numpy()
            works = (_rank_row, scores.cpu().numpy(), maxima, relevant, repeat(candidates))
            # Threads cost more than a short row takes.
            ranked = (pool.map if len(candidates) >= LONG_ROW else map)(*works)
            for number, row in zip(numbers.tolist(), ranked, strict=True):
                found[number] = row
            bar.update(len(numbers))
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
        scores_at_a_time: Scores that are held at once, or those of `LEAST_ROWS` queries where
            these are more.

    Yields:
        Number of a query, the ascending numbers of its candidates, and their `(candidates,)`
        scores. The queries of one domain follow each other where each has its own candidates.
    """
    for numbers, candidates, scores in _scored_chunks(scorer, task, scores_at_a_time):
        for number, row in zip(numbers.tolist(), scores, strict=True):
            yield number, candidates, row


def _scored_chunks(
    scorer: Scorer, task: RetrievalTask, scores_at_a_time: int
) -> Iterator[tuple[np.ndarray, np.ndarray, torch.Tensor]]:
    """Yields numbers of queries, their candidates, and `(queries, candidates)` scores."""
    for candidates, numbers in _by_candidates(task):
        rows = max(LEAST_ROWS, scores_at_a_time // len(candidates))
        for start in range(0, len(numbers), rows):
            chunk = numbers[start : start + rows]
            yield chunk, candidates, scorer.scores(chunk, candidates)


def _progress_bar(task: RetrievalTask) -> tqdm[NoReturn]:
    """Returns a bar over the queries; hidden for a short ranking, and without a terminal."""
    hidden = len(task.queries) * len(task.corpus) < SCORES_WITH_BAR or not on_terminal()
    return tqdm(total=len(task.queries), desc="Ranking", unit="query", leave=False, disable=hidden)


def _by_candidates(task: RetrievalTask) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns candidates, and the numbers of the queries that are ranked against them."""
    if task.scope == "all":
        return [(task.candidates(""), np.arange(len(task.queries)))]
    of_domain: dict[str, list[int]] = defaultdict(list)
    for number, domain in enumerate(task.domains):
        of_domain[domain].append(number)
    return [(task.candidates(domain), np.array(rows)) for domain, rows in of_domain.items()]


def _block_maxima(scores: torch.Tensor) -> torch.Tensor:
    """Returns the `(queries, blocks)` highest scores of each whole block of passages."""
    blocks = scores.shape[1] // BLOCK
    return scores[:, : blocks * BLOCK].unflatten(1, (blocks, BLOCK)).amax(dim=2)


def _rank_row(
    scores: np.ndarray, maxima: np.ndarray, relevant: np.ndarray, candidates: np.ndarray
) -> tuple[list[int], list[int], list[float], int]:
    """Returns ranks of the relevant passages, the first ten, their scores, number of candidates."""
    first = _first(scores, maxima, set(relevant.tolist()))
    ranks: list[int] = ranks_in_row(scores, relevant).tolist()
    return ranks, candidates[first].tolist(), scores[first].tolist(), len(candidates)


def ranks_in_row(scores: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Returns the ranks of the relevant passages of one query.

    Args:
        scores: `(passages,)` scores.
        relevant: The different indices of the relevant passages, one or more.

    Returns:
        Their 1-based ranks, ascending; ties count against them.
    """
    wanted = np.sort(scores[relevant])[::-1]
    not_below = np.array([np.count_nonzero(scores >= score) for score in wanted])
    relevant_not_below = np.count_nonzero(wanted[None, :] >= wanted[:, None], axis=1)
    return not_below - relevant_not_below + np.arange(1, len(wanted) + 1)


def _first(scores: np.ndarray, maxima: np.ndarray, relevant: set[int]) -> list[int]:
    """Returns the first ten passages; among equal scores the relevant ones last, then by number.

    Args:
        scores: `(passages,)` scores.
        maxima: The highest score of each whole block.
        relevant: Indices of the relevant passages.
    """
    numbers = _leading(scores, maxima)
    values = scores[numbers]
    last = np.partition(values, -TOP)[-TOP] if len(values) > TOP else values.min()
    above = numbers[values > last]
    # Of those that tie for the last places the first few are enough, were all scores equal.
    level = numbers[values == last][: TOP + len(relevant)]
    reached = np.concatenate([above, level])
    order = sorted(
        zip(scores[reached].tolist(), reached.tolist(), strict=True),
        key=lambda x: (-x[0], x[1] in relevant, x[1]),
    )
    return [number for _, number in order[:TOP]]


def _leading(scores: np.ndarray, maxima: np.ndarray) -> np.ndarray:
    """Returns the ascending numbers of passages among which are all that reach the tenth score.

    Ten blocks hold ten scores that are no lower than the tenth highest maximum: what is below it
    is none of the first ten.
    """
    if len(maxima) <= TOP:
        return np.arange(len(scores))
    blocks = np.flatnonzero(maxima >= np.partition(maxima, -TOP)[-TOP])
    rest = np.arange(len(maxima) * BLOCK, len(scores))
    return np.concatenate([(blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel(), rest])
