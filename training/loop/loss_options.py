"""The flags that shape a loss, and the arguments of the library that they become; no PyTorch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nic.errors import UserError, require_value

# Similarities within [-1, 1]: the library's default, a scale of 20.
TEMPERATURE = 0.05
# For dot products and distances of vectors of any length, as the library advises.
UNBOUNDED_TEMPERATURE = 1.0
# What is compared with what; the first holds the positive and is always there.
DIRECTIONS = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
# Those whose candidates hold the positive, so that a softmax of their own is defined.
WITH_POSITIVE = {"query_to_doc", "doc_to_query"}
# A query among passages, and a passage among queries: see docs/recipes.md.
BOTH_WAYS = (DIRECTIONS[0], DIRECTIONS[2])
# The guided losses of the library have no direction from a passage to queries.
GUIDED_DIRECTIONS = DIRECTIONS[:1]
JOINT, PER_DIRECTION = "joint", "per_direction"
# Candidates are masked that the base model finds closer to the query than the positive, by more
# than 0.2. At 0 it masks what it ranks wrongly, the hard negatives that there are to learn from:
# 6 % of those of the default data; 0.2 masks none of them.
GUIDE_MARGIN = -0.2
STRATEGIES = ("absolute", "relative")
# By which negatives a weight is for, its usual strength: Lan et al., arXiv:2503.04812, and
# Schechter Vera et al., arXiv:2509.20354 (EmbeddingGemma).
HARDNESS = {"in_batch_negatives": 9.0, "hard_negatives": 5.0, "all_negatives": 5.0}


@dataclass(frozen=True)
class LossOptions:
    """What the flags of the losses were set to, with their defaults.

    Attributes:
        temperature: Divides the similarities, above 0; None: what suits the model's similarity.
        directions: What is compared with what: names of `DIRECTIONS` with commas between them;
            None: those with a positive that the loss has.
        partition_mode: One softmax over all directions, "joint", or one each, "per_direction".
        hardness: A mode of `HARDNESS`, or mode and strength with a colon between them; None: none.
        guide_margin: A guided loss leaves out negatives whose similarity to the query exceeds that
            of the positive less this, by the base model; below 0: exceeds it by as much.
        guide_margin_strategy: Whether the margin is a similarity, "absolute", or a share of that
            of the positive, "relative".
        mini_batch_size: Rows that a cached loss embeds at a time, 1 or more.

    Raises:
        UserError: A value is out of its range.
    """

    temperature: float | None = None
    directions: str | None = None
    partition_mode: str = JOINT
    hardness: str | None = None
    guide_margin: float = GUIDE_MARGIN
    guide_margin_strategy: str = STRATEGIES[0]
    mini_batch_size: int = 16

    def __post_init__(self) -> None:
        """Refuses values out of their ranges."""
        heat = self.temperature
        require_value(heat is None or heat > 0, "--temperature", heat, "more than 0")
        known = (JOINT, PER_DIRECTION)
        mode = self.partition_mode
        require_value(mode in known, "--partition-mode", mode, f"one of {', '.join(known)}")
        given = read_directions(self.directions)
        lacking = [name for name in given if name not in WITH_POSITIVE]
        if mode == PER_DIRECTION and lacking:
            raise UserError(
                f"--partition-mode {mode}: {lacking[0]} has no positive of its own to compare "
                f"with; use --partition-mode {JOINT}"
            )
        read_hardness(self.hardness)
        margin, strategy = self.guide_margin, self.guide_margin_strategy
        require_value(abs(margin) <= 1, "--guide-margin", margin, "-1 to 1")
        named = f"one of {', '.join(STRATEGIES)}"
        require_value(strategy in STRATEGIES, "--guide-margin-strategy", strategy, named)
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


def read_directions(text: str | None, default: tuple[str, ...] = BOTH_WAYS) -> tuple[str, ...]:
    """Returns the directions of a value of `--directions`, in the order of `DIRECTIONS`.

    Args:
        text: The value; None: not given.
        default: What it is then.

    Raises:
        UserError: One is unknown, or "query_to_doc" is missing.
    """
    if text is None:
        return default
    given = [word.strip() for word in text.split(",")]
    for word in given:
        allowed = f"names of {', '.join(DIRECTIONS)}, with commas between them"
        require_value(word in DIRECTIONS, "--directions", word, allowed)
    holds = DIRECTIONS[0] in given
    require_value(holds, "--directions", text, f"{DIRECTIONS[0]}, or it and others")
    return tuple(name for name in DIRECTIONS if name in given)


def read_dimensions(text: str | None) -> list[int]:
    """Returns the lengths of a value of `--matryoshka`; none for none.

    Raises:
        UserError: One is no whole number above 0.
    """
    words = [word.strip() for word in text.split(",")] if text else []
    allowed = "whole numbers above 0, with commas between them"
    for word in words:
        require_value(word.isdecimal() and int(word) > 0, "--matryoshka", word, allowed)
    return [int(word) for word in words]


def read_hardness(text: str | None) -> tuple[str | None, float]:
    """Returns mode and strength of a value of `--hardness`; None for no mode.

    Raises:
        UserError: The mode is unknown, or the strength is no number above 0.
    """
    if text is None:
        return None, 0.0
    mode, colon, strength = text.partition(":")
    require_value(mode in HARDNESS, "--hardness", mode, f"one of {', '.join(HARDNESS)}")
    if not colon:
        return mode, HARDNESS[mode]
    try:
        number = float(strength)
    except ValueError:
        number = math.nan
    holds = math.isfinite(number) and number > 0
    require_value(holds, "--hardness", text, f"{mode}, or {mode}:STRENGTH with a number above 0")
    return mode, number


# From the options to keyword arguments of a loss.
Convert = Callable[[LossOptions], dict[str, Any]]


def same(name: str, keyword: str | None = None) -> Convert:
    """Returns what passes an option on as it is, under its own name or another one."""
    return lambda options: {keyword or name: getattr(options, name)}


def directions(options: LossOptions) -> dict[str, Any]:
    """Returns the directions as the library takes them."""
    return {"directions": list(read_directions(options.directions))}


def contrasts(options: LossOptions) -> dict[str, Any]:
    """Returns the directions as the guided losses of the library take them.

    Raises:
        UserError: They have no such direction, or the margin would keep a text as its own negative.
    """
    names = read_directions(options.directions, GUIDED_DIRECTIONS)
    if "doc_to_query" in names:
        raise UserError("--directions doc_to_query: no guided loss has it; leave it out")
    same_kind = [name for name in names if name not in WITH_POSITIVE]
    if same_kind and options.guide_margin < 0:
        raise UserError(
            f"--directions {same_kind[0]}: a text is masked as its own negative only with a "
            "--guide-margin of 0 or more; give one, or leave the direction out"
        )
    return {
        "contrast_anchors": "query_to_query" in names,
        "contrast_positives": "doc_to_doc" in names,
    }


def hardness(options: LossOptions) -> dict[str, Any]:
    """Returns mode and strength of the hardness weighting as the library takes them."""
    mode, strength = read_hardness(options.hardness)
    return {"hardness_mode": mode, "hardness_strength": strength}
