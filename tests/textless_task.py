"""A retrieval task of given sizes without texts, for scores that are given too."""

from __future__ import annotations

import numpy as np

from evaluation.retrieval.task import RetrievalTask, Scope


def task_of(
    relevant: list[list[int]], passages: int, domains: str = "", scope: Scope = "all"
) -> RetrievalTask:
    """A task without texts; `domains` has a letter a passage, and the queries are of domain a."""
    return RetrievalTask(
        queries=[""] * len(relevant),
        query_ids=[f"q{n}" for n in range(len(relevant))],
        domains=["a"] * len(relevant),
        clusters=np.arange(len(relevant)),
        corpus=[""] * passages,
        passage_ids=[f"p{n}" for n in range(passages)],
        passage_domains=[frozenset(letter) for letter in domains or "a" * passages],
        relevant=relevant,
        scope=scope,
    )
