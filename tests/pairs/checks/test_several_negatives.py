"""The check looks at every negative of a row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import KeywordModel, MakePairs, ScanRows, make_row

from pairs.checks import false_negatives
from pairs.checks.clean import write_clean
from pairs.checks.false_negatives import find_suspects
from pairs.checks.finding import Finding
from pairs.checks.findings import find_all
from pairs.checks.page import read_examples, render_check_page
from pairs.checks.report import CheckReport, build_report
from pairs.checks.scan import Scan, scan_file
from pairs.checks.splits import leakage
from pairs.checks.tokens import TokenCounter
from pairs.split import Split

FLAWED = "Brakes ......... 4-1"


def long(name: str, number: int) -> str:
    return " ".join(f"{name}{number}x{word}" for word in range(20))


def rows(count: int = 6) -> list[dict[str, Any]]:
    """Rows with two negatives each, in which there is nothing to find."""
    return [
        make_row(n, "hvac", positive=long("good", n), negative=[long("other", n), long("more", n)])
        for n in range(count)
    ]


def found(scan: Scan, key: str) -> Finding:
    return {finding.key: finding for finding in find_all(scan)}[key]


def report_of(scan: Scan) -> CheckReport:
    return build_report(scan, Split([0, 1], [2], 42), 0.2, batch_size=2, seed=42)


def test_a_scan_numbers_the_negatives_row_by_row(scan_rows: ScanRows) -> None:
    scan = scan_rows(
        [
            make_row(0, "hvac", positive="a b", negative=["c d", "e f", "c d"]),
            make_row(1, "hvac", positive="c d", negative="g h"),
            make_row(2, "hvac", positive="i k", negative=["a b", "g h", "e f"]),
        ]
    )
    assert scan.positives.tolist() == [0, 1, 4]
    assert scan.negatives.tolist() == [1, 2, 3, 0, 3, 2]
    assert scan.negative_rows.tolist() == [0, 0, 1, 2, 2, 2]
    assert scan.negative_places.tolist() == [0, 1, 0, 0, 1, 2]
    flagged = np.array([False, True, False, False, True, True])
    assert scan.rows_with(flagged).tolist() == [True, False, True]
    assert len(scan.passages) == 5


def test_nothing_is_found_in_good_rows_of_several_negatives(scan_rows: ScanRows) -> None:
    counts = {f.key: f.count for f in find_all(scan_rows(rows())) if f.key != "truncated"}
    assert counts == dict.fromkeys(counts, 0)


CHANGED = {
    "conflicts": lambda good: {**good[4], "negative": [long("new", 1), long("good", 4) + " end"]},
    "negatives_elsewhere_positive": lambda good: {
        **good[4],
        "negative": [long("new", 1), good[0]["positive"]],
    },
    "near_duplicate_passages": lambda good: {
        **good[4],
        "negative": [long("new", 1), good[0]["negative"][1] + " end"],
    },
    "flawed_negatives": lambda good: {**good[4], "negative": [long("new", 1), FLAWED]},
    "exact_duplicates": lambda good: {**good[0], "negative": good[0]["negative"][::-1]},
}


@pytest.mark.parametrize("key", CHANGED)
def test_a_finding_about_a_second_negative_names_its_row(key: str, scan_rows: ScanRows) -> None:
    good = rows()
    good[4] = CHANGED[key](good)
    finding = found(scan_rows(good), key)
    assert (finding.count, finding.lines) == (1, [5])
    if finding.left_out is not None:
        assert finding.left_out.tolist() == [False] * 4 + [True, False]


def test_rows_that_differ_in_one_negative_do_not_repeat_each_other(scan_rows: ScanRows) -> None:
    good = rows(2)
    changed = [
        {**good[0], "negative": [good[0]["negative"][0], long("new", 1)]},
        {**good[0], "negative": good[0]["negative"][:1]},
    ]
    assert found(scan_rows(good + changed), "exact_duplicates").count == 0


def test_flawed_negatives_are_counted_each_and_of_a_file_with_one_a_row_by_rows(
    scan_rows: ScanRows,
) -> None:
    good = rows(3)
    good[1]["negative"] = [FLAWED, FLAWED + " 5-2", long("new", 1)]
    finding = found(scan_rows(good), "flawed_negatives")
    assert (finding.count, finding.total, finding.unit) == (2, 7, "negatives")
    single = [{**row, "negative": row["negative"][0]} for row in good]
    finding = found(scan_rows(single), "flawed_negatives")
    assert (finding.count, finding.total, finding.unit) == (1, 3, "rows")


def test_a_negative_shared_at_any_place_flags_its_rows(scan_rows: ScanRows) -> None:
    good = rows(12)
    for n, row in enumerate(good[:10]):
        row["negative"].insert(n % 3, long("shared", 0))
    finding = found(scan_rows(good), "shared_negatives")
    assert (finding.count, finding.total) == (10, 12)


def test_a_long_negative_at_any_place_is_truncated(scan_rows: ScanRows) -> None:
    good = [make_row(n, "hvac", negative=["pump", f"fan {n}"]) for n in range(4)]
    good[2]["negative"].append("pump " * 200)
    finding = found(scan_rows(good), "truncated")
    assert (finding.count, finding.lines) == (1, [3])


def test_leakage_counts_every_negative_of_the_training_half(scan_rows: ScanRows) -> None:
    good = rows(3)
    good[0]["negative"].append(good[2]["positive"])
    scan = scan_rows(good)
    assert leakage(scan, Split([0, 1], [2], 42)).positive_as_negative == 1
    assert leakage(scan, Split([1], [2], 42)).positive_as_negative == 0


def test_a_row_is_suspicious_by_its_worst_negative(
    scan_rows: ScanRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Cosine to the query "pump": of "pump" 1, of "pump fan" 0.71, of "fan" 0.
    texts = [
        ("pump", ["fan", "pump fan"]),
        ("pump fan", ["fan", "belt", "pump"]),
        ("fan", ["pump fan", "belt"]),
        ("fan", ["belt", "pump"]),
    ]
    scan = scan_rows([make_row(0, "hvac", query="pump", positive=p, negative=n) for p, n in texts])
    model = KeywordModel(["pump", "fan", "belt"])
    monkeypatch.setattr(false_negatives, "ROWS_AT_A_TIME", 3)
    assert find_suspects(scan, model, "keywords", margin=0.1, batch_size=8).lines == [4, 3, 2]
    assert find_suspects(scan, model, "keywords", margin=0.5, batch_size=8).lines == [4, 3]


def test_the_page_quotes_every_negative_and_the_report_counts_different_ones(
    scan_rows: ScanRows,
) -> None:
    good = rows(3)
    good[1]["negative"] = [long("other", 0), FLAWED]
    scan = scan_rows(good)
    report = report_of(scan)
    assert (report.negatives, report.passages) == (5, 8)
    page = render_check_page(report, read_examples(report, scan))
    assert f"<p>Negative 1: {long('other', 0)}</p><p>Negative 2: {FLAWED}</p>" in page


def test_a_clean_copy_keeps_the_lines_of_lists_and_numbered_fields(
    write_pairs: MakePairs, tiny_counter: TokenCounter, tmp_path: Path
) -> None:
    first, second, third = rows(3)
    one, two = third.pop("negative")
    third |= {"negative_1": one, "negative_2": two}
    second["negative"][1] = second["positive"] + " end"
    path = write_pairs([first, second, third])
    scan = scan_file(path, tiny_counter)
    assert write_clean(scan, find_all(scan), tmp_path / "clean.jsonl") == (2, 1)
    lines = (tmp_path / "clean.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, lines)) == [first, third]
