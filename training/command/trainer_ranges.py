"""The ranges of the Trainer's numbers, whose own errors come late, or never."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from nic.errors import UserError, require_value

# What the libraries hold in 32 bits.
MOST = 2**31 - 1
# What the Trainer takes as keyword arguments.
MAPPINGS = (
    "lr_scheduler_kwargs",
    "gradient_checkpointing_kwargs",
    "learning_rate_mapping",
    "router_mapping",
)


class Range(NamedTuple):
    """The values that a flag takes.

    Attributes:
        holds: Whether a number, which is finite, is one of them.
        allowed: What is allowed, after "must be".
    """

    holds: Callable[[float], bool]
    allowed: str


def _up_from(least: int) -> Range:
    return Range(lambda value: least <= value <= MOST, f"{least} to {MOST}")


COUNT, NOT_NEGATIVE = _up_from(1), _up_from(0)
BETA = Range(lambda value: 0 <= value < 1, "0 or more and less than 1")
SHARE = Range(lambda value: 0 <= value <= 1, "0 to 1")
STEPS = Range(
    lambda value: 0 < value < 1 or (value >= 1 and value == int(value) and value <= MOST),
    "a number of steps, or a share of all steps above 0 and below 1",
)
RANGES: dict[str, Range] = {
    "max_steps": Range(lambda value: value == -1 or 1 <= value <= MOST, f"1 to {MOST}, or -1"),
    "gradient_accumulation_steps": COUNT,
    "per_device_eval_batch_size": COUNT,
    "eval_accumulation_steps": COUNT,
    "save_total_limit": COUNT,
    "ddp_timeout": COUNT,
    "eval_steps": STEPS,
    "save_steps": STEPS,
    "logging_steps": STEPS,
    "warmup_steps": NOT_NEGATIVE,
    "warmup_ratio": SHARE,
    "eval_delay": NOT_NEGATIVE,
    "dataloader_num_workers": Range(lambda value: 0 <= value <= 1024, "0 to 1024"),
    "weight_decay": NOT_NEGATIVE,
    "max_grad_norm": NOT_NEGATIVE,
    "adam_beta1": BETA,
    "adam_beta2": BETA,
    "adam_epsilon": SHARE,
    "label_smoothing_factor": BETA,
    "neftune_noise_alpha": NOT_NEGATIVE,
    "data_seed": Range(lambda value: 0 <= value < 2**32, "0 to 4294967295"),
}


def check_trainer_ranges(arguments: object) -> None:
    """Refuses numbers of the Trainer's that are out of their ranges; None is left alone.

    Raises:
        UserError: It names the flag.
    """
    for name, (holds, allowed) in RANGES.items():
        value = getattr(arguments, name, None)
        if isinstance(value, int | float):
            require_value(math.isfinite(value) and holds(value), f"--{name}", value, allowed)


def check_mappings(arguments: object) -> None:
    """Refuses what the Trainer would take for keyword arguments and is none.

    Raises:
        UserError: It names the flag.
    """
    for name in MAPPINGS:
        value: Any = getattr(arguments, name, None)
        require_value(value is None or isinstance(value, dict), f"--{name}", value, "a JSON object")
    given = getattr(arguments, "optim_args", None)
    if given and not all(part.count("=") == 1 for part in given.split(",")):
        raise UserError(f"--optim_args {given}: must be names and values, as a=1,b=2")
