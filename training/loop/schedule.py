"""Learning-rate schedule: cosine annealing with a warm restart at every epoch."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

LOWEST_LEARNING_RATE = 1e-6


def cosine_with_warm_restarts(
    optimizer: Optimizer, steps_per_epoch: int
) -> CosineAnnealingWarmRestarts:
    """Returns a schedule that anneals from the learning rate to 1e-6 in each epoch.

    At step t of an epoch of T steps the rate is
    `low + (high - low) * (1 + cos(pi * t / T)) / 2` (Loshchilov and Hutter, SGDR,
    ICLR 2017, eq. 5).

    Args:
        optimizer: Holds the highest learning rate.
        steps_per_epoch: Number of optimizer steps in an epoch, 1 or more.
    """
    return CosineAnnealingWarmRestarts(
        optimizer, T_0=max(steps_per_epoch, 1), eta_min=LOWEST_LEARNING_RATE
    )
