"""Reporters by `--report_to`: checked before any work, and metrics named by domain.

A reporter is a callback of the Trainer, such as that of TensorBoard. It is called through
`NamedReporter`; the Trainer's own log keeps its keys, by which checkpoints are chosen.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from evaluation.gates import Gate
from evaluation.retrieval.evaluator import RetrievalReport
from evaluation.retrieval.task import OVERALL
from nic.errors import UserError, one_line
from training.command.arguments import TrainingArguments
from training.loop.trainer import PairsTrainer

# Where reporters write, if the variable is set.
STORES = {
    "tensorboard": "TENSORBOARD_LOGGING_DIR",
    "trackio": "TRACKIO_DIR",
    "wandb": "WANDB_DIR",
}
COUNT = "queries"


def check_reporters(arguments: TrainingArguments) -> None:
    """Refuses a reporter that is unknown, not installed, or could not write.

    Raises:
        UserError: Names the reporter and the reason.
    """
    for name in arguments.report_to:
        if name not in INTEGRATION_TO_CALLBACK:
            known = ", ".join(INTEGRATION_TO_CALLBACK)
            raise UserError(f"--report_to {name}: no such reporter; there are {known}, none")
        with _one_line(name):
            INTEGRATION_TO_CALLBACK[name]()
        variable = STORES.get(name, "")
        if folder := os.environ.get(variable):
            _check_store(name, variable, Path(folder).expanduser())


def _check_store(name: str, variable: str, folder: Path) -> None:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(
            f"--report_to {name}: cannot write to {folder}; change {variable} or its permissions"
        )


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    """Turns any failure of a reporter, which is code of others, into one line."""
    try:
        yield
    except Exception as error:
        reason = one_line(error)
        raise UserError(f"--report_to {name}: {reason}") from error


class NamedReporter:
    """A reporter that gets the metrics as `eval/DOMAIN/METRIC`, with those of the base at step 0.

    Args:
        name: Its name after `--report_to`.
        reporter: The Trainer's callback.
        names: What it calls a key of the Trainer's log.
    """

    def __init__(self, name: str, reporter: TrainerCallback, names: Mapping[str, str]) -> None:
        self.name = name
        self.reporter = reporter
        self.names = names
        self.base: dict[str, float] = {}
        self.trainer: Any = None

    def __getattr__(self, event: str) -> Any:
        """Passes every other event on."""
        return getattr(self.reporter, event)

    def open(self, trainer: PairsTrainer) -> None:
        """Opens the store, before the training does anything.

        Raises:
            UserError: It cannot be opened.
        """
        self.trainer = trainer
        with _one_line(self.name):
            self.reporter.on_train_begin(
                trainer.args, trainer.state, trainer.control, model=trainer.model
            )

    def report(self, metrics: Mapping[str, float]) -> None:
        """Reports metrics at the latest step."""
        trainer = self.trainer
        self.on_log(trainer.args, trainer.state, trainer.control, logs=metrics, model=trainer.model)

    def close(self) -> None:
        """Closes the store."""
        trainer = self.trainer
        self.reporter.on_train_end(
            trainer.args, trainer.state, trainer.control, model=trainer.model
        )

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reports the metrics of the base model, unless the run is a resumed one."""
        if state.global_step == 0:
            self.on_log(args, state, control, logs=self.base, **kwargs)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **kwargs: Any
    ) -> None:
        """Reports metrics under their names for people."""
        counts = f"_{COUNT}"
        named = {self.names.get(k, k): v for k, v in logs.items() if not k.endswith(counts)}
        self.reporter.on_log(args, state, control, logs=named, **kwargs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Keeps the store open: the gates are measured after the training."""


class Reporters:
    """The reporters of a run."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.reporters: list[NamedReporter] = []

    def open(self, trainer: PairsTrainer) -> None:
        """Opens the reporters of a trainer, and takes their place among its callbacks.

        Raises:
            UserError: A store cannot be opened.
        """
        callbacks = trainer.callback_handler.callbacks
        for place, callback in enumerate(callbacks):
            for name in trainer.args.report_to:
                if type(callback) is INTEGRATION_TO_CALLBACK[name]:
                    callbacks[place] = NamedReporter(name, callback, self.names)
                    callbacks[place].open(trainer)
                    self.reporters.append(callbacks[place])

    def report_base(self, evaluator_name: str, report: RetrievalReport) -> None:
        """Sets the metrics of the base model, which are reported at step 0.

        Args:
            evaluator_name: First part of the evaluator's keys.
            report: The metrics.
        """
        self.names.update(names_by_domain(evaluator_name, report))
        groups = {OVERALL: report.overall, **report.domains}
        metrics = {
            f"eval_{group}/{key}": value
            for group, found in groups.items()
            for key, value in found.items()
            if key != COUNT
        }
        for reporter in self.reporters:
            reporter.base = metrics

    def report_gates(self, gates: Sequence[Gate]) -> None:
        """Reports each gate, 1 if it passed and 0 if it failed, at the last step."""
        passed = {f"eval_gates/{gate.name}": float(gate.passed) for gate in gates}
        for reporter in self.reporters:
            reporter.report(passed)

    def close(self) -> None:
        """Closes every store that was opened."""
        for reporter in self.reporters:
            reporter.close()


@contextmanager
def hold_reporters() -> Iterator[Reporters]:
    """Yields the reporters of a run, and closes them when the block ends."""
    reporters = Reporters()
    try:
        yield reporters
    finally:
        reporters.close()


def names_by_domain(evaluator_name: str, report: RetrievalReport) -> dict[str, str]:
    """Returns what reporters call the keys of the Trainer's log.

    Reporters turn `eval_` into `eval/`: `eval_validation_radar_mrr` becomes `eval/radar/mrr`.

    Args:
        evaluator_name: First part of the evaluator's keys.
        report: A report with all its domains.
    """
    groups = {"macro": report.macro, "worst": report.worst, **report.domains}
    names = {f"eval_{evaluator_name}_{key}": f"eval_{OVERALL}/{key}" for key in report.overall}
    for group, metrics in groups.items():
        for key in metrics:
            names[f"eval_{evaluator_name}_{group}_{key}"] = f"eval_{group}/{key}"
    return names
