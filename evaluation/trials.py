"""The trials of a search over training settings: what each was set to, and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS

State = Literal["complete", "pruned", "failed"]
COMPLETE: State = "complete"
PRUNED: State = "pruned"
FAILED: State = "failed"
# In the order in which a table lists them.
STATES = (COMPLETE, PRUNED, FAILED)
# The value of a setting, and settings by name, as in a file for `nic-train --config`.
Setting = bool | int | float | str | None
Settings = dict[str, Setting]


@dataclass(frozen=True)
class Validation:
    """One validation of a trial.

    Attributes:
        epoch: Passes over the training part so far, with a fraction.
        step: Optimizer steps so far.
        metrics: The metrics that checkpoints are compared by, each in [0, 1].
    """

    epoch: float
    step: int
    metrics: dict[str, float]

    @property
    def score(self) -> tuple[float, ...]:
        """The primary metric, then the tie-breaker."""
        return tuple(self.metrics[metric.key] for metric in CHECKPOINT_METRICS)


@dataclass(frozen=True)
class Trial:
    """One training of a search.

    Attributes:
        number: Its number, from 0; number 0 has the settings that the search was given.
        settings: The settings that were searched.
        state: Whether it was trained to its end, stopped because it was worse than others, or
            could not be trained.
        validations: Its validations, in their order.
        seconds: Duration; of a trial that was resumed, since then.
        reason: Why it failed; empty where it did not.
    """

    number: int
    settings: Settings
    state: State
    validations: list[Validation]
    seconds: float
    reason: str = ""

    @property
    def best(self) -> Validation | None:
        """Its best validation, the earliest of equal ones; None where there was none."""
        return max(self.validations, key=lambda validation: validation.score, default=None)


@dataclass(frozen=True)
class Search:
    """A search over training settings.

    Attributes:
        trials: All trials, by number.
        chosen: Number of the trial whose settings the model has.
    """

    trials: list[Trial]
    chosen: int

    def count(self, state: State) -> int:
        """Returns the number of trials in a state."""
        return sum(trial.state == state for trial in self.trials)


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """Returns the best complete trial, the earliest of equal ones; None where none is complete."""
    complete = [trial for trial in trials if trial.state == COMPLETE and trial.validations]
    return max(complete, key=lambda trial: trial.best.score if trial.best else (), default=None)
