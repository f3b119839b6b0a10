"""Exact search beside an approximate index: `python benchmarks/approximate_index.py`.

The passages of some files and copies of their embeddings with noise, until there are as many as
asked for; `--random` takes random directions, the worst case of an index. The index is HNSW of
faiss (`pip install faiss-cpu`) or of usearch (`pip install usearch`). One thread, one query at a
time as in a service; the last column is the ranking of an evaluation. Times are processor times.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ranking_scale import random_task, unit_vectors

from evaluation.retrieval.evaluator import embed_task
from evaluation.retrieval.ranking import TOP, DenseScorer, rank_queries
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from nic.models import MINILM, find_model, load_model
from pairs.loading import load_pairs

DATA = Path(__file__).parents[1] / "data" / "finetuning" / "training_pairs.jsonl"
# Neighbours of a vector in the graph, and how many are looked at when it is added.
NEIGHBOURS, BUILD_WIDTH = 32, 128
# How many are looked at for a query: more find more and take longer.
SEARCH_WIDTHS = (32, 128, 512)
# Norm of the noise of a copy beside a unit vector: copy and original have a cosine of 0.8.
NOISE = 0.75
RANKED = 200

# Returns the numbers of the ten nearest passages of one query, by a width of the search.
Search = Callable[[np.ndarray, int], np.ndarray]


def faiss_index(corpus: np.ndarray) -> Search:
    """Builds HNSW by faiss."""
    faiss = import_module("faiss")
    faiss.omp_set_num_threads(1)
    index: Any = faiss.IndexHNSWFlat(corpus.shape[1], NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILD_WIDTH
    index.add(corpus)

    def search(query: np.ndarray, width: int) -> np.ndarray:
        index.hnsw.efSearch = width
        found: np.ndarray = index.search(query[None], TOP)[1][0]
        return found

    return search


def usearch_index(corpus: np.ndarray) -> Search:
    """Builds HNSW by usearch, in single precision."""
    index: Any = import_module("usearch.index").Index(
        ndim=corpus.shape[1],
        metric="ip",
        dtype="f32",
        connectivity=NEIGHBOURS,
        expansion_add=BUILD_WIDTH,
    )
    index.add(np.arange(len(corpus)), corpus, threads=1)

    def search(query: np.ndarray, width: int) -> np.ndarray:
        index.expansion_search = width
        found: np.ndarray = index.search(query, TOP, threads=1).keys
        return found

    return search


LIBRARIES = {"faiss": faiss_index, "usearch": usearch_index}


def real_embeddings(files: list[str], queries: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns embeddings of queries drawn from the files, and of all their passages."""
    model = load_model(find_model(MINILM), "cpu")
    rng = np.random.default_rng(42)
    of_queries, passages = [], []
    for file in files:
        pairs = load_pairs(file)
        rows = rng.permutation(len(pairs))[: queries // len(files)].tolist()
        task: RetrievalTask = retrieval_task(pairs, rows)
        scorer = embed_task(model, task)
        of_queries.append(scorer.queries)
        passages.append(scorer.corpus)
    return torch.cat(of_queries), torch.cat(passages)


def with_copies(passages: torch.Tensor, count: int) -> torch.Tensor:
    """Returns `(count, dim)` embeddings: the passages, then copies of them with noise."""
    generator = torch.Generator().manual_seed(42)
    noise = unit_vectors(count, passages.shape[1], generator).mul_(NOISE)
    for start in range(0, count, len(passages)):
        noise[start : start + len(passages)] += passages[: count - start]
    noise[: len(passages)] = passages[:count]
    return torch.nn.functional.normalize(noise)


def milliseconds(work: Callable[[np.ndarray], object], queries: np.ndarray) -> float:
    """Returns the median processor time of a query."""
    taken = []
    for query in queries:
        start = time.process_time()
        work(query)
        taken.append(time.process_time() - start)
    return 1000 * float(np.median(taken))


def exact_search(corpus: torch.Tensor, query: np.ndarray) -> np.ndarray:
    """Returns the numbers of the ten nearest passages."""
    return torch.topk(corpus @ torch.from_numpy(query), TOP).indices.numpy()


def ranking_time(queries: torch.Tensor, corpus: torch.Tensor) -> float:
    """Returns the milliseconds that the exact ranks of an evaluation take for a query."""
    asked = queries[:RANKED]
    task = random_task(len(asked), len(corpus), np.random.default_rng(42))
    start = time.process_time()
    rank_queries(DenseScorer(asked, corpus), task)
    return 1000 * (time.process_time() - start) / len(asked)


def measure(library: str, queries: torch.Tensor, corpus: torch.Tensor) -> None:
    """Prints a line for each width of the search."""
    asked = queries.numpy()
    exact = milliseconds(lambda query: exact_search(corpus, query), asked)
    expected = [set(exact_search(corpus, query).tolist()) for query in asked]
    ranking = ranking_time(queries, corpus)
    start = time.process_time()
    search = LIBRARIES[library](corpus.numpy())
    built = time.process_time() - start
    for width in SEARCH_WIDTHS:
        found = [set(search(query, width).tolist()) for query in asked]
        common = [len(a & b) / TOP for a, b in zip(found, expected, strict=True)]
        taken = milliseconds(lambda query, width=width: search(query, width), asked)  # type: ignore[misc]
        print(
            f"{len(corpus):9,d} {library:8s} built in {built:7.1f} s  exact {exact:7.2f} ms  "
            f"width {width:3d} {taken:6.2f} ms  Recall@10 {np.mean(common):.3f}  "
            f"ranking {ranking:6.2f} ms a query",
            flush=True,
        )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-file", nargs="+", default=[str(DATA)])
    parser.add_argument("--passages", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--library", choices=LIBRARIES, nargs="+", default=list(LIBRARIES))
    parser.add_argument("--random", action="store_true", help="random directions in place of texts")
    given = parser.parse_args()
    for library in given.library:
        if find_spec(library) is None:
            parser.error(f"{library} is not installed; choose another --library, or install it")
    torch.set_num_threads(1)
    if given.random:
        generator = torch.Generator().manual_seed(1)
        queries = unit_vectors(given.queries, 384, generator)
        passages = unit_vectors(max(given.passages), 384, generator)
    else:
        queries, passages = real_embeddings(given.data_file, given.queries)
    print(f"{len(queries):,} queries, embeddings of {len(passages):,} passages", flush=True)
    for count in given.passages:
        corpus = passages[:count] if given.random else with_copies(passages, count)
        for library in given.library:
            measure(library, queries, corpus)


if __name__ == "__main__":
    main()
