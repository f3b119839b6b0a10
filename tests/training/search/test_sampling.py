"""Trials are a function of those before them, and stopped below the median of these."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.trials import COMPLETE, FAILED, PRUNED, Settings, Trial, Validation, best_trial
from training.search.sampling import draw_trial, progress_values
from training.search.space import Choices, Range, Space

SPACE: Space = {
    "learning_rate": Range(1e-5, 1e-3, log=True),
    "freeze_layers": Range(0, 5),
    "loss": Choices(("mnrl", "guided")),
}
FIRST: Settings = {"learning_rate": 2e-5, "freeze_layers": 4, "loss": "mnrl"}


def validation(epoch: float, recall: float, mrr: float = 0.5) -> Validation:
    return Validation(epoch, int(epoch * 10), {"recall@5": recall, "mrr": mrr})


def trial(number: int, *recalls: float, settings: Settings = FIRST) -> Trial:
    """A complete trial with a validation after each half of an epoch."""
    found = [validation((n + 1) / 2, recall) for n, recall in enumerate(recalls)]
    return Trial(number, settings, COMPLETE, found, 1.0)


FIVE = [trial(number, 0.4, 0.5 + number / 100) for number in range(5)]


def draw(trials: list[Trial], seed: int = 42) -> Settings:
    return dict(draw_trial(SPACE, trials, seed).params)


def test_equal_trials_and_seeds_give_equal_settings_within_the_space() -> None:
    drawn = [draw(FIVE[:count]) for count in (1, 2, 3)]
    assert drawn == [draw(FIVE[:count]) for count in (1, 2, 3)]
    assert len({str(settings) for settings in drawn}) == 3
    assert draw(FIVE, seed=7) != draw(FIVE)
    for settings in drawn:
        assert list(settings) == list(SPACE)
        assert all(SPACE[name].holds(value) for name, value in settings.items())


def test_the_first_trial_draws_nothing() -> None:
    assert draw([]) == {}


def test_after_ten_trials_the_settings_that_were_good_are_drawn_more_often() -> None:
    good: Settings = {"learning_rate": 9e-4, "freeze_layers": 0, "loss": "guided"}
    trials = [
        trial(number, 0.9 if number % 3 == 0 else 0.1, settings=good if number % 3 == 0 else FIRST)
        for number in range(30)
    ]
    drawn = [draw(trials, seed)["loss"] for seed in range(12)]
    assert drawn.count("guided") > 8


def test_settings_of_the_first_trial_may_lie_outside_of_the_space() -> None:
    outside = trial(0, 0.5, 0.6, settings={**FIRST, "learning_rate": 0.01, "loss": "cached_mnrl"})
    drawn = draw_trial(SPACE, [outside], 42)
    (known,) = drawn.study.get_trials(deepcopy=False)[:1]
    assert known.params == {"freeze_layers": 4}
    assert known.value == 0.6


def test_states_of_earlier_trials_are_known() -> None:
    stopped = replace(trial(1, 0.3), state=PRUNED)
    failed = Trial(2, FIRST, FAILED, [], 1.0, "no batch")
    known = draw_trial(SPACE, [FIVE[0], stopped, failed], 42).study.get_trials(deepcopy=False)
    assert [found.state.name for found in known[:3]] == ["COMPLETE", "PRUNED", "FAIL"]


@pytest.mark.parametrize(
    ("trials", "epoch", "recall", "is_stopped"),
    [
        (FIVE, 100, 0.51, True),
        (FIVE, 100, 0.53, False),
        (FIVE, 50, 0.1, False),
        (FIVE[:4], 100, 0.1, False),
    ],
    ids=["below the median", "above it", "in its first epoch", "before five trials"],
)
def test_a_trial_is_stopped_below_the_median_of_five_after_its_first_epoch(
    trials: list[Trial], epoch: int, recall: float, is_stopped: bool
) -> None:
    drawn = draw_trial(SPACE, trials, 42)
    drawn.report(recall, epoch)
    assert bool(drawn.should_prune()) is is_stopped


def test_validations_are_compared_at_the_same_share_of_an_epoch() -> None:
    found = [validation(0.4999, 0.1), validation(1.0, 0.2), validation(1.001, 0.3)]
    assert progress_values(found) == {50: 0.1, 100: 0.2}


def test_the_best_trial_is_complete_and_the_earliest_of_equal_ones() -> None:
    stopped = replace(trial(3, 0.9), state=PRUNED)
    assert best_trial([trial(0, 0.5), trial(1, 0.6, 0.4), trial(2, 0.6), stopped]) == trial(
        1, 0.6, 0.4
    )
    assert best_trial([stopped]) is None
    tie = Trial(1, FIRST, COMPLETE, [validation(1, 0.5, mrr=0.6)], 1.0)
    assert best_trial([trial(0, 0.5), tie]) == tie
