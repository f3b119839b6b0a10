"""The split that a data set brings itself: train, validation and test as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nic.errors import UserError
from pairs.draws import SmallDomains, Split, SplitBy, draw_split


def has_own_split(parts: Sequence[str]) -> bool:
    """Returns whether parts of rows make a split: some to train on, and some that are held out."""
    return "train" in parts and ("validation" in parts or "test" in parts)


def own_split(
    parts: Sequence[str],
    units: np.ndarray,
    domains: Sequence[str],
    path: Path,
    val_ratio: float,
    seed: int = 42,
    small_domains: SmallDomains = "error",
) -> Split:
    """Returns the split that a data set brings.

    Rows of no part are trained on. Where there is no validation part it is drawn from the training
    part, so that no passage and no query of it is trained on.

    Args:
        parts: "train", "validation", "test" or "" for each row, of which `has_own_split` is true.
        units: As in `draw_split`.
        domains: Domain of each row.
        path: The data set, for messages.
        val_ratio: Share of the units of the training part to draw for a missing validation part.
        seed: Seed of this draw.
        small_domains: As in `draw_split`.

    Raises:
        UserError: No validation part can be drawn.
    """
    held_out = {
        name: [row for row, part in enumerate(parts) if part == name]
        for name in ("validation", "test")
    }
    rest = np.array([row for row, part in enumerate(parts) if part not in held_out], dtype=np.int64)
    if held_out["validation"]:
        return Split(rest.tolist(), held_out["validation"], seed, held_out["test"])
    own_units = np.unique(units[rest], return_inverse=True)[1]
    own_domains = [domains[row] for row in rest]
    drawn = draw_split(
        own_units, own_domains, path, val_ratio, seed=seed, small_domains=small_domains
    )
    train, validation = rest[drawn.train].tolist(), rest[drawn.validation].tolist()
    return Split(train, validation, seed, held_out["test"])


def describe_own_split(parts: Sequence[str]) -> str:
    """Returns in a sentence what is done with the split of a data set."""
    if not has_own_split(parts):
        only = " and ".join(sorted({part for part in parts if part}))
        return f"The data has a {only} part alone: it is split as any other"
    if "validation" in parts:
        return (
            "The data brings its own split, which is used as it is; --val-ratio and --test-ratio "
            "have no effect"
        )
    return (
        "The data brings its own training and test part, which are used as they are; --val-ratio "
        "draws the validation part from the training part, --test-ratio has no effect"
    )


def refuse_by_date(split_by: SplitBy) -> None:
    """Refuses a split by date of data that brings its own split.

    Raises:
        UserError: One is asked for.
    """
    if split_by == "date":
        raise UserError("--split-by date: the data brings its own split; leave --split-by out")


def refuse_made_parts(parts: Sequence[str], path: Path) -> None:
    """Refuses a data set that holds out made pairs alone, or validates on them alone.

    Args:
        parts: The parts of the rows that may be held out.
        path: The data set, for messages.

    Raises:
        UserError: There is none to hold out, or none to draw a validation part from.
    """
    held_out = {"validation", "test"} & set(parts)
    if not held_out or held_out == set(parts) == {"test"}:
        use = "validate on" if held_out else "ask"
        raise UserError(
            f"{path}: its own split has made pairs alone to {use}; allow them with "
            "--hold-out-made (the report then says that it was measured on generated queries)"
        )


def refuse_folds(parts: Sequence[str]) -> None:
    """Refuses a cross-validation of data that brings its own split.

    Raises:
        UserError: It does.
    """
    if has_own_split(parts):
        raise UserError("--folds: the data brings its own split; leave --folds out")
