"""The report as one self-contained HTML page with examples from the file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nic.files import atomic_write_text
from nic.html import page_environment
from pairs.checks.console import (
    NO_NEGATIVES,
    check_verdict,
    shown_powers,
    unlisted_domains,
)
from pairs.checks.report import CheckReport
from pairs.checks.scan import Scan
from pairs.columns import read_pair_records, texts_of
from pairs.reading.sections import describe_numbers

LONGEST_QUOTE = 240


@dataclass(frozen=True)
class Example:
    """A row, shortened for reading.

    Attributes:
        place: Where it stands, in words.
        query: Its query.
        positive: The start of its positive.
        negatives: The starts of its negatives.
    """

    place: str
    query: str
    positive: str
    negatives: list[str]


def write_page(report: CheckReport, scan: Scan, path: Path) -> None:
    """Writes the page, atomically."""
    atomic_write_text(path, render_check_page(report, read_examples(report, scan)))


def render_check_page(report: CheckReport, examples: dict[int, Example]) -> str:
    """Returns the page as HTML; everything that comes from the file is escaped.

    Args:
        report: The report.
        examples: Rows to quote, by line number.
    """
    template = page_environment("pairs.checks").get_template("page.html.jinja")
    return template.render(
        report=report,
        verdict=check_verdict(report),
        steps=first_steps(report),
        left_out=count_left_out(report),
        file_word=shlex.quote(report.file),
        examples=examples,
        no_negatives=NO_NEGATIVES,
        domains=shown_powers(report),
        unlisted=unlisted_domains(report),
    )


def first_steps(report: CheckReport) -> list[str]:
    """Returns what to do, the costliest first: what stops training, then the warnings."""
    steps = [f"{report.refusal}."] if report.refusal else []
    for finding in report.by_cost():
        if finding.level != "note":
            what = f"{finding.title[0].upper()}{finding.title[1:]}"
            count = f"{finding.count:,} of {finding.total:,} {finding.unit} ({finding.share:.1%})"
            steps.append(f"{what}, {count}: {finding.advice}.")
    return steps


def count_left_out(report: CheckReport) -> int:
    """Returns the number of rows that a clean copy leaves out, without the bad lines."""
    flagged = [finding.left_out for finding in report.findings if finding.left_out is not None]
    return int(np.logical_or.reduce(flagged).sum()) if flagged else 0


def read_examples(report: CheckReport, scan: Scan) -> dict[int, Example]:
    """Reads the rows that the report names; bad lines have no example."""
    wanted = {line for finding in report.findings for line in finding.lines}
    wanted |= set(report.suspects.lines) if report.suspects else set()
    found: dict[int, Example] = {}
    if not wanted:
        return found
    last = max(wanted)
    for place, row, problem, _ in read_pair_records(scan.files):
        if place.number > last:
            break
        if place.number in wanted and not problem:
            query, positive, negatives = texts_of(row)
            shortened = list(map(_shorten, negatives))
            named = describe_numbers(scan.sections, [place.number])
            found[place.number] = Example(named, _shorten(query), _shorten(positive), shortened)
    return found


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE].rstrip() + " …"
