"""The last steps of a run: the saved model is scored again and gets its card and metadata."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer
from transformers import SchedulerType

from evaluation.gates import describe_gates
from evaluation.report.output import PLOTS
from evaluation.report.plots import draw_plots
from evaluation.results import LogEntry
from evaluation.retrieval.evaluator import Metrics
from evaluation.serialization import to_json
from evaluation.summary import EvaluationSummary
from model_card.card.card import write_card
from model_card.card.facts import read_card_facts
from model_card.card.licensing import Terms, terms_in_words
from model_card.card.metadata import (
    describe_base_model,
    describe_data,
    describe_environment,
    describe_evaluation,
    describe_metrics,
    describe_model,
    describe_terms,
    write_metadata,
)
from model_card.package.integrity import hash_files
from nic.files import sha256_of
from nic.model_files import CARD, METADATA, SPLIT
from nic.models import ModelSource
from pairs.checks.report import CheckReport
from training.command.arguments import TrainingArguments
from training.command.asked_arguments import asked_arguments, repeat_command
from training.command.run_arguments import RunArguments
from training.fitting import Fitted
from training.loop.losses import describe_loss
from training.loop.schedule import LOWEST_LEARNING_RATE
from training.output.manifest import record
from training.run_data import RunData

logger = logging.getLogger(__name__)


def describe_training(
    run: RunArguments,
    arguments: TrainingArguments,
    fitted: Fitted,
) -> dict[str, Any]:
    """What was asked, what was done, and how it went (evaluations by step, no text)."""
    trainer = fitted.trainer
    return {
        "asked": asked_arguments(run, arguments),
        "command": repeat_command(run, arguments),
        **describe_loss(run.loss, trainer.model, vars(run)),
        "epochs": trainer.epochs,
        "rows_seen_per_epoch": trainer.rows_seen_per_epoch(),
        "batch_size": arguments.per_device_train_batch_size,
        "processes": arguments.world_size,
        "gradient_accumulation_steps": arguments.gradient_accumulation_steps,
        "learning_rate": arguments.learning_rate,
        "layer_learning_rates": trainer.layer_learning_rates(),
        "lowest_learning_rate": LOWEST_LEARNING_RATE if arguments.restarts_every_epoch else None,
        "schedule": "cosine, restarted every epoch"
        if arguments.restarts_every_epoch
        else SchedulerType(arguments.lr_scheduler_type).value,
        "weight_decay": arguments.weight_decay,
        "max_grad_norm": arguments.max_grad_norm,
        "seed": arguments.seed,
        "freezing": asdict(fitted.freezing),
        "negatives": asdict(fitted.negatives),
        "steps": trainer.state.global_step,
        "best_step": fitted.best.step,
        "seconds": round(fitted.seconds, 1),
        "history": history_from_base(trainer.state.log_history, fitted.base.validation.overall),
    }


def history_from_base(history: list[LogEntry], base: Metrics) -> list[LogEntry]:
    """Returns the Trainer's log with the base model's validation before it, as step 0.

    Args:
        history: The Trainer's log; one that begins with step 0 is returned as it is.
        base: Metrics of the base model on the validation queries.
    """
    keys: LogEntry = {f"eval_validation_{key}": value for key, value in base.items()}
    known = any(entry.get("step") == 0 and keys.keys() & entry.keys() for entry in history)
    return history if known else [{**keys, "epoch": 0.0, "step": 0}, *history]


def package(
    folder: Path,
    data: RunData,
    report: CheckReport | None,
    source: ModelSource,
    model: SentenceTransformer,
    training: dict[str, Any],
    summary: EvaluationSummary,
    run: RunArguments,
) -> None:
    """Writes plots, card and `metadata.json` beside the saved model."""
    logger.info("Drawing the plots of the card")
    (folder / PLOTS).mkdir(exist_ok=True)
    plots = draw_plots(summary, folder / PLOTS)
    record(folder, [METADATA, CARD, *(f"{PLOTS}/{plot.name}" for plot in plots)])
    metadata = {
        "model": describe_model(model, folder.name),
        **describe_terms(run.license, run.language, folder),
        "base_model": describe_base_model(source),
        "data": {
            **describe_data(data.pairs, data.counts.as_dict(), report.summary() if report else {}),
            "trained_on": len(data.training_rows),
            "dropped": data.dropped,
            "split_sha256": sha256_of(folder / SPLIT),
        },
        "training": training,
        "metrics": describe_metrics(summary),
        "evaluation": describe_evaluation(summary),
        "gates": to_json(describe_gates(summary.gates)),
        "figures": [plot.name for plot in plots],
        "environment": describe_environment(model.device),
    }
    facts = read_card_facts(metadata)
    stated = Terms(facts.license, facts.language)
    for line in terms_in_words(stated, facts.base_model.terms, facts.data.language):
        logger.info("%s", line)
    write_card(metadata, data.pairs, folder)
    write_metadata({**metadata, "files": hash_files(folder)}, folder)
