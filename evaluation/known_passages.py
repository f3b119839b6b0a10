"""New queries about known passages, and about passages never seen: two questions, two answers.

Training knows a passage where made queries, or earlier ones of a split by date, have it as their
positive. A split by passage without made pairs knows none.
"""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.comparison import Difference, Estimate, compare_all_queries
from evaluation.results import EvaluationResults
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import PRIMARY
from pairs.draws import Split
from pairs.loading import Pairs
from pairs.split_counts import trained_positives
from pairs.words import comparable


@dataclass(frozen=True)
class KnownPart:
    """The primary metric of base and model on one part of the queries.

    Attributes:
        queries: Their number.
        base: The base model.
        tuned: The model under test.
        difference: Difference of the model from its base.
    """

    queries: int
    base: Estimate
    tuned: Estimate
    difference: Difference


@dataclass(frozen=True)
class KnownPassages:
    """Both parts of the queries.

    Attributes:
        known: Queries with a relevant passage that was a positive in training.
        unseen: The others; None where there is none.
    """

    known: KnownPart
    unseen: KnownPart | None


def queries_about_known(task: RetrievalTask, pairs: Pairs, split: Split) -> list[str]:
    """Returns the ids of the queries with a relevant passage that training knows.

    Args:
        task: The queries that are asked.
        pairs: The file.
        split: Which rows of it are trained on.
    """
    trained = trained_positives(pairs, split)
    known = [comparable(text) in trained for text in task.corpus]
    asked = zip(task.query_ids, task.relevant, strict=True)
    return [id_ for id_, relevant in asked if any(known[n] for n in relevant)]


def compare_known(results: EvaluationResults, seed: int) -> KnownPassages | None:
    """Returns what model and base find in both parts; None where no passage is known.

    Args:
        results: The results of each query.
        seed: Seed of the resampling.
    """
    if not results.known or results.model == results.base:
        return None
    known = frozenset(results.known)
    asked = {row.query_id for row in results.per_query[results.model]}
    found = _compare_part(results, known, seed)
    unseen = asked - known
    return KnownPassages(found, _compare_part(results, unseen, seed) if unseen else None)


def _compare_part(
    results: EvaluationResults, ids: frozenset[str] | set[str], seed: int
) -> KnownPart:
    names = (results.model, results.base)
    rows = {name: [r for r in results.per_query[name] if r.query_id in ids] for name in names}
    group = compare_all_queries(rows, results.base, seed)
    base, tuned = (group.estimates[name][PRIMARY.key] for name in reversed(names))
    return KnownPart(group.queries, base, tuned, group.differences[results.model][PRIMARY.key])
