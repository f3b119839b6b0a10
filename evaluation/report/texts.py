"""The texts behind the ids of an evaluation, for a report that shows them."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.retrieval.task import RetrievalTask


@dataclass(frozen=True)
class Texts:
    """Texts by id.

    Attributes:
        queries: Text of each query.
        passages: Text of each passage.
        expected: Ids of the relevant passages of each query.
    """

    queries: dict[str, str]
    passages: dict[str, str]
    expected: dict[str, list[str]]

    @classmethod
    def of(cls, task: RetrievalTask) -> Texts:
        """Returns the texts of a task."""
        expected = [[task.passage_ids[n] for n in relevant] for relevant in task.relevant]
        return cls(
            queries=dict(zip(task.query_ids, task.queries, strict=True)),
            passages=dict(zip(task.passage_ids, task.corpus, strict=True)),
            expected=dict(zip(task.query_ids, expected, strict=True)),
        )
