"""Trainings of the tiny model as the command does them, without latency."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.summary import EvaluationSummary
from nic.logs import open_run_log
from training import fitting, pipeline
from training.command.parser import parse_arguments, parse_search
from training.loop.losses import build_loss
from training.loop.reporters import Reporters
from training.loop.trainer import PairsTrainer, build_trainer

# One loss and hard negatives, whatever the defaults are.
GIVEN_NEGATIVES = ["--directions", "query_to_doc", "--negatives", "auto"]
FLAGS = [
    *("--epochs", "2", "--batch-size", "8", "--learning-rate", "1e-3", "--device", "cpu"),
    *("--val-ratio", "0.2", "--freeze-layers", "2", "--probe", "none", "--no-speed"),
    *("--precision", "fp32", "--mix", "off", "--lr_scheduler_type", "cosine_with_restarts"),
    *GIVEN_NEGATIVES,
]


def train_tiny(model: Path, data: Path, output: Path, *more: str) -> EvaluationSummary:
    """Returns the evaluation of a run; further flags win over those of `FLAGS`."""
    given = named(model, data, output)
    with open_run_log(main_process=True) as log:
        summary = pipeline.train(*parse_arguments([*given, *FLAGS, *more]), log, Reporters())
    assert summary is not None
    return summary


def tune_tiny(model: Path, data: Path, output: Path, *more: str) -> EvaluationSummary:
    """Returns the evaluation of a search; further flags win over those of `FLAGS`."""
    run, arguments, search = parse_search([*named(model, data, output), *FLAGS, *more])
    with open_run_log(main_process=True) as log:
        summary = pipeline.train(run, arguments, log, Reporters(), search)
    assert summary is not None
    return summary


def named(model: Path, data: Path, output: Path) -> list[str]:
    """Returns the flags of the files of a run."""
    return ["--base-model", str(model), "--data-file", str(data), "--output-dir", str(output)]


def trainer_of(
    model: SentenceTransformer, data: Dataset, folder: Path, *words: str
) -> PairsTrainer:
    """Returns a trainer of batches of 8 that evaluates nothing; further flags win."""
    given = ["--output-dir", str(folder), "--device", "cpu", "--batch-size", "8"]
    given += ["--mini-batch-size", "3", *GIVEN_NEGATIVES]
    run, arguments = parse_arguments([*given, *words])
    loss = build_loss(model, run.loss, vars(run))
    # It is not called.
    evaluator = DomainRetrievalEvaluator.__new__(DomainRetrievalEvaluator)
    return build_trainer(model, arguments, data, loss, evaluator, [])


def loss_of_a_batch(trainer: PairsTrainer) -> float:
    """Returns the loss of the first batch, without dropout."""
    trainer.model.eval()
    batch = next(iter(trainer.get_train_dataloader()))
    return float(trainer.compute_loss(trainer.model, dict(batch)).item())


def calling_in(training: int, callback: TrainerCallback) -> Callable[..., Any]:
    """Returns a `build_trainer` whose trainer of a number, from 0, has one more callback."""
    built: list[Any] = []
    build = fitting.build_trainer

    def with_callback(*given: Any) -> Any:
        built.append(build(*given))
        if len(built) == training + 1:
            built[-1].add_callback(callback)
        return built[-1]

    return with_callback


def count_trainings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Returns a list that gets an entry for each training of a run from now on."""
    built: list[Any] = []
    build = fitting.build_trainer

    def count(*given: Any) -> Any:
        built.append(given)
        return build(*given)

    monkeypatch.setattr(fitting, "build_trainer", count)
    return built
