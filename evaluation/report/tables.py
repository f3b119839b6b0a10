"""Reports as plain text for the console."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from evaluation.comparison import Comparison, Difference, Group
from evaluation.gates import Gate
from evaluation.latency import SpeedReport
from evaluation.mined_negatives import mined_sentence
from evaluation.report.sentences import (
    SHOWN,
    USE_FUSION,
    adapter_sentence,
    advice_sentence,
    corpus_sentence,
    fusion_helps,
    fusion_sentence,
    headline,
    known_sentence,
    machine_phrase,
    show_difference,
    show_estimate,
    show_p,
)
from evaluation.retrieval.evaluator import Metrics, RetrievalReport
from evaluation.retrieval_metrics.definitions import PRIMARY, Metric, Shown, shown_in
from evaluation.summary import EvaluationSummary, PublishedEvaluation
from nic.shown_domains import left_out, shown_domains


def show_summary(summary: EvaluationSummary) -> str:
    """Returns the report as text: means, differences, speed, forgetting, gates, conclusions.

    Returns:
        Lines without an end after the last.
    """
    results, comparison = summary.results, summary.comparison
    parts = [_means(summary, metric) for metric in SHOWN]
    others = [name for name in comparison.models if name != comparison.baseline]
    parts += [_differences(comparison, name) for name in others]
    said = (corpus_sentence(summary.published()), mined_sentence(results.negatives), results.caveat)
    parts.append([" ".join(filter(None, said))])
    if summary.probe and results.probe_data:
        parts.append(_forgetting(summary.probe, results.model, results.probe_data.file))
    if results.speed:
        parts.append(_speeds(results.speed))
    parts.append(show_gates(summary.gates))
    parts.append(_conclusions(summary.published()))
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def show_gates(gates: Sequence[Gate]) -> list[str]:
    """Returns one line per gate, after one that says how many passed."""
    if not gates:
        return []
    passed = sum(gate.passed for gate in gates)
    lines = [f"{'PASS' if gate.passed else 'FAIL'}  {gate.sentence}" for gate in gates]
    return [f"Gates: {passed} of {len(gates)} passed", *lines]


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Names models by the last part of their folder or Hub name, where that tells them apart."""
    last = {name: PurePath(name).name or name for name in names}
    if len(set(last.values())) == len(last):
        return last
    return {name: f"{short} ({n})" for n, (name, short) in enumerate(last.items(), start=1)}


def domain_lines(report: RetrievalReport) -> list[str]:
    """Returns one line per domain; none for a single one, which is all queries."""
    domains = report.domains if len(report.domains) > 1 else {}
    sizes, scores = ({n: m[key] for n, m in domains.items()} for key in ("queries", PRIMARY.key))
    shown = shown_domains(sizes, scores)
    lines = [group_line(name, domains[name]) for name in shown]
    return [*lines, *(f"  {text}" for text in left_out(len(domains), len(shown), "not shown"))]


def group_line(name: str, metrics: Metrics) -> str:
    """Returns the line of a domain or of all queries, in the form that the runbook promises."""
    return f"  {name:20s}: {metric_line(metrics)} ({int(metrics['queries'])} pairs)"


def metric_line(metrics: Metrics) -> str:
    """Returns the metrics of the run log, as in "Recall@5=0.7234, MRR=0.7456"."""
    return ", ".join(f"{m.title}={metrics[m.key]:.4f}" for m in shown_in(Shown.LOG))


def align(rows: Sequence[Sequence[str]], sides: str) -> list[str]:
    """Pads cells to columns.

    Args:
        rows: Cells; each row has as many as `sides`.
        sides: One letter per column, "l" or "r".
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


def _conclusions(evaluation: PublishedEvaluation) -> list[str]:
    """Returns what it all comes to: the model against its base, with BM25, and the cheapest way."""
    lines = [f"{headline(evaluation)}."]
    if adapter := adapter_sentence(evaluation):
        lines.append(f"{adapter}.")
    if known := known_sentence(evaluation):
        lines.append(f"{known}.")
    if fusion := fusion_sentence(evaluation):
        lines.append(f"{fusion}.")
    if fusion_helps(evaluation):
        lines.append(f"To search with both (docs/retrieval.md): {USE_FUSION}")
    if advice := advice_sentence(evaluation):
        lines.append(advice)
    return lines


def _means(summary: EvaluationSummary, metric: Metric) -> list[str]:
    """Returns one metric of every model: one line per domain, three for all queries."""
    key, comparison, models = metric.key, summary.comparison, summary.comparison.models
    rows = [["", "queries", *models]]
    for name, group in _in_order(comparison):
        cells = [show_estimate(group.estimates[model][key]) for model in models]
        rows.append([name, str(group.queries), *cells])
    if comparison.breakdown:
        reports = [summary.reports[model] for model in models]
        rows.append(["mean of the domains", "", *[f"{r.macro[key]:.4f}" for r in reports]])
        worst = [f"{r.worst[key]:.4f} {r.worst_domain}" for r in reports]
        rows.append(["worst domain", "", *worst])
    table = align(rows, "lr" + "l" * len(models))
    return [f"{metric.title} with 95 % intervals", *table, *comparison.unlisted()]


def _differences(comparison: Comparison, model: str) -> list[str]:
    rows = []
    for name, group in _in_order(comparison):
        cells = [_difference(group.differences[model][metric.key]) for metric in SHOWN]
        rows.append([name, *cells])
    header = ["", *[metric.title for metric in SHOWN]]
    return [f"{model} against {comparison.baseline}", *align([header, *rows], "lll")]


def _in_order(comparison: Comparison) -> list[tuple[str, Group]]:
    """Returns the groups that a table of the console has, all queries last."""
    overall, *domains = comparison.listed.items()
    return [*domains, overall]


def _forgetting(probe: Comparison, model: str, file: str) -> list[str]:
    group = probe.overall
    lines = [f"Forgetting probe: {group.queries:,} queries of {file}"]
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


def _speeds(speed: SpeedReport) -> list[str]:
    batches = [str(found.batch) for found in next(iter(speed.models.values())).queries]
    header = ["", "median", "p95", "p99", *batches, "passages/s", "tokens/s"]
    header[4] = f"batch {header[4]}"
    rows = []
    for name, of_model in speed.models.items():
        one, corpus = of_model.latency, of_model.corpus
        latency = [f"{value:.1f} ms" for value in (one.median, one.p95, one.p99)]
        queries = [f"{found.sentences_per_second:,.0f}/s" for found in of_model.queries]
        passages = [f"{corpus.sentences_per_second:,.0f}", f"{corpus.tokens_per_second:,.0f}"]
        rows.append([name, *latency, *queries, *passages])
    return [
        f"One query at a time ({speed.runs} runs in turns), queries in batches, passages",
        *align([header, *rows], "l" + "r" * (len(header) - 1)),
        machine_phrase(speed.machine),
    ]


def _difference(found: Difference) -> str:
    return f"{show_difference(found)} {show_p(found)} {found.in_words}"
