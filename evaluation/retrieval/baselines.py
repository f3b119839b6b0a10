"""Baselines that need no training: BM25, and BM25 fused with a model by reciprocal rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bm25s
import numpy as np
import torch

from evaluation.retrieval.lexical_terms import lexical_terms
from evaluation.retrieval.query_results import metric_values, score_task
from evaluation.retrieval.ranking import SCORES_AT_A_TIME, Scorer
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS
from pairs.languages import tell_language

BM25 = "BM25"
NO_WORD = "\0"
# Cormack, Clarke and Buettcher, SIGIR 2009.
FUSION_CONSTANT = 60
# Weight of BM25 in a fusion: rank fusion as it is published, and the weights that are tried.
EVEN = 0.5
FUSION_WEIGHTS = (0.1, 0.3, EVEN, 0.7, 0.9)


@dataclass(frozen=True)
class BM25Scorer:
    """BM25 over the terms of a language (Lucene's variant, k1 1.5, b 0.75: library defaults).

    Attributes:
        index: The index of the whole corpus, distractors included.
        queries: Terms of each query.
    """

    index: bm25s.BM25
    queries: list[list[str]]

    @classmethod
    def of(cls, task: RetrievalTask, language: str | None = None) -> BM25Scorer:
        """Indexes the corpus of a task.

        Args:
            task: The task.
            language: ISO 639 code of the language of its texts, such as "de"; None tells it from
                the corpus.
        """
        return cls.of_texts(task.corpus, task.queries, language)

    @classmethod
    def of_texts(
        cls, corpus: list[str], queries: list[str], language: str | None = None
    ) -> BM25Scorer:
        """Indexes passages for queries; language as in `of`."""
        index = bm25s.BM25()
        language = language or tell_language(corpus)
        words = lexical_terms(corpus, language)
        # The library takes no corpus without a single word.
        index.index(words if any(words) else [[NO_WORD]] * len(words), show_progress=False)
        return cls(index, lexical_terms(queries, language))

    def of_queries(self, numbers: Sequence[int]) -> BM25Scorer:
        """Returns the scores of some of the queries, in this order, against the same corpus."""
        return BM25Scorer(self.index, [self.queries[number] for number in numbers])

    def scores(self, queries: np.ndarray, candidates: np.ndarray) -> torch.Tensor:
        """Returns scores of 0 and above; 0 where a passage has no word of the query."""
        rows = []
        for number in queries.tolist():
            known = [word for word in self.queries[number] if word in self.index.vocab_dict]
            scored = self.index.get_scores(known) if known else np.zeros(self._passages)
            rows.append(scored[candidates])
        return torch.from_numpy(np.stack(rows).astype(np.float32))

    @property
    def _passages(self) -> int:
        return int(self.index.scores["num_docs"])


@dataclass(frozen=True)
class FusionScorer:
    """Reciprocal rank fusion of a model and BM25, see `fuse`.

    Attributes:
        dense: Scores of a model.
        lexical: Scores of BM25.
        weight: Weight of BM25, in (0, 1).
    """

    dense: Scorer
    lexical: BM25Scorer
    weight: float = EVEN

    def scores(self, queries: np.ndarray, candidates: np.ndarray) -> torch.Tensor:
        """Returns sums in (0, 2 / 61]."""
        dense = self.dense.scores(queries, candidates).cpu()
        lexical = self.lexical.scores(queries, candidates)
        # Ranks take several times the memory of scores.
        rows = max(1, SCORES_AT_A_TIME // len(candidates))
        both = zip(dense.split(rows), lexical.split(rows), strict=True)
        return torch.cat([fuse(*scores, self.weight) for scores in both])


def fusion_name(model: str) -> str:
    """Returns the name under which the fusion of BM25 with a model is reported."""
    return f"{BM25} + {model}"


def choose_fusion_weight(dense: Scorer, lexical: BM25Scorer, task: RetrievalTask) -> float:
    """Returns the weight of BM25 with which a fusion finds most; of equal ones the most even.

    Args:
        dense: Scores of a model.
        lexical: Scores of BM25.
        task: The queries that choose; those of a later report are others.
    """
    found: dict[float, tuple[float, ...]] = {}
    for weight in FUSION_WEIGHTS:
        rows = score_task(FusionScorer(dense, lexical, weight), task)
        found[weight] = tuple(metric_values(rows, CHECKPOINT_METRICS).mean(axis=0).tolist())
    return max(FUSION_WEIGHTS, key=lambda weight: (found[weight], -abs(weight - EVEN)))


def fuse(dense: torch.Tensor, lexical: torch.Tensor, weight: float = EVEN) -> torch.Tensor:
    """Returns the weighted sum of 1 / (60 + rank) over two rankings of the same passages.

    A passage that BM25 gives nothing, for it shares no word with the query, gets nothing from it.

    Args:
        dense: `(queries, passages)` scores of a model.
        lexical: `(queries, passages)` scores of BM25.
        weight: Weight of BM25, in (0, 1); at 0.5 both count once.

    Returns:
        `(queries, passages)` scores in (0, 2 / 61].
    """
    from_bm25 = torch.where(lexical > 0, _shares(lexical), 0.0)
    return 2 * (1 - weight) * _shares(dense) + 2 * weight * from_bm25


def _shares(scores: torch.Tensor) -> torch.Tensor:
    """1 / (60 + rank) of each passage in its row; equal scores all have the last of their ranks."""
    rising = scores.sort(dim=1).values.contiguous()
    below = torch.searchsorted(rising, scores.contiguous(), side="left")
    return 1.0 / (FUSION_CONSTANT + scores.shape[1] - below).double()
