"""The report of a check: as data, as JSON, and as counts for the metadata of a training."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from nic.errors import UserError
from nic.files import atomic_write_text
from pairs.checks.false_negatives import InBatch, Suspects, in_batch
from pairs.checks.finding import LEVELS, Finding
from pairs.checks.findings import find_all
from pairs.checks.scan import Scan
from pairs.checks.splits import DomainPower, Leakage, leakage, power_by_domain, split_by_row
from pairs.draws import Split
from pairs.own_split import has_own_split
from pairs.reading.sections import Section, describe_numbers
from pairs.split import check_fills_a_batch
from pairs.text_numbers import different

ROWS_OF_A_POSITIVE = (1, 2, 3, 5, 9, 17)
TOKEN_BINS = 16


@dataclass(frozen=True)
class Bar:
    """One bar of a histogram.

    Attributes:
        label: Range of values, such as "17-32".
        count: Number of items in that range.
    """

    label: str
    count: int


@dataclass(frozen=True)
class CheckReport:
    """What a check found in a file.

    Attributes:
        file: Name of the file, or of several.
        reading: How each file is read: format, encoding and columns, in one line.
        sha256: SHA-256 of its bytes; of several files as in `PairFiles.sha256`.
        sections: Where the numbers of each file, or of each part of one, begin.
        rows: Good rows.
        queries: Different queries.
        passages: Different positives and negatives.
        positives: Different positives.
        negatives: Different negatives.
        max_seq_length: Tokens that the base model reads.
        findings: The result of each check, also where it found nothing.
        problems: The first bad lines, as "file:line: what is wrong".
        refusal: Why training would refuse the good rows; None where it would not.
        val_ratio: Share of the passages that a split holds out, in (0, 1).
        leakage: What a split "by row" and one "by passage" leak; training draws the latter, which
            is missing where it cannot be drawn. Of data with its own split that is "as given".
        in_batch: Expected false negatives of a batch.
        domains: Size and statistical power of each domain, if there are several; the last is
            "overall".
        tokens: Histogram of the passages' lengths in tokens.
        rows_of_a_positive: Histogram of the number of rows per positive.
        suspects: Rows with a negative that the base model ranks above the positive; None where the
            check is not `semantic`.
    """

    file: str
    reading: list[str]
    sha256: str
    sections: list[Section]
    rows: int
    queries: int
    passages: int
    positives: int
    negatives: int
    max_seq_length: int
    findings: list[Finding]
    problems: list[str]
    refusal: str | None
    val_ratio: float
    leakage: dict[str, Leakage]
    in_batch: InBatch
    domains: list[DomainPower]
    tokens: list[Bar]
    rows_of_a_positive: list[Bar]
    suspects: Suspects | None = None

    @property
    def refused(self) -> bool:
        """Returns whether training would refuse the file."""
        return self.refusal is not None or any(self.found("stop"))

    def places(self, lines: list[int]) -> str:
        """Returns line numbers in words, with their file where there are several."""
        return describe_numbers(self.sections, lines)

    def found(self, level: str) -> list[Finding]:
        """Returns the findings of a level that flag something: "stop", "warning" or "note"."""
        return [finding for finding in self.by_cost() if finding.level == level]

    def by_cost(self) -> list[Finding]:
        """Returns the findings that flag something, the costliest first.

        What stops training, then warnings, then notes; in each level the largest share first.
        """
        flagging = [finding for finding in self.findings if finding.count]
        return sorted(flagging, key=lambda found: (LEVELS.index(found.level), -found.share))

    def flagged_rows(self, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
        """Returns the rows that `--write-clean` leaves out, by the key of the finding.

        Args:
            keys: The findings that count; None takes all that leave rows out.

        Returns:
            `(rows,)` masks over the good rows of the file, in the order of the report.

        Raises:
            UserError: A key is not one of them.
        """
        flagged = {f.key: f.left_out for f in self.findings if f.left_out is not None}
        for key in keys or ():
            if key not in flagged:
                raise UserError(f'no finding leaves rows out as "{key}"; give {", ".join(flagged)}')
        return {key: rows for key, rows in flagged.items() if keys is None or key in keys}

    def as_dict(self) -> dict[str, Any]:
        """Returns the report for JSON: counts and line numbers, no text of the file."""
        content = {
            name: value
            for name, value in vars(self).items()
            if name
            not in ("findings", "leakage", "in_batch", "domains", "suspects", "tokens", "sections")
        }
        return {
            **content,
            "sections": [{**s._asdict(), "path": s.path.name} for s in self.sections],
            "rows_of_a_positive": [asdict(bar) for bar in self.rows_of_a_positive],
            "tokens": [asdict(bar) for bar in self.tokens],
            "findings": {finding.key: _finding_as_dict(finding) for finding in self.findings},
            "leakage": {kind: asdict(counts) for kind, counts in self.leakage.items()},
            "in_batch": asdict(self.in_batch),
            "domains": {power.domain: _without_name(power) for power in self.domains},
            "suspects": asdict(self.suspects) if self.suspects else None,
        }

    def summary(self) -> dict[str, Any]:
        """Returns the counts alone, for the metadata of a training."""
        return {
            "findings": {finding.key: finding.count for finding in self.findings},
            "leakage": {kind: asdict(counts) for kind, counts in self.leakage.items()},
            "in_batch": asdict(self.in_batch),
            "smallest_difference": {p.domain: p.smallest_difference for p in self.domains},
        }


def build_report(
    scan: Scan,
    split: Split | UserError,
    val_ratio: float,
    batch_size: int,
    seed: int,
) -> CheckReport:
    """Builds the report of a scanned file.

    Args:
        scan: The file.
        split: The split that training uses, or why it would refuse to draw one.
        val_ratio: Share to hold out in the split by row that it is compared with.
        batch_size: Rows of a batch.
        seed: Seed of the split by row.
    """
    drawn = split if isinstance(split, Split) else None
    splits = {"by row": split_by_row(len(scan), val_ratio, seed)}
    if drawn:
        splits["as given" if has_own_split(scan.parts) else "by passage"] = drawn
    return CheckReport(
        file=scan.path.name,
        reading=[*scan.files.warnings(), *scan.files.describe()],
        sections=scan.sections,
        sha256=scan.sha256,
        rows=len(scan),
        queries=len(different(scan.queries)),
        passages=len(scan.passages),
        positives=len(different(scan.positives)),
        negatives=len(different(scan.negatives)),
        max_seq_length=scan.passages.max_seq_length,
        findings=find_all(scan),
        problems=scan.problems,
        refusal=_refusal(split, batch_size),
        val_ratio=val_ratio,
        leakage={kind: leakage(scan, halves) for kind, halves in splits.items()},
        in_batch=in_batch(scan, batch_size),
        domains=power_by_domain(scan, drawn),
        tokens=_token_bars(scan.passages.tokens),
        rows_of_a_positive=_row_bars(scan.positives),
    )


def write_json(report: CheckReport, path: Path) -> None:
    """Writes the report as JSON, atomically."""
    atomic_write_text(path, json.dumps(report.as_dict(), indent=2, ensure_ascii=False) + "\n")


def _refusal(split: Split | UserError, batch_size: int) -> str | None:
    if isinstance(split, UserError):
        return str(split)
    try:
        check_fills_a_batch(len(split.train), batch_size)
    except UserError as error:
        return str(error)
    return None


def _token_bars(tokens: np.ndarray) -> list[Bar]:
    longest = int(tokens.max())
    step = max(-(-longest // TOKEN_BINS), 1)
    counts = np.bincount((tokens - 1) // step)
    return [Bar(f"{n * step + 1}-{(n + 1) * step}", int(count)) for n, count in enumerate(counts)]


def _row_bars(positives: np.ndarray) -> list[Bar]:
    rows = np.bincount(positives)
    bars = []
    for low, high in pairwise(ROWS_OF_A_POSITIVE):
        label = str(low) if high == low + 1 else f"{low}-{high - 1}"
        bars.append(Bar(label, int(((rows >= low) & (rows < high)).sum())))
    last = ROWS_OF_A_POSITIVE[-1]
    return [*bars, Bar(f"{last}+", int((rows >= last).sum()))]


def _finding_as_dict(finding: Finding) -> dict[str, Any]:
    names = ("title", "level", "count", "total", "unit", "share", "lines", "advice")
    return {name: getattr(finding, name) for name in names}


def _without_name(power: DomainPower) -> dict[str, Any]:
    content = asdict(power)
    del content["domain"]
    return content
