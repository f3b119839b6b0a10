"""The run's log: the same lines on the console and in `training.log`."""

from __future__ import annotations

import logging
import logging.handlers
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import transformers
from tqdm.contrib.logging import logging_redirect_tqdm
from transformers import TrainerCallback
from transformers.trainer_callback import ProgressCallback

from evaluation.domain_evaluator import DomainRetrievalEvaluator, RetrievalReport
from evaluation.tables import domain_lines

logger = logging.getLogger(__name__)

LOG_NAME = "training.log"
OUR_LOGGERS = ("training", "evaluation", "model_card")
FORMAT = "[%(levelname)s] %(message)s"


class RunLog:
    """Console lines at once; the file gets them all once its folder may be written.

    Args:
        main_process: Only the main process of a distributed run says anything.
    """

    def __init__(self, main_process: bool = True) -> None:
        formatter = logging.Formatter(FORMAT)
        console = logging.StreamHandler(sys.stderr)
        self._pending = logging.handlers.MemoryHandler(capacity=1 << 20, flushLevel=100)
        self._handlers: list[logging.Handler] = [console, self._pending] if main_process else []
        for handler in self._handlers:
            handler.setFormatter(formatter)
        self._before: dict[str, tuple[int, bool]] = {}
        for name in OUR_LOGGERS:
            package = logging.getLogger(name)
            self._before[name] = (package.level, package.propagate)
            package.setLevel(logging.INFO if main_process else logging.ERROR)
            package.propagate = not main_process
            for handler in self._handlers:
                package.addHandler(handler)

    def open_file(self, folder: Path, append: bool) -> None:
        """Start `training.log` in a folder, with all that was said so far."""
        if self._pending not in self._handlers:
            return
        file = logging.FileHandler(folder / LOG_NAME, mode="a" if append else "w", encoding="utf-8")
        file.setFormatter(logging.Formatter(FORMAT))
        self._pending.setTarget(file)
        self._pending.flush()
        for name in OUR_LOGGERS:
            logging.getLogger(name).removeHandler(self._pending)
            logging.getLogger(name).addHandler(file)
        self._handlers = [self._handlers[0], file]

    def close(self) -> None:
        """Detach and close the handlers, and leave the loggers as they were."""
        for name, (level, propagate) in self._before.items():
            package = logging.getLogger(name)
            package.setLevel(level)
            package.propagate = propagate
            for handler in self._handlers:
                package.removeHandler(handler)
        for handler in self._handlers:
            handler.close()


@contextmanager
def open_run_log(main_process: bool) -> Iterator[RunLog]:
    """A `RunLog` that is closed however the run ends."""
    log = RunLog(main_process)
    try:
        yield log
    finally:
        log.close()


def log_lines(log: logging.Logger, text: str) -> None:
    """Log a text of several lines, each with its level, so that `grep` finds them."""
    for line in text.splitlines():
        log.info("%s", line)


def log_score(log: logging.Logger, name: str, report: RetrievalReport) -> None:
    """Log one line of a model's overall figures."""
    figures = report.overall
    log.info("%s: Recall@5=%.4f, MRR=%.4f", name, figures["recall@5"], figures["mrr"])


def on_terminal() -> bool:
    """Whether progress bars would be seen by somebody."""
    return sys.stderr.isatty()


def quiet_libraries() -> None:
    """No progress bars of the libraries in a file; their hints are left to warnings."""
    transformers.utils.logging.set_verbosity_warning()
    if not on_terminal():
        datasets.disable_progress_bars()
        transformers.utils.logging.disable_progress_bar()


@contextmanager
def lines_above_progress_bars() -> Iterator[None]:
    """Write log lines above a terminal's progress bar instead of through it."""
    with logging_redirect_tqdm(loggers=[logging.getLogger(name) for name in OUR_LOGGERS]):
        yield


class ProgressBarCallback(ProgressCallback):
    """The Trainer's progress bar without its own lines: the log has them."""

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        """Print nothing."""


class RunLogCallback(TrainerCallback):
    """Writes the runbook's lines: start, batches and validations.

    Args:
        evaluator: Its latest report is shown after each evaluation.
    """

    def __init__(self, evaluator: DomainRetrievalEvaluator) -> None:
        self.evaluator = evaluator

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say how the training is set up."""
        logger.info("Starting training:")
        logger.info("  Epochs: %g", args.num_train_epochs)
        logger.info("  Batch size: %d", args.per_device_train_batch_size)
        logger.info("  Learning rate: %g", args.learning_rate)
        if args.world_size > 1 or args.gradient_accumulation_steps > 1:
            logger.info(
                "  Processes: %d, batches a step: %d",
                args.world_size,
                args.gradient_accumulation_steps,
            )

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """One line for the mean loss since the last such line."""
        if not logs or "loss" not in logs:
            return
        epoch, batch = epoch_and_batch(state.epoch, state.max_steps / args.num_train_epochs)
        logger.info(
            "Epoch %d/%d, Batch %d, Loss: %.4f, LR: %.2e",
            epoch,
            math.ceil(args.num_train_epochs),
            batch,
            logs["loss"],
            logs["learning_rate"],
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The validation block: a line a domain, then the whole."""
        report = self.evaluator.last_report
        if report is None:
            return
        epoch, _ = epoch_and_batch(state.epoch, 1)
        logger.info("=" * 60)
        logger.info("Validation (Epoch %d, Steps %d)", epoch, state.global_step)
        for line in domain_lines(report):
            logger.info("%s", line)
        logger.info(
            "  %-20s: Recall@5=%.4f, MRR=%.4f (%d pairs)",
            "overall",
            report.overall["recall@5"],
            report.overall["mrr"],
            report.overall["queries"],
        )


def epoch_and_batch(epoch: float, steps_per_epoch: float) -> tuple[int, int]:
    """The 1-based epoch and the step within it, from the Trainer's fraction of epochs."""
    number = max(1, math.ceil(epoch - 1e-6))
    return number, round((epoch - (number - 1)) * steps_per_epoch)
