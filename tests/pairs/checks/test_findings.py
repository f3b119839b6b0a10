"""Each finding counts what it says, names the lines, and finds nothing in a good file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import ScanRows, make_row

from pairs.checks import findings
from pairs.checks.finding import Finding
from pairs.checks.findings import find_all
from pairs.checks.scan import Scan

FLUENT = (
    "stop the engine and let it cool for ten minutes before the cap of the tank is opened by hand"
)


def rows(count: int = 6) -> list[dict[str, Any]]:
    """Rows in which there is nothing to find: no passage stands in two of them."""
    return [
        make_row(
            n,
            "hvac",
            positive=" ".join(f"good{n}x{w}" for w in range(20)),
            negative=" ".join(f"other{n}x{w}" for w in range(20)),
        )
        for n in range(count)
    ]


def found(scan: Scan, key: str) -> Finding:
    return {finding.key: finding for finding in find_all(scan)}[key]


def test_nothing_is_found_in_a_good_file(scan_rows: ScanRows) -> None:
    short = [{**row, "positive": row["positive"][:50]} for row in rows()]
    counts = {f.key: f.count for f in find_all(scan_rows(short)) if f.key != "truncated"}
    assert counts == dict.fromkeys(counts, 0)


ROW_FINDINGS: dict[str, Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]] = {
    "exact_duplicates": lambda first, row: first,
    "conflicts": lambda first, row: {**row, "query": first["query"], "negative": first["positive"]},
    "empty_queries": lambda first, row: {**row, "query": "How do I 115.?"},
    "contents_table": lambda first, row: {**row, "positive": "Brakes ......... 4-1"},
    "mostly_digits": lambda first, row: {**row, "positive": "10 20 30 40 mm"},
    "extraction_debris": lambda first, row: {**row, "positive": "TheGain controlAllows this"},
    "near_duplicates": lambda first, row: {**row, "positive": first["positive"] + " more"},
    "flawed_negatives": lambda first, row: {**row, "negative": "Brakes ......... 4-1"},
}


@pytest.mark.parametrize("key", ROW_FINDINGS)
def test_each_finding_about_rows_names_exactly_the_rows_it_is_about(
    key: str, scan_rows: ScanRows
) -> None:
    good = rows()
    bad = [ROW_FINDINGS[key](good[0], row) for row in good[3:5]]
    finding = found(scan_rows([*good[:3], *bad, good[5]]), key)
    assert (finding.count, finding.total, finding.unit) == (2, 6, "rows")
    assert finding.lines == [4, 5]
    assert finding.share == pytest.approx(1 / 3)
    if finding.left_out is not None:
        assert finding.left_out.tolist() == [False, False, False, True, True, False]


def test_a_negative_nearly_equal_to_the_rows_own_positive_is_a_conflict(
    scan_rows: ScanRows,
) -> None:
    row = make_row(0, "hvac", positive=FLUENT, negative=FLUENT + " slowly")
    assert found(scan_rows([*rows(), row]), "conflicts").lines == [7]


def test_the_first_version_of_a_passage_is_kept_with_all_its_rows(scan_rows: ScanRows) -> None:
    versions = [FLUENT, FLUENT + " slowly", FLUENT, FLUENT + " slowly"]
    scan = scan_rows([make_row(n, "hvac", positive=text) for n, text in enumerate(versions)])
    assert found(scan, "near_duplicates").lines == [2, 4]


def test_a_passage_is_not_lost_with_the_bad_query_of_its_first_version(
    scan_rows: ScanRows,
) -> None:
    first = make_row(0, "hvac", query="How do I 115.?", positive=FLUENT)
    second = make_row(1, "hvac", positive=FLUENT + " slowly")
    third = make_row(2, "hvac", positive=FLUENT + " again")
    assert found(scan_rows([first, second, third]), "near_duplicates").lines == [1, 3]


def test_passages_that_nearly_equal_an_earlier_one_are_counted_wherever_they_stand(
    scan_rows: ScanRows,
) -> None:
    changed = [
        make_row(10, "hvac", positive=FLUENT, negative=rows()[0]["negative"] + " more"),
        make_row(11, "hvac", positive=rows()[1]["positive"], negative=FLUENT + " slowly"),
    ]
    finding = found(scan_rows([*rows(), *changed]), "near_duplicate_passages")
    assert (finding.level, finding.count, finding.total) == ("note", 2, 15)
    assert finding.lines == [7, 8]


def test_bad_lines_are_counted_out_of_all_lines(scan_rows: ScanRows) -> None:
    scan = scan_rows([*rows(4), {"query": "why"}])
    finding = found(scan, "bad_lines")
    assert (finding.level, finding.count, finding.total, finding.lines) == ("stop", 1, 5, [5])


def test_truncated_passages_are_a_warning_only_where_they_are_many(scan_rows: ScanRows) -> None:
    short = [make_row(n, "hvac", positive=f"pump {n}", negative=f"fan {n}") for n in range(20)]
    long = make_row(20, "hvac", positive="pump " * 70, negative="fan 20")
    finding = found(scan_rows([*short, long]), "truncated")
    assert (finding.level, finding.count, finding.total) == ("note", 1, 42)
    assert finding.lines == [21]
    finding = found(scan_rows([long, short[0]]), "truncated")
    assert (finding.level, finding.count, finding.total) == ("warning", 1, 4)


def test_queries_with_several_positives_and_positives_with_many_queries(
    scan_rows: ScanRows,
) -> None:
    good = rows()
    twice = {**good[4], "query": good[0]["query"]}
    many = [{**good[5], "query": f"why is it number {n}"} for n in range(findings.MANY_QUERIES)]
    scan = scan_rows([*good[:4], twice, *many])
    several = found(scan, "several_positives")
    assert (several.count, several.total, several.lines) == (1, 14, [1, 5])
    busy = found(scan, "many_queries")
    assert (busy.count, busy.total, busy.lines) == (1, 6, [6, 7, 8, 9, 10])


def test_negatives_that_are_a_positive_elsewhere_are_counted_by_their_text(
    scan_rows: ScanRows,
) -> None:
    good = rows()
    changed = [{**row, "negative": good[0]["positive"]} for row in good[1:4]]
    finding = found(scan_rows([good[0], *changed]), "negatives_elsewhere_positive")
    assert (finding.count, finding.total, finding.unit) == (1, 2, "passages")
    assert finding.lines == [2, 3, 4]


def test_rows_that_share_a_negative_with_nine_others_are_counted(scan_rows: ScanRows) -> None:
    shared = [make_row(n, "forklift", negative="check the fuse") for n in range(10)]
    others = [make_row(n, "forklift", negative=f"clean coil {n // 9}") for n in range(10, 19)]
    finding = found(scan_rows([*shared, *others]), "shared_negatives")
    assert (finding.count, finding.total, finding.level) == (10, 19, "note")
