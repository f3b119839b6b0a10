"""The report as one HTML page that needs nothing else, with examples from the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.checks.console import verdict
from training.checks.report import CheckReport
from training.checks.scan import Scan
from training.files import write_text_whole
from training.pages import page_environment
from training.pairs import parse_line, read_lines

LONGEST_QUOTE = 240


@dataclass(frozen=True)
class Example:
    """A row, shortened for reading.

    Attributes:
        line: Its 1-based line number.
        query: Its query.
        positive: The start of its positive.
        negative: The start of its negative.
    """

    line: int
    query: str
    positive: str
    negative: str


def write_page(report: CheckReport, scan: Scan, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text_whole(path, render_page(report, read_examples(report, scan)))


def render_page(report: CheckReport, examples: dict[int, Example]) -> str:
    """The page as text; what comes from the file is shown as text, whatever it holds.

    Args:
        report: What was found.
        examples: Rows to quote, by line number.
    """
    template = page_environment("training.checks").get_template("page.html.jinja")
    return template.render(report=report, verdict=verdict(report), examples=examples)


def read_examples(report: CheckReport, scan: Scan) -> dict[int, Example]:
    """Read the rows that the report names; bad lines have no example."""
    wanted = {line for finding in report.findings for line in finding.lines}
    wanted |= set(report.suspects.lines) if report.suspects else set()
    found: dict[int, Example] = {}
    if not wanted:
        return found
    last = max(wanted)
    for number, line in read_lines(scan.path):
        if number > last:
            break
        if number in wanted:
            row, problem = parse_line(line)
            if not problem:
                texts = (_shorten(row[name]) for name in ("query", "positive", "negative"))
                found[number] = Example(number, *texts)
    return found


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE].rstrip() + " …"
