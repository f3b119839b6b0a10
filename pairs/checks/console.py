"""The report as plain text for the console, and in one line a finding for a run's log."""

from __future__ import annotations

from pairs.checks.finding import Finding
from pairs.checks.report import CheckReport
from pairs.checks.splits import DomainPower

MARKS = {"stop": "STOP", "warning": "WARN", "note": "note"}


def console_lines(report: CheckReport) -> list[str]:
    """The whole report."""
    return [
        *_head(report),
        "",
        *(line for finding in report.findings for line in _finding(finding, report.problems)),
        "",
        *_leakage(report),
        "",
        *_in_batch(report),
        *_suspects(report),
        "",
        *_domains(report),
        "",
        check_verdict(report),
    ]


def log_summary(report: CheckReport) -> list[str]:
    """One line for each warning, for the log of a training run."""
    return [
        f"{finding.title}: {_count(finding)} ({_lines(finding.lines)})"
        for finding in report.found("warning")
    ]


def check_verdict(report: CheckReport) -> str:
    """The report in one sentence."""
    if report.refused:
        reason = report.refusal or _bad_lines(report.found("stop")[0].count)
        return f"Training would refuse this file: {reason}"
    warnings = len(report.found("warning"))
    if warnings:
        return f"Training would run; {warnings} warning{'s' if warnings > 1 else ''}"
    return "Training would run; nothing to mend was found"


def _bad_lines(count: int) -> str:
    return f"{count:,} bad line{'s' if count > 1 else ''}"


def _head(report: CheckReport) -> list[str]:
    return [
        f"{report.file}: {report.rows:,} rows, {report.queries:,} queries, "
        f"{report.passages:,} passages ({report.positives:,} positives, "
        f"{report.negatives:,} negatives)"
    ]


def _finding(finding: Finding, problems: list[str]) -> list[str]:
    mark = MARKS[finding.level] if finding.count else "ok"
    lines = [f"{mark:6s}  {finding.title}: {_count(finding)}"]
    if finding.level == "stop":
        lines += [f"        {problem}" for problem in problems]
    elif finding.count:
        lines += [f"        {_lines(finding.lines)}: {finding.advice}"]
    return lines


def _count(finding: Finding) -> str:
    if not finding.count:
        return "none"
    return f"{finding.count:,} of {finding.total:,} {finding.unit} ({finding.share:.1%})"


def _lines(lines: list[int]) -> str:
    return ("lines " if len(lines) > 1 else "line ") + ", ".join(map(str, lines))


def _leakage(report: CheckReport) -> list[str]:
    lines = [
        f"Held-out rows that training has seen something of ({report.val_ratio:.0%} held out; "
        "training splits by passage)"
    ]
    lines += [
        f"        {'':12s}{'positive':>12s}{'near copy':>12s}{'query':>12s}{'as negative':>13s}"
    ]
    for kind, counts in report.leakage.items():
        seen = [counts.same_positive, counts.near_positive, counts.same_query]
        shares = [count / counts.validation_rows for count in seen]
        as_negative = counts.positive_as_negative / counts.validation_rows
        lines.append(
            f"        {kind:12s}"
            + "".join(f"{share:12.1%}" for share in shares)
            + f"{as_negative:13.1%}"
        )
    if "by passage" not in report.leakage:
        lines.append("        by passage  cannot be drawn")
    return lines


def _in_batch(report: CheckReport) -> list[str]:
    expected = report.in_batch
    return [
        f"Right answers counted as wrong in a random batch of {expected.batch_size}:",
        f"        {expected.same_positive:.1%} of the rows meet one with the same positive "
        "(the no_duplicates sampler keeps these apart)",
        f"        {expected.near_positive:.1%} meet one with a near-duplicate of it "
        "(no sampler sees these)",
    ]


def _suspects(report: CheckReport) -> list[str]:
    suspects = report.suspects
    if suspects is None:
        return []
    lines = [
        f"Negatives that {suspects.model} ranks above the positive by more than "
        f"{suspects.margin:g}: {suspects.rows:,} of {report.rows:,} rows "
        f"({suspects.rows / report.rows:.1%})"
    ]
    if suspects.lines:
        lines += [
            f"        {_lines(suspects.lines)}",
            "        read these: either the negative answers the query, or here is what there is "
            "to learn",
        ]
    return lines


def _domains(report: CheckReport) -> list[str]:
    width = max(len(_printable(power.domain)) for power in report.domains)
    return [
        "Differences in Recall@5 under these cannot be seen at 95 %: if each held-out query is",
        "evidence of its own, and if all queries of a passage fare alike",
        f"        {'':{width}s}{'rows':>11s}{'share':>8s}{'queries':>9s}{'passages':>10s}"
        f"{'under':>8s}{'alike':>8s}",
        *[_domain(power, report.rows, width) for power in report.domains],
    ]


def _domain(power: DomainPower, rows: int, width: int) -> str:
    differences = (power.smallest_difference, power.smallest_if_alike)
    shown = ["-" if value is None else f"{value:.2f}" for value in differences]
    return (
        f"        {_printable(power.domain):{width}s}{power.rows:11,}{power.rows / rows:8.1%}"
        f"{power.queries:9,}{power.passages:10,}" + "".join(f"{value:>8s}" for value in shown)
    )


def _printable(text: str) -> str:
    """A name from the file without what would steer a terminal or break the line."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)
