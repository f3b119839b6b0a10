"""Which settings the next trial has, and when it is stopped: Optuna, as a function of the trials.

The study is made anew for each trial from the record of those before it, with a seed of its own. A
search that was killed then goes on as if it had not been, and there is one record of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from evaluation.retrieval_metrics.definitions import PRIMARY
from evaluation.trials import COMPLETE, FAILED, PRUNED, Trial, Validation
from training.search.space import Choices, Parameter, Space

STATES = {
    COMPLETE: TrialState.COMPLETE,
    PRUNED: TrialState.PRUNED,
    FAILED: TrialState.FAIL,
}
# Trials of several batch sizes are compared at the same share of an epoch, in hundredths.
EPOCH = 100


def draw_trial(space: Space, trials: Sequence[Trial], seed: int) -> optuna.Trial:
    """Returns the next trial; equal arguments give equal ones.

    Its settings are drawn at random until ten trials have ended, then by a tree-structured Parzen
    estimator (Bergstra et al., NIPS 2011). It is to be stopped where its best validation is below
    the median of the complete trials at the same share of an epoch, after five of these, and not
    within its first epoch. The first trial has no settings that are drawn.

    Args:
        space: What is searched.
        trials: The trials before it.
        seed: Seed of the run.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {name: _distribution(parameter) for name, parameter in space.items()}
    own_seed = int(np.random.SeedSequence([seed, len(trials)]).generate_state(1)[0])
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=own_seed),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=EPOCH),
    )
    for trial in trials:
        study.add_trial(_known_trial(trial, space, distributions))
    return study.ask(distributions if trials else {})


def progress_values(validations: Sequence[Validation]) -> dict[int, float]:
    """Returns the primary metric by the share of epochs so far, in hundredths."""
    values: dict[int, float] = {}
    for validation in validations:
        share = round(validation.epoch * EPOCH)
        values.setdefault(share, validation.metrics[PRIMARY.key])
    return values


def _known_trial(
    trial: Trial, space: Space, distributions: Mapping[str, BaseDistribution]
) -> FrozenTrial:
    """Returns a finished trial; settings outside of the space, as of the first, are left out."""
    inside = {
        name: trial.settings[name] for name in space if space[name].holds(trial.settings[name])
    }
    value = trial.best.metrics[PRIMARY.key] if trial.state == COMPLETE and trial.best else None
    return create_trial(
        state=STATES[trial.state],
        value=value,
        params=inside,
        distributions={name: distributions[name] for name in inside},
        intermediate_values=progress_values(trial.validations),
    )


def _distribution(parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, Choices):
        return CategoricalDistribution(parameter.values)
    low, high, log = parameter.low, parameter.high, parameter.log
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log)
    return FloatDistribution(low, high, log)
