"""Trainings of the tiny model as the command does them, without latency."""

from __future__ import annotations

from pathlib import Path

from evaluation.summary import EvaluationSummary
from nic.logs import open_run_log
from training import pipeline
from training.command.parser import parse_arguments, parse_search
from training.loop.reporters import Reporters

FLAGS = [
    *("--epochs", "2", "--batch-size", "8", "--learning-rate", "1e-3", "--device", "cpu"),
    *("--val-ratio", "0.2", "--freeze-layers", "2", "--probe", "none", "--no-speed"),
    *("--precision", "fp32"),
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
