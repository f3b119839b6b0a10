"""Retrieval tasks that are drawn at random."""

from __future__ import annotations

import numpy as np

from evaluation.retrieval.task import RetrievalTask

# Relevant passages of one query: more than the largest cutoff of a metric.
MANY = 120


def random_task(rng: np.random.Generator, queries: list[str], corpus: list[str]) -> RetrievalTask:
    """A task of one to fifteen relevant passages per query, in three domains."""
    relevant = [rng.choice(len(corpus), rng.integers(1, 16), replace=False) for _ in queries]
    if len(corpus) > MANY:
        relevant[0] = rng.choice(len(corpus), MANY, replace=False)
    return RetrievalTask(
        queries=queries,
        query_ids=[f"q{n}" for n in range(len(queries))],
        domains=["abc"[n % 3] for n in range(len(queries))],
        clusters=np.arange(len(queries)),
        corpus=corpus,
        passage_ids=[f"p{n}" for n in range(len(corpus))],
        passage_domains=[frozenset("abc")] * len(corpus),
        relevant=[sorted(numbers.tolist()) for numbers in relevant],
    )
