"""Trainings of the tiny model as the command does them, without latency."""

from __future__ import annotations

from pathlib import Path

from evaluation.summary import EvaluationSummary
from nic.logs import open_run_log
from training import pipeline
from training.command.parser import parse_arguments
from training.loop.reporters import Reporters

FLAGS = [
    *("--epochs", "2", "--batch-size", "8", "--learning-rate", "1e-3", "--device", "cpu"),
    *("--val-ratio", "0.2", "--freeze-layers", "2", "--probe", "none", "--no-speed"),
    *("--precision", "fp32"),
]


def train_tiny(model: Path, data: Path, output: Path, *more: str) -> EvaluationSummary:
    """Returns the evaluation of a run; further flags win over those of `FLAGS`."""
    given = ["--base-model", str(model), "--data-file", str(data), "--output-dir", str(output)]
    with open_run_log(main_process=True) as log:
        summary = pipeline.train(*parse_arguments([*given, *FLAGS, *more]), log, Reporters())
    assert summary is not None
    return summary
