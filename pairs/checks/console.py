"""The report as text: in full for the console, as one line per warning for a log."""

from __future__ import annotations

from nic.shown_domains import left_out, shown_domains
from pairs.checks.finding import Finding
from pairs.checks.report import CheckReport
from pairs.checks.splits import DomainPower
from pairs.column_names import printable
from pairs.readers import count_problems

MARKS = {"stop": "STOP", "warning": "WARN", "note": "note"}
NO_NEGATIVES = "not looked for, as no row has a negative"


def console_lines(report: CheckReport) -> list[str]:
    """Returns the whole report, one string per line."""
    return [
        *_head(report),
        "",
        *(line for finding in report.findings for line in _finding(finding, report)),
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
    """Returns one line per warning, for the log of a training."""
    return [
        f"{finding.title}: {_count(finding)} ({report.places(finding.lines)})"
        for finding in report.found("warning")
    ]


def check_verdict(report: CheckReport) -> str:
    """Returns the outcome of a check in one sentence."""
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
        f"{report.negatives:,} negatives)",
        *report.reading,
    ]


def _finding(finding: Finding, report: CheckReport) -> list[str]:
    mark = MARKS[finding.level] if finding.count else "ok" if finding.total else "-"
    lines = [f"{mark:6s}  {finding.title}: {_count(finding)}"]
    if finding.level == "stop":
        lines += [f"        {problem}" for problem in report.problems]
        if finding.count > len(report.problems):
            lines += [f"        {count_problems(finding.count)}"]
    elif finding.count:
        lines += [f"        {report.places(finding.lines)}: {finding.advice}"]
    return lines


def _count(finding: Finding) -> str:
    if not finding.total:
        return NO_NEGATIVES
    if not finding.count:
        return "none"
    return f"{finding.count:,} of {finding.total:,} {finding.unit} ({finding.share:.1%})"


def _leakage(report: CheckReport) -> list[str]:
    given = "as given" in report.leakage
    training = "training takes the split of the data" if given else "training splits by passage"
    lines = [
        f"Leakage: held-out rows with a text of the training half ({report.val_ratio:.0%} held "
        f"out; {training})"
    ]
    lines += [
        f"        {'':12s}{'positive':>12s}{'near-dup.':>12s}{'query':>12s}{'as negative':>13s}"
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
    if not given and "by passage" not in report.leakage:
        lines.append("        by passage  cannot be drawn")
    return lines


def _in_batch(report: CheckReport) -> list[str]:
    expected = report.in_batch
    return [
        f"False negatives in a random batch of {expected.batch_size}:",
        f"        {expected.same_positive:.1%} of the rows share it with a row of the same "
        "positive (the no_duplicates sampler prevents this)",
        f"        {expected.near_positive:.1%} share it with a row of a near-duplicate positive "
        "(no sampler prevents this)",
    ]


def _suspects(report: CheckReport) -> list[str]:
    suspects = report.suspects
    if suspects is None:
        return []
    if not report.negatives:
        return [f"Negatives that {suspects.model} ranks above the positive: {NO_NEGATIVES}"]
    lines = [
        f"Negatives that {suspects.model} ranks above the positive by more than "
        f"{suspects.margin:g}: {suspects.rows:,} of {report.rows:,} rows "
        f"({suspects.rows / report.rows:.1%})"
    ]
    if suspects.lines:
        lines += [
            f"        {report.places(suspects.lines)}",
            "        read these: the negative either answers the query or is a hard negative worth "
            "training on",
        ]
    return lines


def _domains(report: CheckReport) -> list[str]:
    domains = shown_powers(report)
    width = max(len(printable(power.domain)) for power in domains)
    return [
        "Smallest difference in Recall@5 that is significant at 95 %: by query, if the held-out",
        "queries are independent; by passage, if all queries of a passage succeed or fail together",
        f"        {'':{width}s}{'rows':>11s}{'share':>8s}{'queries':>9s}{'passages':>10s}"
        f"{'by query':>10s}{'by passage':>12s}",
        *[_domain(power, report.rows, width) for power in domains],
        *(f"        {line}" for line in unlisted_domains(report)),
    ]


def shown_powers(report: CheckReport) -> list[DomainPower]:
    """Returns what a table shows, overall last: of many domains the largest and the least telling.

    Those that tell least have the fewest held-out queries.
    """
    *each, overall = report.domains
    sizes = {power.domain: power.rows for power in each}
    tells = {power.domain: (power.queries, power.passages) for power in each}
    shown = set(shown_domains(sizes, tells))
    return [*(power for power in each if power.domain in shown), overall]


def unlisted_domains(report: CheckReport) -> list[str]:
    """Returns the line that says how many domains no table shows; none where all are shown."""
    return left_out(len(report.domains), len(shown_powers(report)), "which --json lists")


def _domain(power: DomainPower, rows: int, width: int) -> str:
    differences = (power.smallest_difference, power.smallest_if_alike)
    shown = ["-" if value is None else f"{value:.2f}" for value in differences]
    return (
        f"        {printable(power.domain):{width}s}{power.rows:11,}{power.rows / rows:8.1%}"
        f"{power.queries:9,}{power.passages:10,}{shown[0]:>10s}{shown[1]:>12s}"
    )
