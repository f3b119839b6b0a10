"""Every figure of a report, computed from the evidence alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluation.comparison import Comparison, compare
from evaluation.gates import Gate, Measured, Thresholds, check_gates, describe_gates
from evaluation.results import EvaluationResults
from evaluation.retrieval.evaluator import RetrievalReport, summarise

SEED = 42


@dataclass(frozen=True)
class EvaluationSummary:
    """What the evidence amounts to.

    Attributes:
        evidence: What it was computed from.
        reports: Means of each model.
        comparison: Intervals, differences and verdicts.
        probe: The same on the forgetting probe; None where there was none.
        gates: Every gate that was asked for.
    """

    evidence: EvaluationResults
    reports: dict[str, RetrievalReport]
    comparison: Comparison
    probe: Comparison | None
    gates: list[Gate]

    def figures(self) -> dict[str, Any]:
        """For result files and metadata: figures and names of domains, no text of the data."""
        return {
            "models": {name: report.as_dict() for name, report in self.reports.items()},
            "comparison": self.comparison.as_dict(),
            "probe": self.probe.as_dict() if self.probe else None,
            "gates": describe_gates(self.gates),
        }


def assess(
    evidence: EvaluationResults, thresholds: Thresholds, seed: int = SEED
) -> EvaluationSummary:
    """Compute every figure; equal evidence gives equal figures.

    Args:
        evidence: What each query found.
        thresholds: What the gates ask.
        seed: Seed of the resampling.
    """
    comparison = compare(evidence.results, evidence.base, seed)
    probe = compare(evidence.probe, evidence.base, seed) if evidence.probe else None
    speed = evidence.speed["models"] if evidence.speed else {}
    latency = speed.get(evidence.model, {}).get("latency", {}).get("median")
    measured = Measured(
        comparison=comparison,
        model=evidence.model,
        base=evidence.base,
        latency_ms=latency,
        probe=probe,
        loads=evidence.loads,
    )
    return EvaluationSummary(
        evidence=evidence,
        reports={name: summarise(rows) for name, rows in evidence.results.items()},
        comparison=comparison,
        probe=probe,
        gates=check_gates(thresholds, measured),
    )
