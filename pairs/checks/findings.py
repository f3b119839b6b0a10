"""The checks: one function per finding, listed in `CHECKS` in the order of the report."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pairs.checks.finding import EXAMPLES, Finding, example_lines, of_rows
from pairs.checks.scan import Scan
from pairs.text_numbers import different

MANY_QUERIES = 10
TRUNCATED_PASSAGES_TO_WARN_AT = 0.05


def find_all(scan: Scan) -> list[Finding]:
    """Returns the findings of all checks, in the order of `CHECKS`."""
    return [check(scan) for check in CHECKS]


def bad_lines(scan: Scan) -> Finding:
    """Finds lines that training refuses."""
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
    """Finds rows that equal an earlier row in query, positive and negatives, in any order."""
    return of_rows(
        scan,
        "exact_duplicates",
        "rows that repeat an earlier row",
        "warning",
        ~_is_first(scan.queries, scan.positives, *_sorted_negatives(scan).T),
        "keep one of each",
        leave_out=True,
    )


def conflicts(scan: Scan) -> Finding:
    """Finds rows with a negative that is or nearly equals a positive of the same query."""
    return of_rows(
        scan,
        "conflicts",
        "rows whose negative answers their query",
        "warning",
        _negative_answers(scan),
        "the same passage, or nearly the same, is a positive of this query: take another negative",
        leave_out=True,
        total=int(scan.has_negatives.sum()),
    )


def empty_queries(scan: Scan) -> Finding:
    """Finds queries without a content word, fault code or part number."""
    return of_rows(
        scan,
        "empty_queries",
        "queries that say nothing",
        "warning",
        scan.empty_queries,
        "without stop words and template words neither a word nor a code or part number is left:"
        " write a question that the passage answers",
        leave_out=True,
    )


def _flawed(flaw: str, title: str, advice: str) -> Callable[[Scan], Finding]:
    def check(scan: Scan) -> Finding:
        rows = scan.passages.flaws[flaw][scan.positives]
        return of_rows(scan, flaw, title, "warning", rows, advice, leave_out=True)

    return check


def flawed_negatives(scan: Scan) -> Finding:
    """Finds negatives that are not prose, which a model rejects without reading them."""
    flawed = _flawed_passages(scan)[scan.negatives]
    return Finding(
        key="flawed_negatives",
        title="negatives that are contents tables, digits or debris",
        level="note",
        count=int(flawed.sum()),
        total=len(flawed),
        unit="rows" if scan.has_negatives.sum() == len(flawed) else "negatives",
        lines=example_lines(scan, scan.rows_with(flawed)),
        advice="they are too easy to teach much: take a plausible passage that is wrong",
    )


def near_duplicates(scan: Scan) -> Finding:
    """Finds rows whose positive is a near-duplicate of another row's; one of a group is kept.

    The version that is kept is the first in whose row nothing else is wrong, so that a passage is
    not lost with a bad query.
    """
    groups = scan.passages.groups[scan.positives]
    wrong = scan.empty_queries | _flawed_passages(scan)[scan.positives] | _negative_answers(scan)
    order = np.argsort(wrong, kind="stable")
    first_row = order[np.unique(groups[order], return_index=True)[1]]
    kept = scan.positives[first_row][np.unique(groups, return_inverse=True)[1]]
    return of_rows(
        scan,
        "near_duplicates",
        "rows whose positive nearly equals another positive",
        "warning",
        scan.positives != kept,
        "versions of one passage count as different answers, of which one is right: keep one"
        " version for all their queries",
        leave_out=True,
    )


def near_duplicate_passages(scan: Scan) -> Finding:
    """Finds passages, positives and negatives, that are near-duplicates of an earlier one."""
    passages = scan.passages
    again = passages.groups != np.arange(len(passages))
    return Finding(
        key="near_duplicate_passages",
        title="passages that nearly equal an earlier passage",
        level="note",
        count=int(again.sum()),
        total=len(passages),
        unit="passages",
        lines=example_lines(scan, _rows_of_passages(scan, again)),
        advice="a search that finds one version where the other is the positive counts as wrong:"
        " keep one version",
    )


def truncated(scan: Scan) -> Finding:
    """Finds passages longer than the model reads."""
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
        lines=example_lines(scan, _rows_of_passages(scan, long)),
        advice="the model does not read the rest: split such passages",
    )


def several_positives(scan: Scan) -> Finding:
    """Finds queries with more than one positive."""
    passages = len(scan.passages)
    pairs = np.sort(scan.queries * passages + scan.positives)
    positives = np.bincount(pairs[np.diff(pairs, prepend=-1) > 0] // passages)
    several = positives > 1
    return Finding(
        key="several_positives",
        title="queries with several positives",
        level="note",
        count=int(several.sum()),
        total=len(positives),
        unit="queries",
        lines=example_lines(scan, several[scan.queries]),
        advice="fine if each answers it; Recall@k then counts the share of them that is found",
    )


def many_queries(scan: Scan) -> Finding:
    """Finds positives with ten rows or more."""
    rows = np.bincount(scan.positives, minlength=len(scan.passages))
    many = rows >= MANY_QUERIES
    return Finding(
        key="many_queries",
        title=f"positives with {MANY_QUERIES} rows or more",
        level="note",
        count=int(many.sum()),
        total=int((rows > 0).sum()),
        unit="passages",
        lines=example_lines(scan, many[scan.positives]),
        advice="they weigh more than others, and their queries are not independent evidence",
    )


def shared_negatives(scan: Scan) -> Finding:
    """Finds rows with a negative that ten rows or more have."""
    rows = np.bincount(scan.negatives, minlength=len(scan.passages))
    return of_rows(
        scan,
        "shared_negatives",
        f"rows that share their negative with {MANY_QUERIES - 1} others or more",
        "note",
        scan.rows_with(rows[scan.negatives] >= MANY_QUERIES),
        "all are trained on, but a batch has such a negative only once: others teach more",
        total=int(scan.has_negatives.sum()),
    )


def without_negatives(scan: Scan) -> Finding:
    """Finds rows without a negative."""
    return of_rows(
        scan,
        "without_negatives",
        "rows without a negative",
        "note",
        ~scan.has_negatives,
        "fine: training needs none; --negatives mined and nic-mine find some",
    )


def negatives_elsewhere_positive(scan: Scan) -> Finding:
    """Finds different negatives that are the positive of another row."""
    negatives = different(scan.negatives)
    elsewhere = np.isin(negatives, scan.positives)
    return Finding(
        key="negatives_elsewhere_positive",
        title="different negatives that are a positive of other rows",
        level="note",
        count=int(elsewhere.sum()),
        total=len(negatives),
        unit="passages",
        lines=example_lines(scan, scan.rows_with(np.isin(scan.negatives, negatives[elsewhere]))),
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
        "a table without its labels: write out what the numbers mean",
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
    without_negatives,
    shared_negatives,
    negatives_elsewhere_positive,
]


def _negative_answers(scan: Scan) -> np.ndarray:
    """Returns `(rows,)` whether a negative's group holds a positive of the row's query."""
    groups, passages = scan.passages.groups, len(scan.passages)
    answers = scan.queries * passages + groups[scan.positives]
    queries = scan.queries[scan.negative_rows]
    return scan.rows_with(_is_among(queries * passages + groups[scan.negatives], np.sort(answers)))


def _is_among(values: np.ndarray, ascending: np.ndarray) -> np.ndarray:
    """Returns for each of some values whether it is one of the others, of which there are some."""
    places = np.searchsorted(ascending, values)
    return np.asarray(ascending[np.minimum(places, len(ascending) - 1)] == values)


def _rows_of_passages(scan: Scan, passages: np.ndarray) -> np.ndarray:
    """Returns `(rows,)` whether the positive or a negative is a flagged passage."""
    return np.asarray(passages[scan.positives] | scan.rows_with(passages[scan.negatives]))


def _sorted_negatives(scan: Scan) -> np.ndarray:
    """Returns `(rows, most negatives)` numbers from 1, ascending in each row; 0 for none."""
    places, order = scan.negative_places, np.lexsort((scan.negatives, scan.negative_rows))
    table = np.zeros((len(scan), int(places.max(initial=-1)) + 1), np.int64)
    table[scan.negative_rows, places] = scan.negatives[order] + 1
    return table


def _flawed_passages(scan: Scan) -> np.ndarray:
    """Returns `(passages,)` whether the passage is not prose."""
    return np.asarray(np.logical_or.reduce(list(scan.passages.flaws.values())))


def _is_first(*columns: np.ndarray) -> np.ndarray:
    """Returns `(rows,)` whether no earlier row has the same values."""
    numbers = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        numbers = np.unique(numbers * (column.max() + 1) + column, return_inverse=True)[1]
    first = np.zeros(len(numbers), bool)
    first[np.unique(numbers, return_index=True)[1]] = True
    return first
