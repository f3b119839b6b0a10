"""The last steps of a run: the saved model is scored again and gets its card and metadata."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from transformers import SchedulerType

from evaluation.domain_evaluator import DomainRetrievalEvaluator, RetrievalReport
from model_card.card import CardFacts, write_card
from model_card.integrity import hash_files
from model_card.metadata import (
    describe_base_model,
    describe_data,
    describe_environment,
    describe_metrics,
    describe_model,
    write_metadata,
)
from training.arguments import RunArguments, TrainingArguments, asked_arguments
from training.base_model import ModelSource, load_model
from training.checkpoints import BestCheckpoint
from training.data import RunData
from training.errors import UserError
from training.freezing import Freezing
from training.schedule import LOWEST_LEARNING_RATE
from training.trainer import SCALE, PairsTrainer

# Two runs of one model on one device differ by nothing; another order of sums by less than this.
TOLERANCE = 1e-6


def verify_saved_model(
    folder: Path, evaluator: DomainRetrievalEvaluator, best: BestCheckpoint, device: torch.device
) -> RetrievalReport:
    """Load the saved folder from disk and score it again.

    Returns:
        The report of the saved model.

    Raises:
        UserError: A figure differs from what the checkpoint scored when it was saved.
    """
    saved = load_model(ModelSource(folder.name, str(folder), "the output folder"), device)
    report = evaluator.evaluate(saved)
    before, after = evaluator.flatten(best.report), evaluator.flatten(report)
    for key, value in before.items():
        if not math.isclose(value, after[key], abs_tol=TOLERANCE):
            raise UserError(
                f"{folder}: the saved model does not score what it scored in training "
                f"({key}: {value:.6f}, reloaded {after[key]:.6f}); do not use it"
            )
    return report


def describe_training(
    run: RunArguments,
    arguments: TrainingArguments,
    trainer: PairsTrainer,
    freezing: Freezing,
    best: BestCheckpoint,
    seconds: float,
) -> dict[str, Any]:
    """What was asked, what was done, and how it went (evaluations by step, no text)."""
    return {
        "asked": asked_arguments(run, arguments),
        "loss": type(trainer.loss).__name__,
        "scale": SCALE,
        "epochs": arguments.num_train_epochs,
        "batch_size": arguments.per_device_train_batch_size,
        "processes": arguments.world_size,
        "gradient_accumulation_steps": arguments.gradient_accumulation_steps,
        "learning_rate": arguments.learning_rate,
        "lowest_learning_rate": LOWEST_LEARNING_RATE if arguments.restarts_every_epoch else None,
        "schedule": "cosine, restarted every epoch"
        if arguments.restarts_every_epoch
        else SchedulerType(arguments.lr_scheduler_type).value,
        "weight_decay": arguments.weight_decay,
        "max_grad_norm": arguments.max_grad_norm,
        "seed": arguments.seed,
        "freezing": asdict(freezing),
        "steps": trainer.state.global_step,
        "best_step": best.step,
        "seconds": round(seconds, 1),
        "history": trainer.state.log_history,
    }


def package(
    folder: Path,
    data: RunData,
    findings: dict[str, Any],
    source: ModelSource,
    model: SentenceTransformer,
    training: dict[str, Any],
    base: RetrievalReport,
    tuned: RetrievalReport,
    device: torch.device,
) -> None:
    """Write the card and `metadata.json` beside the saved model."""
    facts = CardFacts(
        model=describe_model(model, folder.name),
        base_model=describe_base_model(source),
        data=describe_data(data.pairs, data.counts, findings),
        training=training,
        metrics=describe_metrics(base, tuned),
        environment=describe_environment(device),
    )
    write_card(facts, data.pairs, folder)
    write_metadata({**asdict(facts), "files": hash_files(folder)}, folder)
