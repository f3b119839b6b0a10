"""Retrieval evaluation, domain by domain: what `nic-evaluate` does, also from Python.

Other rooms and notebooks use what is exported here, and the sub-rooms `retrieval`, `report` and
`retrieval_metrics` as their own docstrings say.
"""

from typing import TYPE_CHECKING

from nic.lazy import lazy_exports

if TYPE_CHECKING:
    from evaluation.arguments import EvaluationArguments
    from evaluation.pipeline import evaluate_models
    from evaluation.report.output import write_report
    from evaluation.results import EvaluationResults, read_results_folder
    from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
    from evaluation.summary import EvaluationSummary, PublishedEvaluation, summarise

__all__ = [
    "DomainRetrievalEvaluator",
    "EvaluationArguments",
    "EvaluationResults",
    "EvaluationSummary",
    "PublishedEvaluation",
    "evaluate_models",
    "read_results_folder",
    "summarise",
    "write_report",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "DomainRetrievalEvaluator": "evaluation.retrieval.evaluator",
        "EvaluationArguments": "evaluation.arguments",
        "EvaluationResults": "evaluation.results",
        "EvaluationSummary": "evaluation.summary",
        "PublishedEvaluation": "evaluation.summary",
        "evaluate_models": "evaluation.pipeline",
        "read_results_folder": "evaluation.results",
        "summarise": "evaluation.summary",
        "write_report": "evaluation.report.output",
    },
)
