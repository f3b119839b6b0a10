"""Time and memory of ranking against a large corpus: `python benchmarks/ranking_scale.py`.

Random unit vectors, 10,000 queries against a million passages of 384 dimensions by default. What
ranking adds to the peak of the process is what it needs beside embeddings and task.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from scale import peak_bytes

from evaluation.retrieval.query_results import metric_values, score_task
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS

GIB = 2**30
ROWS_AT_A_TIME = 100_000


def unit_vectors(count: int, dimensions: int, generator: torch.Generator) -> torch.Tensor:
    """`(count, dimensions)` random directions, made in place."""
    vectors = torch.empty(count, dimensions)
    for chunk in vectors.split(ROWS_AT_A_TIME):
        chunk.normal_(generator=generator)
        chunk /= chunk.norm(dim=1, keepdim=True)
    return vectors


def random_task(queries: int, passages: int, rng: np.random.Generator) -> RetrievalTask:
    """A task without texts; a query has one to three relevant passages."""
    relevant = [
        sorted(set(rng.integers(passages, size=n).tolist())) for n in rng.integers(1, 4, queries)
    ]
    return RetrievalTask(
        queries=[""] * queries,
        query_ids=[f"q{n}" for n in range(queries)],
        domains=["a"] * queries,
        clusters=np.arange(queries),
        corpus=[""] * passages,
        passage_ids=[f"p{n}" for n in range(passages)],
        passage_domains=[frozenset("a")] * passages,
        relevant=relevant,
    )


def main() -> None:
    """Print time and memory."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=384)
    given = parser.parse_args()
    generator = torch.Generator().manual_seed(42)
    task = random_task(given.queries, given.passages, np.random.default_rng(42))
    scorer = DenseScorer(
        unit_vectors(given.queries, given.dimensions, generator),
        unit_vectors(given.passages, given.dimensions, generator),
    )
    embeddings = 4 * given.dimensions * (given.passages + given.queries)
    before = peak_bytes()
    start, busy = time.perf_counter(), time.process_time()
    results = score_task(scorer, task)
    wall, cpu = time.perf_counter() - start, time.process_time() - busy
    metric = CHECKPOINT_METRICS[-1]
    mean = metric_values(results, [metric]).mean()
    print(
        f"{given.queries:,} queries against {given.passages:,} passages, {metric.title} {mean:.1e}"
    )
    print(
        f"{wall:.0f} s, {cpu:.0f} s of processor time with {torch.get_num_threads()} threads, "
        f"{1000 * cpu / given.queries:.1f} ms a query"
    )
    print(
        f"embeddings {embeddings / GIB:.2f} GiB; peak of the process {peak_bytes() / GIB:.2f} GiB"
    )
    print(f"ranking added {(peak_bytes() - before) / GIB:.2f} GiB to the peak")


if __name__ == "__main__":
    main()
