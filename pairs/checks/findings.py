"""What is wrong or worth knowing in the rows of a file, each with its lines and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from pairs.checks.scan import Scan

EXAMPLES = 5
MANY_QUERIES = 10
TRUNCATED_PASSAGES_TO_WARN_AT = 0.05

Level = Literal["stop", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One kind of thing that was looked for.

    Attributes:
        key: Its name in the JSON report.
        title: What was counted, in words.
        level: "stop": training refuses the file; "warning": worth mending; "note": worth knowing.
        count: How many there are.
        total: Out of how many.
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
        """Count over total, in [0, 1]."""
        return self.count / self.total if self.total else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "level": self.level,
            "count": self.count,
            "total": self.total,
            "unit": self.unit,
            "share": self.share,
            "lines": self.lines,
            "advice": self.advice,
        }


def find_all(scan: Scan) -> list[Finding]:
    """Every finding about the rows, in the order in which to read them."""
    return [check(scan) for check in CHECKS]


def bad_lines(scan: Scan) -> Finding:
    """Lines that training refuses."""
    return Finding(
        key="bad_lines",
        title="lines that stop training",
        level="stop",
        count=len(scan.bad_lines),
        total=len(scan.bad_lines) + len(scan),
        unit="lines",
        lines=scan.bad_lines[:EXAMPLES].tolist(),
        advice="correct each line",
    )


def exact_duplicates(scan: Scan) -> Finding:
    """Rows whose query, positive and negative an earlier row has too."""
    return _of_rows(
        scan,
        "exact_duplicates",
        "rows that repeat an earlier row",
        "warning",
        ~_is_first(scan.queries, scan.positives, scan.negatives),
        "keep one of each",
        leave_out=True,
    )


def conflicts(scan: Scan) -> Finding:
    """Rows whose negative is, up to near-duplicates, a positive of the same query."""
    return _of_rows(
        scan,
        "conflicts",
        "rows whose negative answers their query",
        "warning",
        _negative_answers(scan),
        "the same passage, or nearly the same, is a positive of this query: take another negative",
        leave_out=True,
    )


def empty_queries(scan: Scan) -> Finding:
    """Queries without a content word."""
    return _of_rows(
        scan,
        "empty_queries",
        "queries that say nothing",
        "warning",
        scan.empty_queries,
        "no content word of three letters is left without stop and template words: write a question"
        " that the passage answers",
        leave_out=True,
    )


def _flawed(flaw: str, title: str, advice: str) -> Callable[[Scan], Finding]:
    def check(scan: Scan) -> Finding:
        rows = scan.passages.flaws[flaw][scan.positives]
        return _of_rows(scan, flaw, title, "warning", rows, advice, leave_out=True)

    return check


def flawed_negatives(scan: Scan) -> Finding:
    """Rows whose negative is no prose; it is told from the positive without reading it."""
    return _of_rows(
        scan,
        "flawed_negatives",
        "negatives that are contents tables, digits or debris",
        "note",
        _flawed_passages(scan)[scan.negatives],
        "they are easily told apart and teach little: take a passage that looks right",
    )


def near_duplicates(scan: Scan) -> Finding:
    """Rows whose positive is nearly the same text as another row's, but for one of each group.

    Kept is the first version in whose row nothing else is wrong, so that a passage is not lost with
    a bad query.
    """
    groups = scan.passages.groups[scan.positives]
    wrong = scan.empty_queries | _flawed_passages(scan)[scan.positives] | _negative_answers(scan)
    order = np.argsort(wrong, kind="stable")
    first_row = order[np.unique(groups[order], return_index=True)[1]]
    kept = scan.positives[first_row][np.unique(groups, return_inverse=True)[1]]
    return _of_rows(
        scan,
        "near_duplicates",
        "rows whose positive nearly equals another positive",
        "warning",
        scan.positives != kept,
        "one passage in several versions counts as several answers, of which one is right: keep one"
        " version and give it to all their queries",
        leave_out=True,
    )


def near_duplicate_passages(scan: Scan) -> Finding:
    """Passages, positives and negatives, that are nearly the same text as an earlier one."""
    passages = scan.passages
    again = passages.groups != np.arange(len(passages))
    return Finding(
        key="near_duplicate_passages",
        title="passages that nearly equal an earlier passage",
        level="note",
        count=int(again.sum()),
        total=len(passages),
        unit="passages",
        lines=_examples(scan, again[scan.positives] | again[scan.negatives]),
        advice="a search that finds one version where the other is the positive counts as wrong:"
        " keep one version",
    )


def truncated(scan: Scan) -> Finding:
    """Passages longer than the model reads."""
    passages = scan.passages
    long = passages.tokens > passages.max_seq_length
    share = long.mean()
    return Finding(
        key="truncated",
        title=f"passages longer than {passages.max_seq_length} tokens",
        level="warning" if share > TRUNCATED_PASSAGES_TO_WARN_AT else "note",
        count=int(long.sum()),
        total=len(passages),
        unit="passages",
        lines=_examples(scan, long[scan.positives] | long[scan.negatives]),
        advice="the model never sees what stands behind; cut such passages into several",
    )


def several_positives(scan: Scan) -> Finding:
    """Queries with more than one positive."""
    pairs = np.unique(np.stack([scan.queries, scan.positives], axis=1), axis=0)
    positives = np.bincount(pairs[:, 0])
    several = positives > 1
    return Finding(
        key="several_positives",
        title="queries with several positives",
        level="note",
        count=int(several.sum()),
        total=len(positives),
        unit="queries",
        lines=_examples(scan, several[scan.queries]),
        advice="fine if each answers it; Recall@k then counts the share of them that is found",
    )


def many_queries(scan: Scan) -> Finding:
    """Positives with ten queries or more."""
    rows = np.bincount(scan.positives, minlength=len(scan.passages))
    many = rows >= MANY_QUERIES
    return Finding(
        key="many_queries",
        title=f"positives with {MANY_QUERIES} rows or more",
        level="note",
        count=int(many.sum()),
        total=int((rows > 0).sum()),
        unit="passages",
        lines=_examples(scan, many[scan.positives]),
        advice="they weigh more than others, and their queries are no independent evidence",
    )


def negatives_elsewhere_positive(scan: Scan) -> Finding:
    """Different negatives that are another row's positive."""
    negatives = np.unique(scan.negatives)
    elsewhere = np.isin(negatives, scan.positives)
    return Finding(
        key="negatives_elsewhere_positive",
        title="different negatives that are a positive of other rows",
        level="note",
        count=int(elsewhere.sum()),
        total=len(negatives),
        unit="passages",
        lines=_examples(scan, np.isin(scan.negatives, negatives[elsewhere])),
        advice="usual for hard negatives; a held-out passage is then seen in training, as a wrong"
        " answer",
    )


CHECKS: list[Callable[[Scan], Finding]] = [
    bad_lines,
    exact_duplicates,
    conflicts,
    empty_queries,
    _flawed(
        "contents_table",
        "positives that are tables of contents",
        "dot leaders: nothing in them answers a question",
    ),
    _flawed(
        "mostly_digits",
        "positives that are mostly digits",
        "a table without its words: write out what the figures are",
    ),
    _flawed(
        "extraction_debris",
        "positives broken by text extraction",
        "words run together or unreadable glyphs: extract the text again",
    ),
    near_duplicates,
    near_duplicate_passages,
    truncated,
    flawed_negatives,
    several_positives,
    many_queries,
    negatives_elsewhere_positive,
]


def _of_rows(
    scan: Scan,
    key: str,
    title: str,
    level: Level,
    rows: np.ndarray,
    advice: str,
    leave_out: bool = False,
) -> Finding:
    return Finding(
        key=key,
        title=title,
        level=level,
        count=int(rows.sum()),
        total=len(scan),
        unit="rows",
        lines=_examples(scan, rows),
        advice=advice,
        left_out=rows if leave_out else None,
    )


def _negative_answers(scan: Scan) -> np.ndarray:
    """`(rows,)` whether the negative's group holds a positive of the row's query."""
    groups, passages = scan.passages.groups, len(scan.passages)
    answers = scan.queries * passages + groups[scan.positives]
    return np.isin(scan.queries * passages + groups[scan.negatives], answers)


def _flawed_passages(scan: Scan) -> np.ndarray:
    """`(passages,)` whether it is no prose."""
    return np.asarray(np.logical_or.reduce(list(scan.passages.flaws.values())))


def _examples(scan: Scan, rows: np.ndarray) -> list[int]:
    return [int(line) for line in scan.lines[np.flatnonzero(rows)[:EXAMPLES]]]


def _is_first(*columns: np.ndarray) -> np.ndarray:
    """`(rows,)` whether no earlier row has the same values."""
    numbers = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        numbers = np.unique(numbers * (column.max() + 1) + column, return_inverse=True)[1]
    first = np.zeros(len(numbers), bool)
    first[np.unique(numbers, return_index=True)[1]] = True
    return first
