"""Summaries of evaluations made by hand, for what shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.gates import read_thresholds
from evaluation.latency import Latency, Machine, Speed, SpeedReport, Throughput
from evaluation.report.texts import Texts
from evaluation.results import DataDescription, EvaluationResults, LogEntry
from evaluation.retrieval.forgetting_probe import ProbeData
from evaluation.retrieval.query_results import QueryResult, Results
from evaluation.retrieval.task import TaskDescription
from evaluation.summary import EvaluationSummary, summarise

MODEL, BASE = "nic-v1.0", "base-model"
CANDIDATES = 100
HISTORY: list[LogEntry] = [
    {"loss": 1.5, "grad_norm": 2.0, "learning_rate": 2e-5, "epoch": 0.5, "step": 10},
    {"loss": 0.9, "grad_norm": 1.5, "learning_rate": 1e-5, "epoch": 1.0, "step": 20},
    {"eval_validation_recall@5": 0.7, "eval_validation_mrr": 0.6, "epoch": 1.0, "step": 20},
    {"loss": 0.6, "grad_norm": 1.1, "learning_rate": 5e-6, "epoch": 1.5, "step": 30},
    {"eval_validation_recall@5": 0.8, "eval_validation_mrr": 0.65, "epoch": 1.5, "step": 30},
    {"train_runtime": 12.0, "train_loss": 1.0, "epoch": 1.5, "step": 30},
]
SPEED_OF_ONE = Speed(
    Latency(median=4.25, p95=6.5, p99=8.75),
    [Throughput(batch, 64, 200.0 * batch, 9.0) for batch in (1, 8)],
    Throughput(64, 9, 84.0, 11300.0),
)
SPEED = SpeedReport(
    models={MODEL: SPEED_OF_ONE, BASE: SPEED_OF_ONE},
    runs=200,
    machine=Machine("Some Processor <x>", 8, 4, "cpu", 0.25, 1.5),
)
PROBE_DATA = ProbeData("general.jsonl", "cd" * 32, 60)


def rows_of(domain: str, ranks: Sequence[int], first: int = 0) -> list[QueryResult]:
    """One query a rank, each about a passage of its own: query `q7` about passage `p7`.

    Passages that stand before the right one are the negatives `n1`, `n2`, ...
    """
    return [
        QueryResult(
            query_id=f"q{number}",
            domain=domain,
            cluster=number,
            ranks=[rank],
            candidates=CANDIDATES,
            top_ids=[f"p{number}" if place == rank else f"n{place}" for place in range(1, 11)],
            top_scores=[1 - place / 100 for place in range(1, 11)],
        )
        for number, rank in enumerate(ranks, start=first)
    ]


def results_of(ranks: Mapping[str, Mapping[str, Sequence[int]]]) -> Results:
    """Results by model from ranks by model and domain."""
    results: Results = {}
    for model, by_domain in ranks.items():
        results[model] = []
        for domain, found in by_domain.items():
            results[model] += rows_of(domain, found, first=len(results[model]))
    return results


def summary_of(results: Results, model: str = MODEL, **facts: Any) -> EvaluationSummary:
    """Summarise results against `BASE`; facts are further fields of the results."""
    rows = next(iter(results.values()))
    domains = sorted({row.domain for row in rows})
    task = TaskDescription(
        scope="all",
        queries=len(rows),
        passages=CANDIDATES,
        extra_passages=0,
        left_out=0,
        candidates=dict.fromkeys(domains, CANDIDATES),
    )
    data = DataDescription("pairs.jsonl", "ab" * 32, "test")
    found = EvaluationResults(model, BASE, data, task, results, **facts)
    return summarise(found, read_thresholds())


def two_domains(**facts: Any) -> EvaluationSummary:
    """Thirty queries: 12 won, 3 lost; "hoists" is better, "pumps" not distinguishable."""
    ranks = {
        MODEL: {"hoists": [1] * 12 + [2] * 3, "pumps": [1] * 6 + [7] * 3 + [3] * 6},
        BASE: {"hoists": [20] * 12 + [2] * 3, "pumps": [1] * 9 + [3] * 6},
    }
    return summary_of(results_of(ranks), **facts)


def texts_of(summary: EvaluationSummary, hostile: Sequence[str] = ()) -> Texts:
    """A text behind every id; the hostile ones stand in the first queries and their passages."""
    rows = next(iter(summary.results.per_query.values()))
    queries = {row.query_id: f"how to mend part {row.query_id[1:]}" for row in rows}
    passages = {f"p{id_[1:]}": f"mend part {id_[1:]} with glue" for id_ in queries}
    expected = {id_: [f"p{id_[1:]}"] for id_ in queries}
    for number, text in enumerate(hostile):
        queries[f"q{number}"] = passages[f"p{number}"] = text
    return Texts(
        queries=queries,
        passages=passages | {f"n{place}": f"wrong passage {place}" for place in range(1, 11)},
        expected=expected,
    )
