"""The result of each query with each model, from which every metric is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.retrieval.ranking import Ranked, Scorer, rank_queries
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import Metric, query_metrics
from nic.errors import UserError, one_line
from nic.files import write_jsonl
from pairs.readers import read_records

FIELDS = (
    "query_id",
    "model",
    "domain",
    "cluster",
    "rank",
    "ranks",
    "candidates",
    "top_ids",
    "top_scores",
)


@dataclass(frozen=True)
class QueryResult:
    """The result of one query with one model.

    Attributes:
        query_id: As in `RetrievalTask`.
        domain: Domain of the query.
        cluster: Number that it shares with the queries of the same passage.
        ranks: 1-based ranks of its relevant passages, ascending.
        candidates: Number of passages that it was ranked against.
        top_ids: Ids of the first ten passages, the best first.
        top_scores: Their scores.
    """

    query_id: str
    domain: str
    cluster: int
    ranks: list[int]
    candidates: int
    top_ids: list[str]
    top_scores: list[float]

    @property
    def rank(self) -> int:
        """Rank of the first relevant passage."""
        return self.ranks[0]

    def metrics(self) -> dict[str, float]:
        """Returns its metrics by key."""
        return query_metrics(self.ranks)


Results = dict[str, list[QueryResult]]


def score_task(scorer: Scorer, task: RetrievalTask) -> list[QueryResult]:
    """Ranks the queries of a task; returns one result per query in the order of the task."""
    ranked = rank_queries(scorer, task)
    return [_result(task, number, found) for number, found in enumerate(ranked)]


def write_results(results: Mapping[str, Sequence[QueryResult]], path: Path) -> None:
    """Writes one JSON object per query and model, atomically; ids and numbers, no text."""
    contents = (
        {**vars(row), "model": model, "rank": row.rank}
        for model, rows in results.items()
        for row in rows
    )
    write_jsonl(path, ({name: content[name] for name in FIELDS} for content in contents))


def read_results(path: Path) -> Results:
    """Reads what `write_results` wrote.

    Raises:
        UserError: The file cannot be read, a line of it is wrong, or the models were asked
            different queries.
    """
    if not path.is_file():
        raise UserError(f"{path}: cannot be read (no such file); --from-results needs it")
    results: Results = {}
    for place, row, problem, _ in read_records(path, "--from-results"):
        if problem:
            raise UserError(f"{place}: not a row of results ({problem})")
        try:
            model, result = str(row["model"]), _from_row(row)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise UserError(f"{place}: not a row of results ({one_line(error)})") from error
        results.setdefault(model, []).append(result)
    asked = {tuple(result.query_id for result in rows) for rows in results.values()}
    if len(asked) != 1:
        raise UserError(f"{path}: its models were not asked the same queries; evaluate them again")
    return results


def _from_row(row: dict[str, Any]) -> QueryResult:
    if not row["ranks"] or row["ranks"][0] != row["rank"] or min(row["ranks"]) < 1:
        raise ValueError("ranks do not fit")
    return QueryResult(
        query_id=str(row["query_id"]),
        domain=str(row["domain"]),
        cluster=int(row["cluster"]),
        ranks=[int(rank) for rank in row["ranks"]],
        candidates=int(row["candidates"]),
        top_ids=[str(id_) for id_ in row["top_ids"]],
        top_scores=[float(score) for score in row["top_scores"]],
    )


def _result(task: RetrievalTask, number: int, found: Ranked) -> QueryResult:
    return QueryResult(
        query_id=task.query_ids[number],
        domain=task.domains[number],
        cluster=int(task.clusters[number]),
        ranks=found.ranks.tolist(),
        candidates=found.candidates,
        top_ids=[task.passage_ids[n] for n in found.top.tolist()],
        top_scores=[float(score) for score in found.top_scores],
    )


def metric_values(rows: Iterable[QueryResult], metrics: Sequence[Metric]) -> np.ndarray:
    """Returns the `(queries, metrics)` values of each query."""
    return np.array([[metric.function(row.ranks) for metric in metrics] for row in rows])
