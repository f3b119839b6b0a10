"""A finding: what one check counts in a file, with examples and advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pairs.checks.scan import Scan

EXAMPLES = 5

Level = Literal["stop", "warning", "note"]
LEVELS: tuple[Level, ...] = ("stop", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        key: Its name in the JSON report.
        title: What is counted, in words.
        level: "stop": training refuses the file; "warning": worth correcting; "note": worth
            knowing.
        count: Number of rows, lines, queries or passages that the check flags.
        total: Number of those that the check looked at; 0 for a check of negatives where no row
            has one.
        unit: What is counted: "rows", "lines", "queries" or "passages".
        lines: 1-based line numbers of up to five examples.
        advice: What to do.
        left_out: `(rows,)` whether `--write-clean` leaves the row out; None where it leaves none.
    """

    key: str
    title: str
    level: Level
    count: int
    total: int
    unit: str
    lines: list[int]
    advice: str
    left_out: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def share(self) -> float:
        """Returns `count / total`, in [0, 1]."""
        return self.count / self.total if self.total else 0.0


def of_rows(
    scan: Scan,
    key: str,
    title: str,
    level: Level,
    rows: np.ndarray,
    advice: str,
    leave_out: bool = False,
    total: int | None = None,
) -> Finding:
    """Returns a finding about rows.

    Args:
        scan: The file.
        key: As in `Finding`.
        title: As in `Finding`.
        level: As in `Finding`.
        rows: `(rows,)` whether the check flags the row.
        advice: As in `Finding`.
        leave_out: Whether `--write-clean` leaves the flagged rows out.
        total: Number of rows that the check looked at; None for all.
    """
    return Finding(
        key=key,
        title=title,
        level=level,
        count=int(rows.sum()),
        total=len(scan) if total is None else total,
        unit="rows",
        lines=example_lines(scan, rows),
        advice=advice,
        left_out=rows if leave_out else None,
    )


def example_lines(scan: Scan, rows: np.ndarray) -> list[int]:
    """Returns the line numbers of the first five rows of a `(rows,)` mask."""
    return [int(line) for line in scan.lines[np.flatnonzero(rows)[:EXAMPLES]]]
