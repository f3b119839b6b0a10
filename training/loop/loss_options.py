"""The flags that shape a loss, and the arguments of the library that they become; no PyTorch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nic.errors import require_value

# Similarities within [-1, 1]: the library's default, a scale of 20.
TEMPERATURE = 0.05
# For dot products and distances of vectors of any length, as the library advises.
UNBOUNDED_TEMPERATURE = 1.0


@dataclass(frozen=True)
class LossOptions:
    """What the flags of the losses were set to, with their defaults.

    Attributes:
        temperature: Divides the similarities, above 0; None: what suits the model's similarity.
        mini_batch_size: Rows that a cached loss embeds at a time, 1 or more.

    Raises:
        UserError: A value is out of its range.
    """

    temperature: float | None = None
    mini_batch_size: int = 16

    def __post_init__(self) -> None:
        """Refuses values out of their ranges."""
        heat = self.temperature
        require_value(heat is None or heat > 0, "--temperature", heat, "more than 0")
        rows = self.mini_batch_size
        require_value(rows >= 1, "--mini-batch-size", rows, "1 or more")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> LossOptions:
        """Returns the options among the values of a run; those that are missing are defaults."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: values[name] for name in names if name in values})

    def changed(self) -> list[str]:
        """Returns the names of the options that differ from their defaults."""
        fields = dataclasses.fields(self)
        return [field.name for field in fields if getattr(self, field.name) != field.default]


# From the options to keyword arguments of a loss.
Convert = Callable[[LossOptions], dict[str, Any]]


def same(name: str, keyword: str | None = None) -> Convert:
    """Returns what passes an option on as it is, under its own name or another one."""
    return lambda options: {keyword or name: getattr(options, name)}
