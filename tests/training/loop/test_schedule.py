"""The schedule: cosine from the learning rate to 1e-6, again in every epoch."""

from __future__ import annotations

import pytest
import torch

from training.loop.schedule import LOWEST_LEARNING_RATE, cosine_with_warm_restarts


def rates(high: float, steps_per_epoch: int, steps: int) -> list[float]:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=high)
    schedule = cosine_with_warm_restarts(optimizer, steps_per_epoch)
    seen = []
    for _ in range(steps):
        seen.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return seen


def test_the_corners_are_the_learning_rate_the_mean_and_nearly_the_lowest() -> None:
    # T = 100: (1 + cos(pi / 2)) / 2 = 1/2 at step 50; (1 + cos(0.99 pi)) / 2 = 0.000247 at step 99.
    seen = rates(2e-5, 100, 201)
    assert seen[0] == 2e-5
    assert seen[50] == pytest.approx((2e-5 + 1e-6) / 2)
    assert seen[99] == pytest.approx(1e-6 + 1.9e-5 * 0.000246719817)
    assert LOWEST_LEARNING_RATE == 1e-6


def test_every_epoch_starts_at_the_learning_rate_again() -> None:
    seen = rates(2e-5, 10, 30)
    assert [seen[0], seen[10], seen[20]] == pytest.approx([2e-5] * 3)
    assert seen[10:20] == pytest.approx(seen[:10])


def test_it_falls_within_an_epoch_and_never_below_the_lowest() -> None:
    seen = rates(5e-5, 40, 40)
    assert seen == sorted(seen, reverse=True)
    assert min(seen) > LOWEST_LEARNING_RATE
