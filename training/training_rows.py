"""The rows that are trained on: their columns, and which negatives of each."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from datasets import Dataset

from evaluation.mined_negatives import MinedNegatives
from nic.errors import UserError
from pairs.columns import TEXT_COLUMNS
from pairs.loading import Pairs
from training.command.run_arguments import GIVEN, RunArguments
from training.negatives.mined_rows import MinedRows

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class HardNegatives:
    """Which hard negatives are trained on.

    Attributes:
        per_row: The largest number of a row; 0 without hard negatives.
        rows_cut: Rows that have more, of which only their first `per_row` are trained on.
        rows_repeating: Rows that have fewer and repeat theirs, as the loss needs as many of each;
            0 for a loss that takes each negative of a batch once.
        rows_without: Rows that have none, and meet those of the other rows of a batch alone.
        mined: What was mined of them; None where all are those of the file.
    """

    per_row: int
    rows_cut: int
    rows_repeating: int
    rows_without: int = 0
    mined: MinedNegatives | None = None


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
    A row with fewer negatives than columns repeats its own in their order; one without has None.

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
    filled = [
        islice(cycle(list(filter(None, texts)) or [None]), len(negatives)) for texts in of_rows
    ]
    content |= dict(zip(negatives, map(list, zip(*filled, strict=True)), strict=True))
    return Dataset.from_dict(content, features=chosen.features)


def count_negatives(
    pairs: Pairs,
    rows: Sequence[int],
    columns: Sequence[str],
    shared: bool,
    mined: MinedRows | None = None,
) -> HardNegatives:
    """Counts and logs which negatives are trained on.

    Args:
        pairs: The checked file with the negatives that are trained on.
        rows: Numbers of the rows that are trained on.
        columns: The columns that are trained on.
        shared: Whether the loss takes each negative of a batch once.
        mined: The mined ones among them; None where none are.

    Raises:
        UserError: A row has no negative, and the loss takes as many of each.
    """
    per_row, negatives = len(columns) - 2, pairs.negatives()
    given = [len(negatives[row]) for row in rows]
    counts = given if per_row else []
    more, fewer = (sum(c > per_row for c in counts), sum(0 < c < per_row for c in counts))
    without = counts.count(0)
    if without and not shared:
        raise UserError(
            f"{without} of {len(rows)} training rows have no negative, and the loss takes as many "
            "of each row: leave out --hardness and --directions doc_to_doc, or give each row one "
            "(nic-mine --rank-range takes a wider range), or use --negatives none"
        )
    mining = describe_mining(mined, rows) if mined else None
    found = HardNegatives(per_row, more, 0 if shared else fewer, without, mining)
    if any(given) and not per_row:
        logger.info(
            "Hard negatives: those of %d training rows are passages of the evaluation and are not "
            "trained on; --negatives given trains on them",
            sum(map(bool, given)),
        )
    if mining:
        logger.info(
            "Hard negatives: %d of %d training rows have mined ones, from %d passages of the "
            "training part (places %d to %d, margin %g)",
            mining.rows,
            len(rows),
            mining.passages,
            mining.rank_range[0] + 1,
            mining.rank_range[1],
            mining.relative_margin,
        )
    if without:
        logger.info("%d of %d training rows have no hard negative", without, len(rows))
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


def describe_mining(mined: MinedRows, rows: Sequence[int]) -> MinedNegatives:
    """Returns what was mined for the rows that are trained on, for the log and the metadata."""
    settings, found = mined.settings, sum(bool(mined.negatives.get(row)) for row in rows)
    return MinedNegatives(found, mined.passages, settings.rank_range, settings.relative_margin)


def check_negatives(run: RunArguments, pairs: Pairs, rows: Sequence[int]) -> None:
    """Refuses negatives that are not there.

    Args:
        run: The arguments of the run.
        pairs: The checked file.
        rows: Numbers of the rows that are trained on.

    Raises:
        UserError: The file has none to take.
    """
    given = pairs.negatives()
    if run.negatives == GIVEN and not any(given[row] for row in rows):
        raise UserError(
            "--negatives given: no row of the training part has a negative; use --negatives auto, "
            "which mines them, or none"
        )
