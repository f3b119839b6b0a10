"""Learning-rate schedule: cosine annealing with a warm restart at every epoch."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

LOWEST_LEARNING_RATE = 1e-6


class ProportionalWarmRestarts(CosineAnnealingWarmRestarts):
    """Warm restarts in which all parameter groups are the same share of their highest rate.

    With one lowest rate for all groups, a group whose highest rate is below it would rise.
    """

    def get_lr(self) -> list[float | Tensor]:
        """Returns the rate of each group: that of the first, in proportion."""
        rate, *_ = super().get_lr()
        return [rate * (highest / self.base_lrs[0]) for highest in self.base_lrs]


def cosine_with_warm_restarts(
    optimizer: Optimizer, steps_per_epoch: int
) -> ProportionalWarmRestarts:
    """Returns a schedule that anneals from the learning rate to 1e-6 in each epoch.

    At step t of an epoch of T steps the rate is
    `low + (high - low) * (1 + cos(pi * t / T)) / 2` (Loshchilov and Hutter, SGDR,
    ICLR 2017, eq. 5). The groups of the optimizer with another rate stay in proportion.

    Args:
        optimizer: Holds the highest learning rates; that of its first group is `high`.
        steps_per_epoch: Number of optimizer steps in an epoch, 1 or more.
    """
    return ProportionalWarmRestarts(
        optimizer, T_0=max(steps_per_epoch, 1), eta_min=LOWEST_LEARNING_RATE
    )
