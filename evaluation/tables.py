"""Reports as plain text for the console."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath

from evaluation.domain_evaluator import Metrics, RetrievalReport

COLUMNS = {"recall@5": "Recall@5", "mrr": "MRR"}


def compare_models(reports: Mapping[str, RetrievalReport]) -> str:
    """Lay the models side by side, a line for each domain and three for the whole.

    Args:
        reports: Report of each model by the name to show, all on the same task.

    Returns:
        The table without a line end after its last line.
    """
    first = next(iter(reports.values()))
    lines = [_line("", [f"{name} {title}" for name in reports for title in COLUMNS.values()], "")]
    for domain, metrics in first.domains.items():
        figures = _figures([report.domains[domain] for report in reports.values()])
        lines.append(_line(domain, figures, _queries(metrics)))
    overall = _figures([report.overall for report in reports.values()])
    macro = _figures([report.macro for report in reports.values()])
    worst = _figures([report.worst for report in reports.values()])
    names = " / ".join(dict.fromkeys(report.worst_domain for report in reports.values()))
    lines.append(_line("overall", overall, _queries(first.overall)))
    lines.append(_line("mean of the domains", macro, f"{len(first.domains)} domains"))
    lines.append(_line("worst domain", worst, names))
    lines.append(f"Each query ranked against {first.corpus_size:,} passages.")
    return "\n".join(_align(lines))


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Name models by the last part of their folder or Hub name, where that tells them apart."""
    last = {name: PurePath(name).name or name for name in names}
    return last if len(set(last.values())) == len(last) else {name: name for name in last}


def domain_lines(report: RetrievalReport) -> list[str]:
    """One line a domain, as the runbook shows them."""
    return [
        f"  {name:20s}: Recall@5={metrics['recall@5']:.4f}, MRR={metrics['mrr']:.4f} "
        f"({int(metrics['queries'])} pairs)"
        for name, metrics in report.domains.items()
    ]


def _queries(metrics: Metrics) -> str:
    return f"{int(metrics['queries'])} queries"


def _figures(rows: list[Metrics]) -> list[str]:
    return [f"{row[key]:.4f}" for row in rows for key in COLUMNS]


def _line(label: str, cells: list[str], remark: str) -> str:
    return "\t".join([label, *cells, remark])


def _align(lines: list[str]) -> list[str]:
    """Pad tab-separated cells to columns: the first to the left, figures to the right."""
    rows = [line.split("\t") for line in lines]
    table = [row for row in rows if len(row) > 1]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    aligned = []
    for row in rows:
        if len(row) == 1:
            aligned.append(row[0])
            continue
        middle = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        aligned.append("  ".join([row[0].ljust(widths[0]), *middle, row[-1]]).rstrip())
    return aligned
