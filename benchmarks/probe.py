"""How hard the forgetting probe is, and how small a loss it can show.

    python benchmarks/probe.py

Prints the metrics of the untouched base model, then those of copies that were damaged by random
noise on their weights, with the half-width of the 95 % interval of each loss. Some minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from default_data import bm25_recall, word_overlap
from scipy.stats import norm
from sentence_transformers import SentenceTransformer

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator, embed_task
from evaluation.retrieval.query_results import score_task
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from nic.models import MINILM, find_model, load_model
from pairs.loading import load_pairs

PROBE = (
    Path(__file__).resolve().parents[1]
    / "evaluation"
    / "retrieval"
    / "probe_data"
    / "general.jsonl"
)
K = 5
SEEDS = (0, 1, 2, 3)
STRENGTHS = (0.05, 0.1, 0.15, 0.2)


def first_ranks(model: SentenceTransformer, task: RetrievalTask) -> np.ndarray:
    """Returns the rank of each query's passage among all passages of the task."""
    return np.array([row.rank for row in score_task(embed_task(model, task), task)])


def add_noise(model: SentenceTransformer, strength: float, seed: int) -> None:
    """Add to each weight matrix normal noise of a share of that matrix's own spread."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() == 2:
                weights += torch.randn_like(weights) * weights.std() * strength


def half_width(losses: np.ndarray, clusters: Sequence[int]) -> float:
    """Half of the 95 % interval of a mean of which whole clusters are drawn.

    Args:
        losses: One a query, of shape (queries,).
        clusters: The passage of each query.
    """
    sums = np.bincount(clusters, weights=losses - losses.mean())
    return float(norm.ppf(0.975) * np.sqrt((sums**2).sum()) / len(losses))


def print_damage(task: RetrievalTask, base: np.ndarray, strength: float) -> None:
    """Print the mean over the seeds: loss, half-width, and both where queries were independent."""
    rows = []
    clusters = [relevant[0] for relevant in task.relevant]
    for seed in SEEDS:
        model = load_model(find_model(MINILM), "cpu")
        add_noise(model, strength, seed)
        damaged = first_ranks(model, task)
        losses = (base <= K).astype(float) - (damaged <= K)
        reciprocal = 1 / base - 1 / damaged
        alone = half_width(losses, range(len(losses)))
        row = [losses.mean(), half_width(losses, clusters), alone, (losses != 0).mean()]
        rows.append([*row, reciprocal.mean(), half_width(reciprocal, clusters)])
    print(f"{strength:8.2f}" + "".join(f"{value:12.4f}" for value in np.mean(rows, axis=0)))


def main() -> None:
    """Prints the metrics."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    pairs = load_pairs(PROBE)
    task = retrieval_task(pairs, list(range(len(pairs.dataset))))
    model = load_model(find_model(MINILM), "cpu")
    report = DomainRetrievalEvaluator(task).evaluate(model)
    print(f"{len(task.queries):,} queries against {len(task.corpus):,} passages")
    print(f"content words of a query that stand in its positive: {word_overlap(pairs):.3f}")
    print(f"Recall@{K} of BM25: {bm25_recall(task, K):.3f}")
    for name, metrics in [*report.domains.items(), ("overall", report.overall)]:
        print(f"{name:12s}{metrics['recall@5']:8.4f}{metrics['mrr']:8.4f}{metrics['queries']:6.0f}")
    headings = ("loss R@5", "+-", "+- alone", "changed", "loss MRR", "+-")
    print("   noise" + "".join(f"{heading:>12s}" for heading in headings))
    base = first_ranks(model, task)
    for strength in STRENGTHS:
        print_damage(task, base, strength)


if __name__ == "__main__":
    main()
