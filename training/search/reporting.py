"""Reports the validations of a training to its trial, and stops it where the trial is pruned."""

from __future__ import annotations

from typing import Any

import optuna
from transformers import TrainerCallback

from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS
from evaluation.trials import Validation
from training.search.sampling import progress_values


class TrialCallback(TrainerCallback):
    """Reports each validation, and raises `optuna.TrialPruned` where the trial is to be stopped.

    Its state is the Trainer's log, so a resumed trial goes on as if it had not stopped.

    Args:
        trial: The trial.
        name: Name of the evaluator, in the keys of the log.

    Attributes:
        validations: What was reported, in its order.
    """

    def __init__(self, trial: optuna.Trial, name: str) -> None:
        self.trial = trial
        self.keys = {metric.key: f"eval_{name}_{metric.key}" for metric in CHECKPOINT_METRICS}
        self.validations: list[Validation] = []
        self._reported: set[int] = set()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reports the validations before the checkpoint that a training continues from."""
        self._report(state.log_history)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Reports the validation, and stops the training of a trial that is worse than others."""
        self._report(state.log_history)
        if self.trial.should_prune():
            raise optuna.TrialPruned

    def _report(self, history: list[dict[str, Any]]) -> None:
        first = next(iter(self.keys.values()))
        self.validations = [
            Validation(
                entry["epoch"],
                entry["step"],
                {key: entry[logged] for key, logged in self.keys.items()},
            )
            for entry in history
            if first in entry
        ]
        for share, value in progress_values(self.validations).items():
            if share not in self._reported:
                self.trial.report(value, share)
                self._reported.add(share)
