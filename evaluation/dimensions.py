"""What a model still finds with the first numbers of its embeddings alone.

A model that is trained for it (Kusupati et al., Matryoshka Representation Learning,
arXiv:2205.13147) loses little, and an index becomes smaller by the same share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch.nn.functional import normalize

from evaluation.comparison import Difference, Estimate, compare_all_queries
from evaluation.retrieval.query_results import QueryResult, Results, score_task
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import PRIMARY
from nic.encoding import COSINE


@dataclass(frozen=True)
class Dimension:
    """The primary metric of two models with embeddings that are cut to one length.

    Attributes:
        dimension: Numbers of an embedding that are kept.
        base: The base model.
        tuned: The model under test.
        difference: Difference of the model from itself with whole embeddings; None for these.
    """

    dimension: int
    base: Estimate
    tuned: Estimate
    difference: Difference | None


def truncated_name(model: str, dimension: int) -> str:
    """Returns the name of the results of a model with embeddings that are cut."""
    return f"{model}@{dimension}"


def truncate(scorer: DenseScorer, dimension: int) -> DenseScorer:
    """Returns the scores of embeddings of which the first numbers are kept.

    Args:
        scorer: Scores of whole embeddings.
        dimension: Numbers to keep; for cosine similarity they get unit length again.
    """
    queries, corpus = scorer.queries[:, :dimension], scorer.corpus[:, :dimension]
    if scorer.similarity == COSINE:
        queries, corpus = normalize(queries, dim=1), normalize(corpus, dim=1)
    return DenseScorer(queries, corpus, scorer.similarity)


def score_truncated(
    scorers: Mapping[str, DenseScorer], task: RetrievalTask, dimensions: Sequence[int]
) -> Results:
    """Returns the results of each model with each length that is below its own."""
    return {
        truncated_name(name, dimension): score_task(truncate(scorer, dimension), task)
        for name, scorer in scorers.items()
        for dimension in dimensions
        if dimension < scorer.corpus.shape[1]
    }


def measure_dimensions(
    results: Mapping[str, Sequence[QueryResult]],
    model: str,
    base: str,
    dimensions: Sequence[int],
) -> list[Dimension]:
    """Returns the metrics of both models by length, the longest first.

    Args:
        results: Results of the models, and those of `score_truncated`.
        model: Name of the model under test.
        base: Name of its base.
        dimensions: The lengths; the longest is that of whole embeddings. None of them: none.
    """
    if not dimensions:
        return []
    whole, *shorter = sorted(dimensions, reverse=True)
    names = {whole: (base, model)}
    names |= {n: (truncated_name(base, n), truncated_name(model, n)) for n in shorter}
    both = {name: results[name] for pair in names.values() for name in pair}
    group = compare_all_queries(both, model)
    return [
        Dimension(
            dimension,
            group.estimates[of_base][PRIMARY.key],
            group.estimates[of_model][PRIMARY.key],
            group.differences[of_model][PRIMARY.key] if of_model != model else None,
        )
        for dimension, (of_base, of_model) in names.items()
    ]
