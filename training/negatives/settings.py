"""What is mined: how many negatives of a row, from which places of a ranking."""

from __future__ import annotations

from dataclasses import dataclass

from nic.errors import require_value

# As many as a triplet has: each further one makes a batch of 32 rows a third dearer.
PER_ROW = 1
# Moreira et al., arXiv:2407.15831 (NV-Retriever): what comes within 95 % of the positive is often
# a right answer that nobody has marked.
RELATIVE_MARGIN = 0.05
RANK_RANGE = (10, 50)


@dataclass(frozen=True)
class MiningSettings:
    """Which passages are taken as the negatives of a query.

    Attributes:
        per_row: Negatives of a row, 1 or more.
        rank_range: Two places (A, B), 0 <= A < B. Of the B passages nearest to a query, beside its
            answers, those that the margin leaves out go first, then the A nearest.
        relative_margin: Share, in [0, 1), of the similarity of its farthest positive by which a
            negative has to be farther from the query.

    Raises:
        UserError: A value is out of its range.
    """

    per_row: int = PER_ROW
    rank_range: tuple[int, int] = RANK_RANGE
    relative_margin: float = RELATIVE_MARGIN

    def __post_init__(self) -> None:
        """Refuses values out of their ranges."""
        first, last = self.rank_range
        shown = f"{first} {last}"
        ascending = "two places, 0 or more, the first before the last"
        require_value(0 <= first < last, "--rank-range", shown, ascending)
        fits = 1 <= self.per_row <= last - first
        within = f"1 or more, up to the {last - first} of --rank-range {shown}"
        require_value(fits, "--negatives-per-row", self.per_row, within)
        margin = self.relative_margin
        require_value(0 <= margin < 1, "--relative-margin", margin, "0 or more and below 1")
