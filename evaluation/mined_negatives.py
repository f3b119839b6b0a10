"""Hard negatives that a training mined, as reports and cards name them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MinedNegatives:
    """What was mined for the rows that a model was trained on.

    Attributes:
        rows: Rows that got mined negatives.
        passages: Number of passages that they were mined from.
        rank_range: Two places (A, B): of the B passages nearest to a query the A nearest were
            passed over.
        relative_margin: Share of the similarity of the positive by which a negative is farther.
    """

    rows: int
    passages: int
    rank_range: tuple[int, int]
    relative_margin: float


@dataclass(frozen=True)
class TrainedNegatives:
    """The hard negatives of a training: which of them were mined; None where none were."""

    mined: MinedNegatives | None = None


def mined_sentence(negatives: TrainedNegatives | None) -> str:
    """Returns how many rows were trained on mined negatives; empty where none were mined."""
    if negatives is None or negatives.mined is None:
        return ""
    mined = negatives.mined
    return (
        f"The hard negatives of {mined.rows:,} training rows were mined by the base model from "
        f"{mined.passages:,} passages of the training part."
    )
