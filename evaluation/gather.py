"""Gathering the evidence: models are run, nothing is averaged yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.util.distributed import distributed_evaluation

from evaluation.baselines import BM25, BM25Scorer, FusionScorer
from evaluation.domain_evaluator import embed_task
from evaluation.latency import measure_speed
from evaluation.per_query import QueryResult, Results, score_task
from evaluation.probe import Probe
from evaluation.ranking import Scorer
from evaluation.task import RetrievalTask


def score_lexical(task: RetrievalTask, model: str, dense: Scorer) -> Results:
    """What BM25 finds, and BM25 together with the model under test.

    Args:
        task: The task.
        model: Name of the model under test.
        dense: Its scores.
    """
    lexical = BM25Scorer.of(task)
    fusion = FusionScorer(dense, lexical)
    return {BM25: score_task(lexical, task), f"{BM25} + {model}": score_task(fusion, task)}


def score_models(
    models: Mapping[str, SentenceTransformer], task: RetrievalTask, batch_size: int, progress: bool
) -> tuple[Results, dict[str, Scorer]]:
    """What each model finds; the processes of a launcher share the encoding.

    Returns:
        Results and scores by model in the first process, nothing in the others.
    """
    results: Results = {}
    scorers: dict[str, Scorer] = {}
    for name, model in models.items():
        with distributed_evaluation(model) as first_process:
            if first_process:
                scorers[name] = embed_task(model, task, batch_size, progress)
                results[name] = score_task(scorers[name], task)
    return results, scorers


def score_probe(
    models: Mapping[str, SentenceTransformer], probe: Probe | None, batch_size: int, progress: bool
) -> Results:
    """What each model finds on the forgetting probe; empty without one."""
    if probe is None:
        return {}
    return score_models(models, probe.task, batch_size, progress)[0]


def time_models(models: Mapping[str, SentenceTransformer], task: RetrievalTask) -> dict[str, Any]:
    """Speed of the models on the CPU, wherever they were before."""
    devices = {name: model.device for name, model in models.items()}
    for model in models.values():
        model.to("cpu")
    report = measure_speed(models, task.queries, task.corpus).as_dict()
    for name, model in models.items():
        model.to(devices[name])
    return report


def loads_and_encodes(folder: Path) -> bool:
    """Whether `SentenceTransformer(folder)` loads and gives one finite vector for a text."""
    try:
        vector = SentenceTransformer(str(folder), device="cpu").encode("Does it load?")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return False
    return vector.ndim == 1 and bool(np.isfinite(vector).all())


def all_results(
    model: str, base: str, found: Mapping[str, list[QueryResult]], lexical: Results
) -> Results:
    """Results in the order of a report: model under test, base model, others, baselines."""
    order = dict.fromkeys([model, base, *found])
    return {name: found[name] for name in order} | lexical
