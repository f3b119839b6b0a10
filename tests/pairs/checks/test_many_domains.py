"""Thousands of domains stay readable."""

from __future__ import annotations

import re
from dataclasses import replace

from conftest import ScanRows, make_row

from nic.shown_domains import LARGEST_SHOWN, WORST_SHOWN, shown_domains
from pairs.checks.console import console_lines, shown_powers
from pairs.checks.page import render_check_page
from pairs.checks.report import CheckReport, build_report
from pairs.checks.splits import DomainPower, split_as_training_does
from pairs.draws import Split


def check(scan_rows: ScanRows, domains: list[str]) -> tuple[CheckReport, int]:
    """Returns the report of a file with a row of each domain, and its number of held-out rows."""
    scan = scan_rows([make_row(n, domain) for n, domain in enumerate(domains)])
    split = split_as_training_does(scan, 0.3, 42, "error")
    assert isinstance(split, Split)
    return build_report(scan, split, 0.3, 8, 42), len(split.validation)


def test_the_console_shows_the_largest_domains_and_those_with_fewest_queries(
    scan_rows: ScanRows,
) -> None:
    domains = [f"d{n:02d}" for n in range(40) for _ in range(4 + 2 * (n == 7))]
    report, held_out = check(scan_rows, domains)
    assert len(report.domains) == 41
    assert [power.rows for power in report.domains] == [
        *(6 if n == 7 else 4 for n in range(40)),
        len(domains),
    ]
    assert sum(power.queries for power in report.domains[:-1]) == held_out
    lines = console_lines(report)
    shown = [line.split()[0] for line in lines if line.strip().startswith("d") and "%" in line]
    assert len(shown) == LARGEST_SHOWN + WORST_SHOWN
    assert "d07" in shown
    assert any(line.strip() == "and 10 domains more, which --json lists" for line in lines)


def test_the_page_shows_the_domains_of_the_console(scan_rows: ScanRows) -> None:
    report, _ = check(scan_rows, [f"d{n:02d}" for n in range(40) for _ in range(4)])
    page = render_check_page(report, {})
    shown = [power.domain for power in shown_powers(report)]
    assert len(shown) == LARGEST_SHOWN + WORST_SHOWN + 1
    assert re.findall(r"<tr><td>(d\d\d|overall)</td>", page) == shown
    assert re.findall(r"<span>(d\d\d)</span>", page) == shown[:-1]
    assert "and 10 domains more, which --json lists" in page
    few, _ = check(scan_rows, [f"d{n:02d}" for n in range(3) for _ in range(4)])
    assert "domains more" not in render_check_page(few, {})


def test_of_domains_with_as_few_queries_those_with_fewest_passages_are_shown(
    scan_rows: ScanRows,
) -> None:
    sizes = {f"d{n:02d}": 9 for n in range(40)}
    few = ("d30", "d35")
    tells = {name: (4, 1 if name in few else 4) for name in sizes}
    shown = shown_domains(sizes, tells)
    assert set(few) <= set(shown)
    powers = [DomainPower(name, 9, *tells[name], None, None) for name in sizes]
    overall = DomainPower("overall", 360, 160, 160, None, None)
    report, _ = check(scan_rows, ["all"] * 8)
    report = replace(report, domains=[*powers, overall])
    assert [power.domain for power in shown_powers(report)] == [*shown, "overall"]
