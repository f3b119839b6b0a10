"""The report: as data without a word of the file, as console lines, as one HTML page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import ScanRows, make_row

from nic.errors import UserError
from pairs.checks.console import check_verdict, console_lines, log_summary
from pairs.checks.false_negatives import Suspects
from pairs.checks.page import (
    LONGEST_QUOTE,
    first_steps,
    read_examples,
    render_check_page,
    write_page,
)
from pairs.checks.report import Bar, CheckReport, build_report, write_json
from pairs.checks.scan import Scan
from pairs.checks.splits import split_as_training_does
from pairs.split import Split

SECRET = "zanzibar"


def rows(count: int = 40) -> list[dict[str, str]]:
    return [make_row(n, "hvac", query=f"{SECRET} pump {n}") for n in range(count)]


def report_of(scan: Scan, batch_size: int = 8) -> CheckReport:
    split: Split | UserError
    try:
        split = split_as_training_does(scan, 0.1, 42, "error")
    except UserError as error:
        split = error
    return build_report(scan, split, 0.1, batch_size, 42)


def test_a_good_file_is_counted_and_not_refused(scan_rows: ScanRows) -> None:
    report = report_of(scan_rows(rows()))
    assert (report.file, report.rows, report.queries) == ("pairs.jsonl", 40, 40)
    assert (report.positives, report.negatives, report.passages) == (40, 40, 80)
    assert not report.refused
    assert check_verdict(report) == "Training would run; nothing to mend was found"
    assert list(report.leakage) == ["by row", "by passage"]


def test_bad_lines_a_split_that_cannot_be_drawn_and_a_batch_that_cannot_be_filled_are_refused(
    scan_rows: ScanRows,
) -> None:
    bad_line = report_of(scan_rows([*rows(), {"query": "why"}]))
    assert check_verdict(bad_line) == "Training would refuse this file: 1 bad line"
    lines = console_lines(bad_line)
    stop = lines.index("STOP    lines that stop training: 1 of 41 lines (2.4%)")
    assert lines[stop + 1].endswith(
        'pairs.jsonl:41: field "positive" is missing; every line needs '
        "non-empty query, positive and domain"
    )
    lonely = report_of(scan_rows(rows(1)))
    assert "too few separate passages" in check_verdict(lonely)
    assert list(lonely.leakage) == ["by row"]
    large = report_of(scan_rows(rows()), batch_size=64)
    assert "36 training pairs do not fill one batch of 64" in check_verdict(large)
    assert bad_line.refused and lonely.refused and large.refused


def test_histograms_count_every_passage_once(scan_rows: ScanRows) -> None:
    many = [make_row(0, "hvac", query=f"why {n}") for n in range(20)]
    report = report_of(scan_rows([*rows(), *many]))
    assert sum(bar.count for bar in report.tokens) == report.passages
    assert report.rows_of_a_positive[0] == Bar("1", 39)
    assert report.rows_of_a_positive[-1] == Bar("17+", 1)
    assert sum(bar.count for bar in report.rows_of_a_positive) == report.positives


def test_the_json_holds_counts_and_line_numbers_and_no_word_of_the_file(
    scan_rows: ScanRows, tmp_path: Path
) -> None:
    scan = scan_rows([*rows(), rows()[3]])
    write_json(report_of(scan), tmp_path / "check.json")
    text = (tmp_path / "check.json").read_text(encoding="utf-8")
    assert SECRET not in text
    content = json.loads(text)
    assert content["findings"]["exact_duplicates"]["lines"] == [41]
    assert content["findings"]["exact_duplicates"]["share"] == pytest.approx(1 / 41)
    assert content["leakage"]["by passage"]["same_positive"] == 0
    assert set(content["domains"]) == {"overall"}
    assert [path.name for path in tmp_path.iterdir() if "incomplete" in path.name] == []


def test_the_console_gives_lines_and_advice_for_warnings_and_no_word_of_the_file(
    scan_rows: ScanRows,
) -> None:
    report = report_of(scan_rows([*rows(), rows()[3], rows()[3]]))
    text = "\n".join(console_lines(report))
    assert SECRET not in text
    assert "WARN    rows that repeat an earlier row: 2 of 42 rows (4.8%)" in text
    assert "        lines 41, 42: keep one of each" in text
    assert text.endswith("Training would run; 1 warning")
    assert log_summary(report) == [
        "rows that repeat an earlier row: 2 of 42 rows (4.8%) (lines 41, 42)"
    ]


def test_a_domain_that_would_steer_the_terminal_is_printed_without_that(
    scan_rows: ScanRows,
) -> None:
    named = [{**row, "domain": f"hv\x1b[2Jac{n % 2}\n"} for n, row in enumerate(rows())]
    text = "\n".join(console_lines(report_of(scan_rows(named))))
    assert "\x1b" not in text
    assert re.search(r"^ +hv\?\[2Jac0 +20 +50\.0%", text, re.MULTILINE)


def test_a_single_domain_stands_there_once(scan_rows: ScanRows) -> None:
    report = report_of(scan_rows(rows()))
    assert [power.domain for power in report.domains] == ["overall"]
    assert not re.search(r"^ +hvac", "\n".join(console_lines(report)), re.MULTILINE)


def test_notes_name_lines_and_advice_too(scan_rows: ScanRows) -> None:
    many = [make_row(0, "hvac", query=f"why {n}") for n in range(10)]
    text = "\n".join(console_lines(report_of(scan_rows([*rows(), *many]))))
    assert "        lines 1, 41, 42, 43, 44: they weigh more than others" in text


def test_suspects_stand_on_the_console_where_they_were_asked_for(scan_rows: ScanRows) -> None:
    report = report_of(scan_rows(rows()))
    assert "ranks above" not in "\n".join(console_lines(report))
    asked = replace(report, suspects=Suspects("minilm", 0.1, 2, [7, 3]))
    text = "\n".join(console_lines(asked))
    assert "minilm ranks above the positive by more than 0.1: 2 of 40 rows (5.0%)" in text
    assert "lines 7, 3" in text


class Tags(HTMLParser):
    """Collects tags, and the text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_needs_nothing_else_and_fits_a_phone(scan_rows: ScanRows, tmp_path: Path) -> None:
    scan = scan_rows([*rows(), rows()[3]])
    write_page(report_of(scan), scan, tmp_path / "check.html")
    page = (tmp_path / "check.html").read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.links == []
    assert not {"script", "link", "img", "iframe"} & set(tags.tags)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in page
    assert "http" not in page
    assert page.count("Line 41:") == 1
    assert re.search(r"rows that repeat an earlier row: <b>1</b> of 41 rows \(2\.4%\)", page)


def test_the_page_begins_with_what_to_do_the_costliest_first(scan_rows: ScanRows) -> None:
    empty = [make_row(n, "hvac", query="what is the") for n in range(40, 46)]
    scan = scan_rows([*rows(), *empty, rows()[3], rows()[4]])
    report = report_of(scan)
    assert first_steps(report) == [
        "Queries that say nothing, 6 of 48 rows (12.5%): "
        + next(f.advice for f in report.findings if f.key == "empty_queries")
        + ".",
        "Rows that repeat an earlier row, 2 of 48 rows (4.2%): keep one of each.",
    ]
    page = render_check_page(report, read_examples(report, scan))
    order = ["<h1>", "2 warnings", "What to do first", "<li>Queries that", "<li>Rows that"]
    order += ["<h2>The file", "<h2>Findings", 'class="warning"', 'class="note"', 'class="ok"']
    assert [page.index(words) for words in order] == sorted(map(page.index, order))
    assert "writes a copy without\nthe 8 rows that the warnings name" in page
    assert [finding.key for finding in report.found("warning")] == [
        "empty_queries",
        "exact_duplicates",
    ]


def test_why_training_would_refuse_the_file_is_the_first_thing_to_mend(scan_rows: ScanRows) -> None:
    bad = report_of(scan_rows([*rows(), {"query": "x"}]))
    first = "Lines that stop training, 1 of 41 lines (2.4%): correct each line."
    assert first_steps(bad)[0] == first
    large = report_of(scan_rows(rows()), batch_size=64)
    assert first_steps(large)[0].startswith("36 training pairs do not fill one batch of 64")


def test_a_good_file_has_nothing_to_do_first(scan_rows: ScanRows) -> None:
    report = report_of(scan_rows(rows()))
    assert first_steps(report) == []
    assert "What to do first" not in render_check_page(report, {})


def test_hostile_text_is_shown_as_text(scan_rows: ScanRows) -> None:
    hostile = "<script>alert(1)</script>{{ 7 * 7 }}"
    bad = [make_row(1, hostile, query=hostile + " pump", negative=f"{hostile} {n}") for n in (1, 1)]
    scan = scan_rows([*rows(), *bad])
    report = report_of(scan)
    page = render_check_page(report, read_examples(report, scan))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }} pump" in page


def test_quotes_are_shortened(scan_rows: ScanRows) -> None:
    long = make_row(1, "hvac", positive="pump " * 200)
    scan = scan_rows([*rows(), long, long])
    report = report_of(scan)
    example = read_examples(report, scan)[42]
    assert len(example.positive) <= LONGEST_QUOTE + 2
    assert example.positive.endswith(" …")
