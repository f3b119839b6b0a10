"""Log lines and progress bar of a training."""

from __future__ import annotations

import logging
import math
from collections.abc import Sized
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ProgressCallback

from evaluation.report.tables import domain_lines, group_line, metric_line
from evaluation.retrieval.evaluator import DomainRetrievalEvaluator, RetrievalReport
from evaluation.retrieval.task import OVERALL

logger = logging.getLogger(__name__)


def log_score(log: logging.Logger, name: str, report: RetrievalReport) -> None:
    """Logs one line of a model's overall metrics."""
    log.info("%s: %s", name, metric_line(report.overall))


class ProgressBarCallback(ProgressCallback):
    """The Trainer's progress bar without its log lines, which the run's log has."""

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        """Prints nothing."""


class RunLogCallback(TrainerCallback):
    """Logs the start, the batches and the validations of a training.

    Args:
        evaluator: Its latest report is logged after each evaluation.
    """

    def __init__(self, evaluator: DomainRetrievalEvaluator) -> None:
        self.evaluator = evaluator

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Logs epochs, batch size and learning rate."""
        logger.info("Starting training:")
        steps = steps_per_epoch(args, kwargs["train_dataloader"])
        bounded = args.max_steps > 0
        logger.info("  Epochs: %g", args.max_steps / steps if bounded else args.num_train_epochs)
        logger.info("  Batch size: %d", args.per_device_train_batch_size)
        logger.info("  Learning rate: %g", args.learning_rate)
        logger.info("  Precision: %s", "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32")
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
        """Logs the mean loss since the last such line."""
        if not logs or "loss" not in logs:
            return
        steps = steps_per_epoch(args, kwargs["train_dataloader"])
        epoch, batch = epoch_and_batch(state.epoch, steps)
        logger.info(
            "Epoch %d/%d, Batch %d, Loss: %.4f, LR: %.2e",
            epoch,
            state.num_train_epochs,
            batch,
            logs["loss"],
            logs["learning_rate"],
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Logs a validation: one line per domain, then the overall metrics."""
        report = self.evaluator.last_report
        if report is None:
            return
        epoch, _ = epoch_and_batch(state.epoch, 1)
        logger.info("=" * 60)
        logger.info("Validation (Epoch %d, Steps %d)", epoch, state.global_step)
        for line in domain_lines(report):
            logger.info("%s", line)
        logger.info("%s", group_line(OVERALL, report.overall))


def steps_per_epoch(args: Any, batches: Sized) -> int:
    """Returns the optimizer steps of a whole epoch.

    Args:
        args: The Trainer's arguments.
        batches: The batches of an epoch.
    """
    return max(math.ceil(len(batches) / args.gradient_accumulation_steps), 1)


def epoch_and_batch(epoch: float, steps_per_epoch: float) -> tuple[int, int]:
    """Returns the 1-based epoch and the step within it.

    Args:
        epoch: The Trainer's count of epochs, with a fraction.
        steps_per_epoch: Optimizer steps of an epoch.
    """
    number = max(1, math.ceil(epoch - 1e-6))
    return number, round((epoch - (number - 1)) * steps_per_epoch)
