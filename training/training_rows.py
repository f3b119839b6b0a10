"""The rows that are trained on: their columns, and how many negatives of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from datasets import Dataset

from nic.errors import UserError
from pairs.columns import TEXT_COLUMNS
from pairs.loading import Pairs
from training.command.run_arguments import RunArguments
from training.loop.losses import LOSSES

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HardNegatives:
    """How many of the file's negatives are trained on.

    Attributes:
        per_row: The largest number of a row; 0 without hard negatives.
        rows_cut: Rows that have more, of which only their first `per_row` are trained on.
        rows_repeating: Rows that have fewer and repeat theirs, as the loss needs as many of each;
            0 for a loss that takes each negative of a batch once.
    """

    per_row: int
    rows_cut: int
    rows_repeating: int


def training_columns(pairs: Pairs, negatives: int) -> list[str]:
    """Returns the columns that are trained on: query, positive and those of the negatives.

    Args:
        pairs: The checked file.
        negatives: How many negatives of a row are trained on at most; 0 for none.
    """
    return [*TEXT_COLUMNS[:2], *pairs.negative_columns[:negatives]]


def training_rows(
    dataset: Dataset, rows: list[int], columns: Sequence[str] = TEXT_COLUMNS
) -> Dataset:
    """Returns the training half with the columns of `training_columns`, in this order.

    The loss reads columns by position; a column of domains would be embedded as one more negative.
    A row with fewer negatives than columns repeats its own in their order.

    Args:
        dataset: The dataset of the checked file.
        rows: Numbers of the rows.
        columns: Names of the columns.
    """
    chosen = dataset.select(rows).select_columns(list(columns))
    negatives = list(columns[2:])
    if len(negatives) < 2:
        return chosen
    content = chosen[:]
    of_rows = zip(*(content[name] for name in negatives), strict=True)
    filled = [islice(cycle(filter(None, texts)), len(negatives)) for texts in of_rows]
    content |= dict(zip(negatives, map(list, zip(*filled, strict=True)), strict=True))
    return Dataset.from_dict(content, features=chosen.features)


def count_negatives(
    pairs: Pairs, rows: Sequence[int], columns: Sequence[str], shared: bool
) -> HardNegatives:
    """Counts and logs what of the file's negatives is trained on.

    Args:
        pairs: The checked file.
        rows: Numbers of the rows that are trained on.
        columns: The columns that are trained on.
        shared: Whether the loss takes each negative of a batch once.
    """
    per_row, negatives = len(columns) - 2, pairs.negatives()
    counts = [len(negatives[row]) for row in rows] if per_row else []
    more, fewer = (sum(c > per_row for c in counts), sum(c < per_row for c in counts))
    found = HardNegatives(per_row, more, 0 if shared else fewer)
    if len(pairs.negative_columns) > 1 and per_row:
        logger.info(
            "Hard negatives: up to %d per row; %d rows have more and are cut to their first",
            per_row,
            more,
        )
    if found.rows_repeating:
        logger.info(
            "%d rows with fewer negatives repeat theirs: the loss takes as many of each row",
            found.rows_repeating,
        )
    return found


def check_negatives(run: RunArguments, columns: Sequence[str]) -> None:
    """Refuses several negatives per row where the loss takes one.

    Raises:
        UserError: A guided loss gathers across devices.
    """
    if len(columns) > len(TEXT_COLUMNS) and run.gather_across_devices and LOSSES[run.loss].guided:
        raise UserError(
            f"--gather-across-devices: --loss {run.loss} then takes one negative per row; add "
            "--negatives-per-row 1"
        )
