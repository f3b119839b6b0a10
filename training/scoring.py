"""Scores a model on the queries that choose the checkpoint and on those of the final report."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from evaluation.retrieval.evaluator import (
    DomainRetrievalEvaluator,
    RetrievalReport,
    aggregate_metrics,
    embed_task,
)
from evaluation.retrieval.query_results import QueryResult, score_task
from evaluation.retrieval.ranking import DenseScorer
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from nic.logs import on_terminal
from training.loop.checkpoints import BestCheckpoint
from training.run_data import RunData

# Metrics of one model on one device are equal; another order of sums differs by less than this.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Scored:
    """The retrieval results of a model.

    Attributes:
        validation: Mean metrics of the queries that choose the checkpoint.
        final: Results of each query of the final evaluation.
        scorer: Scores of the queries of the final evaluation.
    """

    validation: RetrievalReport
    final: list[QueryResult]
    scorer: DenseScorer


def score_model(
    model: SentenceTransformer, evaluator: DomainRetrievalEvaluator, data: RunData
) -> Scored:
    """Scores a model on the validation queries and on those of the final evaluation.

    The corpus is encoded once if both rank against all of it.
    """
    scorer = evaluator.embed(model)
    found = score_task(scorer, data.task)
    if data.one_task:
        return Scored(aggregate_metrics(found), found, scorer)
    corpus = None if data.task.left_out else scorer.corpus
    final = embed_task(model, data.final_task, show_progress=on_terminal(), corpus=corpus)
    return Scored(aggregate_metrics(found), score_task(final, data.final_task), final)


def score_base(
    model: SentenceTransformer, evaluator: DomainRetrievalEvaluator, data: RunData
) -> Scored:
    """Scores the base model as `score_model`; what mining has embedded is not embedded again."""
    if data.miner is None:
        return score_model(model, evaluator, data)
    scorer = data.miner.known.scorer_of(data.task)
    validation = score_task(scorer, data.task)
    if data.one_task:
        return Scored(aggregate_metrics(validation), validation, scorer)
    scorer = data.miner.known.scorer_of(data.final_task)
    return Scored(aggregate_metrics(validation), score_task(scorer, data.final_task), scorer)


def score_saved_model(
    folder: Path,
    saved: ChunkedSentenceTransformer,
    evaluator: DomainRetrievalEvaluator,
    data: RunData,
    best: BestCheckpoint,
    half: torch.dtype | None,
) -> Scored:
    """Scores the model read back from the output folder, in fp32.

    It is compared with its checkpoint first, in the precision of the training.

    Args:
        folder: The output folder, for messages.
        saved: The model read back from it.
        evaluator: The evaluator of the training.
        data: The tasks.
        best: The checkpoint with its metrics in training.
        half: The half precision of the training; None for fp32.

    Raises:
        UserError: The model does not score what it scored in training.
    """
    if half is None:
        tuned = score_model(saved, evaluator, data)
        check_saved_model(folder, best.report, tuned.validation)
        return tuned
    saved.run_in(half)
    check_saved_model(folder, best.report, evaluator.evaluate(saved))
    saved.run_in(None)
    return score_model(saved, evaluator, data)


def check_saved_model(folder: Path, expected: RetrievalReport, found: RetrievalReport) -> None:
    """Compares the metrics of the saved folder with those of the model before it was saved.

    Args:
        folder: The output folder, for the message.
        expected: The metrics before.
        found: The metrics of the model read back from the folder.

    Raises:
        UserError: A metric differs.
    """
    groups = {
        "overall": (expected.overall, found.overall),
        "macro": (expected.macro, found.macro),
    }
    for group, (before, after) in groups.items():
        for key, value in before.items():
            if not math.isclose(value, after[key], abs_tol=TOLERANCE):
                raise UserError(
                    f"{folder}: the saved model does not score what it scored in training "
                    f"({group} {key}: {value:.6f}, reloaded {after[key]:.6f}); do not use it"
                )
