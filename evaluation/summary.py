"""The summary of an evaluation: every metric of a report, computed from the results alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluation.advice import QUERIES_ALONE, TRAINING, Advice, advise, ways_by_cost
from evaluation.comparison import (
    Comparison,
    Difference,
    Estimate,
    Group,
    compare,
    compare_with_each,
)
from evaluation.dimensions import Dimension
from evaluation.gates import Gate, Measured, Thresholds, check_gates, describe_gates
from evaluation.known_passages import KnownPassages, compare_known
from evaluation.latency import SpeedReport
from evaluation.mixing import MixingCurve
from evaluation.results import DataDescription, EvaluationResults
from evaluation.retrieval.baselines import fusion_name
from evaluation.retrieval.evaluator import RetrievalReport, aggregate_metrics
from evaluation.retrieval.forgetting_probe import ProbeData
from evaluation.retrieval.task import TaskDescription
from evaluation.serialization import JsonObject, report_to_json, to_json
from evaluation.significance import RESAMPLES
from evaluation.trials import Search
from nic.encoding import Encoding

logger = logging.getLogger(__name__)

SEED = 42


@dataclass(frozen=True)
class Fusion:
    """The model under test with BM25, by rank fusion, against the model alone on all queries.

    Attributes:
        name: Name of the fusion among the models of the comparison.
        estimates: Means of the fusion and of the model, by name and metric.
        differences: Differences of the fusion from the model, by metric.
    """

    name: str
    estimates: dict[str, dict[str, Estimate]]
    differences: dict[str, Difference]


@dataclass(frozen=True)
class PublishedEvaluation:
    """What `metadata.json` holds of an evaluation: names of domains, no query and no passage.

    The sentences of a report and of a model card are made from it, so that both say the same.

    Attributes:
        model: Name of the model under test.
        base: Name of the model that the others are compared with.
        data: The data file and the part of it that was asked.
        task: Scope and sizes of the task.
        chose_checkpoint: Whether queries asked also chose the checkpoint; None where unknown.
        probe_data: The data of the forgetting probe, None where there was none.
        speed: Speed of the models, None where it was not measured.
        loads: Whether the folder of the model under test loads and encodes.
        caveat: What limits the metrics; empty where nothing does.
        comparison: Intervals, differences and verdicts.
        probe: The same on the forgetting probe, None where there was none.
        fusion: The model with BM25 against the model alone; None where it was not measured.
        advice: Which way to search is the cheapest that nothing beats; None where unknown.
        encodings: Prompts and similarity by model; empty where unknown.
        mixing: What mixtures of the model with its base find; None where there were none.
        dimensions: What both find with shorter embeddings; empty for a model of one length.
        keeps_passages: Whether passages have the embeddings of the base model.
        search: The trials among which its settings were chosen; None where there were none.
        known_passages: Queries about known passages apart from those about passages never seen;
            None where no passage was known.
    """

    model: str
    base: str
    data: DataDescription
    task: TaskDescription
    chose_checkpoint: bool | None
    probe_data: ProbeData | None
    speed: SpeedReport | None
    loads: bool | None
    caveat: str
    comparison: Comparison
    probe: Comparison | None
    fusion: Fusion | None = None
    advice: Advice | None = None
    encodings: dict[str, Encoding] = field(default_factory=dict)
    mixing: MixingCurve | None = None
    dimensions: list[Dimension] = field(default_factory=list)
    keeps_passages: bool = False
    search: Search | None = None
    known_passages: KnownPassages | None = None


@dataclass(frozen=True)
class EvaluationSummary:
    """The summary of an evaluation.

    Attributes:
        results: What it was computed from.
        reports: Means of each model.
        comparison: Intervals, differences and verdicts.
        probe: The same on the forgetting probe; None where there was none.
        gates: Every gate that was asked for.
        fusion: The model with BM25 against the model alone; None where it was not measured.
        advice: Which way to search is the cheapest that nothing beats; None where a baseline was
            not measured.
        known_passages: As in `PublishedEvaluation`.
    """

    results: EvaluationResults
    reports: dict[str, RetrievalReport]
    comparison: Comparison
    probe: Comparison | None
    gates: list[Gate]
    fusion: Fusion | None = None
    advice: Advice | None = None
    known_passages: KnownPassages | None = None

    def metrics(self) -> JsonObject:
        """Returns what result files hold of it: metrics and names of domains, no text."""
        return {
            "models": {name: report_to_json(report) for name, report in self.reports.items()},
            "comparison": to_json(self.comparison),
            "probe": to_json(self.probe) if self.probe else None,
            "fusion": to_json(self.fusion) if self.fusion else None,
            "advice": to_json(self.advice) if self.advice else None,
            **({"known_passages": to_json(self.known_passages)} if self.known_passages else {}),
            "gates": to_json(describe_gates(self.gates)),
        }

    def published(self) -> PublishedEvaluation:
        """Returns what `metadata.json` holds of it."""
        results = self.results
        return PublishedEvaluation(
            model=results.model,
            base=results.base,
            data=results.data,
            task=results.task,
            chose_checkpoint=results.chose_checkpoint,
            probe_data=results.probe_data,
            speed=results.speed,
            loads=results.loads,
            caveat=results.caveat,
            comparison=self.comparison,
            probe=self.probe,
            fusion=self.fusion,
            advice=self.advice,
            encodings=results.encodings,
            mixing=results.mixing,
            dimensions=results.dimensions,
            keeps_passages=results.keeps_passages,
            search=results.search,
            known_passages=self.known_passages,
        )


def summarise(
    results: EvaluationResults, thresholds: Thresholds, seed: int = SEED
) -> EvaluationSummary:
    """Returns the summary of an evaluation; equal results give equal summaries.

    Args:
        results: The results of each query.
        thresholds: What the gates ask.
        seed: Seed of the resampling.
    """
    logger.info("Computing intervals and tests, with %d resamples", RESAMPLES)
    with_each = compare_with_each(results.per_query, seed)
    comparison = compare(results.per_query, results.base, seed, with_each[results.base])
    probe = compare(results.probe, results.base, seed) if results.probe else None
    speed = results.speed.models.get(results.model) if results.speed else None
    measured = Measured(
        comparison=comparison,
        model=results.model,
        base=results.base,
        latency_ms=speed.latency.median if speed else None,
        probe=probe,
        loads=results.loads,
    )
    return EvaluationSummary(
        results=results,
        reports={name: aggregate_metrics(rows) for name, rows in results.per_query.items()},
        comparison=comparison,
        probe=probe,
        gates=check_gates(thresholds, measured),
        fusion=_compare_fusion(results, with_each),
        advice=_advise(results, with_each),
        known_passages=compare_known(results, seed),
    )


def _advise(results: EvaluationResults, with_each: Mapping[str, Group]) -> Advice | None:
    """Returns the cheapest way to search; None where the base itself is under test."""
    if results.model == results.base:
        return None
    cost = QUERIES_ALONE if results.keeps_passages else TRAINING
    return advise(with_each, ways_by_cost(results.base, {results.model: cost}))


def _compare_fusion(results: EvaluationResults, with_each: Mapping[str, Group]) -> Fusion | None:
    """Returns the paired comparison of BM25 + model with the model alone."""
    name = fusion_name(results.model)
    if name not in with_each:
        return None
    group = with_each[results.model]
    estimates = {model: group.estimates[model] for model in (results.model, name)}
    return Fusion(name, estimates, group.differences[name])
