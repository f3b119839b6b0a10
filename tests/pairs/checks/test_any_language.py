"""Good rows of any language are not flagged, and none is left out of a clean copy."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ScanRows, make_row
from maintenance_pairs import PAIRS

from pairs.checks.clean import write_clean
from pairs.checks.codes import is_code_query, number_words, numbered
from pairs.checks.findings import find_all
from pairs.checks.texts import has_no_content_words, is_contents_table, is_debris, is_mostly_digits
from pairs.languages import tell_language


@pytest.mark.parametrize("language", PAIRS)
def test_no_good_row_is_flagged_or_left_out(
    language: str, scan_rows: ScanRows, tmp_path: Path
) -> None:
    pairs = PAIRS[language]
    rows = [
        make_row(n, "shop", query=query, positive=positive, negative=pairs[n - 1][1])
        for n, (query, positive) in enumerate(pairs)
    ]
    scan = scan_rows(rows)
    findings = find_all(scan)
    flagged = {
        finding.key: finding.lines
        for finding in findings
        if finding.count and finding.key not in ("truncated", "negatives_elsewhere_positive")
    }
    assert flagged == {}
    assert write_clean(scan, findings, tmp_path / "clean.jsonl") == (len(rows), 0)


@pytest.mark.parametrize("language", PAIRS)
def test_the_language_of_a_text_is_told(language: str) -> None:
    assert tell_language([text for pair in PAIRS[language] for text in pair]) == language


def test_where_nothing_tells_the_language_there_is_none() -> None:
    assert tell_language(["P0420 47-11", "???"]) is None
    assert tell_language([]) is None


@pytest.mark.parametrize(
    "query",
    [
        "P0420",
        "E-47",
        "e47",
        "E 47",
        "SPN 520",
        "7W-2327",
        "U0100?",
        "F2 52",
        "44-1000",
        "520",
        "320D",
        "What is part number 4410?",
        "What does 441000 need?",
        "What is a P0420?",
    ],
)
def test_fault_codes_and_part_numbers_are_content(query: str) -> None:
    assert not has_no_content_words(query)


@pytest.mark.parametrize(
    "query",
    ["How do I 115.?", "What are the steps to 4-1?", "How do I 24V?", "91-98°c (195-208 °F)?"],
)
def test_a_page_a_measure_or_a_short_number_in_a_frame_is_no_code(query: str) -> None:
    assert not is_code_query(query)
    assert has_no_content_words(query)


PART = (
    "For the axial piston pump with part number {} order the seal kit from the spare parts store, "
    "fit it with clean hands and grease all lips before assembly of the housing."
)
CHINESE = "型号{}的轴向柱塞泵需要从备件库订购密封组件，安装前请清洁双手并在所有密封唇上涂抹润滑脂。"


@pytest.mark.parametrize("text", [PART, CHINESE])
@pytest.mark.parametrize("numbers", [("441000", "441001"), ("44-1000", "44-1001"), ("A", "B")])
def test_passages_that_differ_in_a_part_number_are_different_answers(
    text: str, numbers: tuple[str, str], scan_rows: ScanRows
) -> None:
    one, other = (text.format(number) for number in numbers)
    rows = [
        make_row(0, "pumps", query="which kit fits the one", positive=one, negative=other),
        make_row(1, "pumps", query="which kit fits the other", positive=other, negative=one),
    ]
    scan = scan_rows(rows)
    assert {f.key for f in find_all(scan) if f.count} <= {
        "negatives_elsewhere_positive",
        "truncated",
    }


@pytest.mark.parametrize("text", [PART, CHINESE])
def test_a_passage_without_a_number_joins_one_of_those_that_differ_in_it(
    text: str, scan_rows: ScanRows
) -> None:
    versions = [text.format(name).replace("  ", " ") for name in ("", "441000", "441001", "441002")]
    rows = [
        make_row(n, "pumps", positive=version, negative=f"fan {n} is old")
        for n, version in enumerate(versions)
    ]
    # Positives and negatives are numbered in turn.
    groups = scan_rows(rows).passages.groups[::2].tolist()
    assert len(set(groups[1:])) == 3
    assert len(set(groups)) == 3


def test_the_same_number_twice_and_once_are_told_apart() -> None:
    words = number_words("pump 2 of 2, 1.5 bar, type B")
    assert words == ["2", "2", "1.5", "b"]
    assert numbered(words) == ["2#1", "2#2", "1.5#1", "b#1"]
    first, second = (numbered(number_words(text)) for text in ("pump 1 of 2", "pump 2 of 2"))
    assert set(first) - set(second) == {"1#1"}


def test_broken_text_is_still_found_in_other_languages() -> None:
    assert is_contents_table("第一章 概述……………… 3")
    assert is_contents_table("概述…… 3\n安装…… 12")
    assert is_debris("泵不启动，\ufffd\ufffd检查主开关\ufffd")
    assert is_mostly_digits("压力 100 200 300 400 巴")
    assert has_no_content_words("How do I \u200b?")
