"""How hard the default data is, and what training makes of it.

    python benchmarks/default_data.py
    python benchmarks/default_data.py --seeds 42 1 2 3 4

The first prints what word matching and the untouched base model find. With seeds, the training
command runs once for each (some ten minutes per seed on two cores) and its metrics follow.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bm25s
import numpy as np
import Stemmer

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS
from nic.models import MINILM, find_model, load_model
from pairs.checks.texts import content_words
from pairs.loading import Pairs, load_pairs

PROJECT = Path(__file__).resolve().parents[1]
DATA = PROJECT / "data" / "finetuning" / "training_pairs.jsonl"
STEMMER = Stemmer.Stemmer("english")


def stems(text: str) -> set[str]:
    """The Snowball stems of a text's content words."""
    return set(STEMMER.stemWords(content_words(text)))


def word_overlap(pairs: Pairs) -> float:
    """Mean share of a query's content words, by their stems, that stand in its positive."""
    shares = []
    passages = {positive: stems(positive) for positive in set(pairs.column("positive"))}
    for query, positive in zip(pairs.column("query"), pairs.column("positive"), strict=True):
        words = stems(query)
        shares.append(len(words & passages[positive]) / len(words))
    return float(np.mean(shares))


def bm25_recall(task: RetrievalTask, k: int = 5) -> float:
    """Recall@k of BM25 (stemmed, Lucene's variant, the library's k1 and b)."""
    index = bm25s.BM25()
    index.index(bm25s.tokenize(task.corpus, stemmer=STEMMER, show_progress=False), False, False)
    asked = bm25s.tokenize(task.queries, stemmer=STEMMER, show_progress=False)
    found = index.retrieve(asked, k=k, show_progress=False).documents
    hits = [
        len(set(row.tolist()) & set(relevant)) / len(relevant)
        for row, relevant in zip(found, task.relevant, strict=True)
    ]
    return float(np.mean(hits))


def train(seed: int, folder: Path) -> tuple[dict[str, float], dict[str, float], float]:
    """Runs the training command; returns the overall metrics, base and tuned, and the wall time."""
    start = time.perf_counter()
    command = [sys.executable, "training/train.py", "--seed", str(seed)]
    subprocess.run(
        [*command, "--output-dir", str(folder)], cwd=PROJECT, check=True, capture_output=True
    )
    seconds = time.perf_counter() - start
    metrics = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))["metrics"]
    return metrics["base"]["overall"], metrics["tuned"]["overall"], seconds


def main() -> None:
    """Prints the metrics."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="train with each of these")
    seeds = parser.parse_args().seeds
    pairs = load_pairs(DATA)
    task = retrieval_task(pairs, list(range(len(pairs.dataset))))
    base = DomainRetrievalEvaluator(task).evaluate(load_model(find_model(MINILM), "cpu")).overall
    print(f"{len(task.queries):,} queries against {len(task.corpus):,} passages")
    print(f"content words of a query that stand in its positive: {word_overlap(pairs):.3f}")
    print(f"Recall@5 of BM25: {bm25_recall(task):.3f}")
    print("base model: " + ", ".join(f"{m.title} {base[m.key]:.3f}" for m in CHECKPOINT_METRICS))
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            before, after, seconds = train(seed, Path(folder) / "model")
        both = (before, after)
        metrics = [f"{found[m.key]:.4f}" for found in both for m in CHECKPOINT_METRICS]
        half = len(CHECKPOINT_METRICS)
        print(
            f"seed {seed}: base {', '.join(metrics[:half])}; tuned {', '.join(metrics[half:])}; ",
            end="",
        )
        print(f"{seconds / 60:.1f} min", flush=True)


if __name__ == "__main__":
    main()
