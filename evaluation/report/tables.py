"""Reports as plain text for the console."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

from evaluation.comparison import Comparison, Difference
from evaluation.gates import Gate
from evaluation.report.sentences import corpus_sentence, show_difference, show_estimate
from evaluation.retrieval.evaluator import Metrics, RetrievalReport
from evaluation.retrieval.task import OVERALL
from evaluation.retrieval_metrics.definitions import Metric, Shown, shown_in
from evaluation.summary import EvaluationSummary

LOWEST_P = 0.001
SHOWN = shown_in(Shown.CONSOLE)


def show_summary(assessment: EvaluationSummary) -> str:
    """The whole report as text: figures, differences, speed, forgetting, gates.

    Returns:
        Lines without an end after the last.
    """
    evidence, comparison = assessment.evidence, assessment.comparison
    parts = [_means(assessment, metric) for metric in SHOWN]
    others = [name for name in comparison.models if name != comparison.baseline]
    parts += [_differences(comparison, name) for name in others]
    parts.append([f"{corpus_sentence(assessment)} {evidence.caveat}".strip()])
    if assessment.probe and evidence.probe_data:
        parts.append(_forgetting(assessment.probe, evidence.model))
    if evidence.speed:
        parts.append(_speeds(evidence.speed))
    parts.append(show_gates(assessment.gates))
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def show_gates(gates: Sequence[Gate]) -> list[str]:
    """A line a gate, after one that says how many passed."""
    if not gates:
        return []
    rows = [
        ["PASS" if g.passed else "FAIL", f"{g.name}  ", g.threshold, f"  measured {g.measured}"]
        for g in gates
    ]
    passed = sum(gate.passed for gate in gates)
    return [f"Gates: {passed} of {len(gates)} passed", *align(rows, "llll")]


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Name models by the last part of their folder or Hub name, where that tells them apart."""
    last = {name: PurePath(name).name or name for name in names}
    if len(set(last.values())) == len(last):
        return last
    return {name: f"{short} ({n})" for n, (name, short) in enumerate(last.items(), start=1)}


def domain_lines(report: RetrievalReport) -> list[str]:
    """Returns one line per domain."""
    return [group_line(name, metrics) for name, metrics in report.domains.items()]


def group_line(name: str, metrics: Metrics) -> str:
    """Returns the line of a domain or of all queries, in the form that the runbook promises."""
    return f"  {name:20s}: {metric_line(metrics)} ({int(metrics['queries'])} pairs)"


def metric_line(metrics: Metrics) -> str:
    """Returns the metrics of the run log, as in "Recall@5=0.7234, MRR=0.7456"."""
    return ", ".join(f"{m.title}={metrics[m.key]:.4f}" for m in shown_in(Shown.LOG))


def align(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Pad cells to columns.

    Args:
        rows: Cells; each row has as many as `sides`.
        sides: A letter a column, "l" or "r".
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(sides))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if side == "r" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _means(assessment: EvaluationSummary, metric: Metric) -> list[str]:
    """Returns one metric of every model: one line per domain, three for all queries."""
    key, comparison, models = metric.key, assessment.comparison, assessment.comparison.models
    rows = [["", "queries", *models]]
    for name, group in [*comparison.domains.items(), (OVERALL, comparison.overall)]:
        cells = [show_estimate(group.estimates[model][key]) for model in models]
        rows.append([name, str(group.queries), *cells])
    reports = [assessment.reports[model] for model in models]
    rows.append(["mean of the domains", "", *[f"{r.macro[key]:.4f}" for r in reports]])
    worst = [f"{r.worst[key]:.4f} {r.worst_domain}" for r in reports]
    rows.append(["worst domain", "", *worst])
    return [f"{metric.title} with 95 % intervals", *align(rows, "lr" + "l" * len(models))]


def _differences(comparison: Comparison, model: str) -> list[str]:
    rows = []
    for name, group in [*comparison.domains.items(), (OVERALL, comparison.overall)]:
        cells = [_difference(group.differences[model][metric.key]) for metric in SHOWN]
        rows.append([name, *cells])
    header = ["", *[metric.title for metric in SHOWN]]
    return [f"{model} against {comparison.baseline}", *align([header, *rows], "lll")]


def _forgetting(probe: Comparison, model: str) -> list[str]:
    group = probe.overall
    lines = [f"Forgetting probe: {group.queries:,} general queries"]
    if model not in group.differences:
        return lines
    rows = [
        [
            metric.title,
            show_estimate(group.estimates[probe.baseline][metric.key]),
            show_estimate(group.estimates[model][metric.key]),
            _difference(group.differences[model][metric.key]),
        ]
        for metric in SHOWN
    ]
    return [*lines, *align([["", probe.baseline, model, "difference"], *rows], "llll")]


def _speeds(speed: dict[str, Any]) -> list[str]:
    machine = speed["machine"]
    header = ["", "median", "p95", "p99", "batch 1", "8", "32", "128", "passages/s", "tokens/s"]
    rows = []
    for name, of_model in speed["models"].items():
        latency = [f"{of_model['latency'][key]:.1f} ms" for key in ("median", "p95", "p99")]
        queries = [f"{found['sentences_per_second']:,.0f}/s" for found in of_model["queries"]]
        corpus = of_model["corpus"]
        passages = [f"{corpus[f'{key}_per_second']:,.0f}" for key in ("sentences", "tokens")]
        rows.append([name, *latency, *queries, *passages])
    load = machine["load_average_before"]
    about = f"{machine['processor']}, {machine['threads']} threads, {machine['device']}"
    return [
        f"One query at a time ({speed['runs']} runs in turns), queries in batches, passages",
        *align([header, *rows], "l" + "r" * 9),
        about + (f", load average {load}" if load is not None else ""),
    ]


def _difference(found: Difference) -> str:
    p = f"p {found.adjusted_p:.3f}" if found.adjusted_p >= LOWEST_P else f"p <{LOWEST_P}"
    return f"{show_difference(found)} {p} {found.in_words}"
