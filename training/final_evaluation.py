"""The final report of a run: base and tuned model on queries that training has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from sentence_transformers import SentenceTransformer

from evaluation.collect import (
    QuerySelection,
    all_results,
    describe_selection,
    loads_and_encodes,
    score_lexical,
    score_probe,
    time_models,
)
from evaluation.defaults import BATCH_SIZE
from evaluation.report.tables import short_names
from evaluation.results import EvaluationResults, LogEntry
from evaluation.retrieval.evaluator import (
    DomainRetrievalEvaluator,
    RetrievalReport,
    aggregate_metrics,
    embed_task,
)
from evaluation.retrieval.query_results import QueryResult, score_task
from evaluation.retrieval.ranking import DenseScorer
from evaluation.summary import EvaluationSummary, summarise
from nic.errors import UserError
from nic.logs import on_terminal
from nic.models import ModelSource, load_model
from training.loop.checkpoints import BestCheckpoint
from training.run_data import RunData

# Two runs of one model on one device differ by nothing; another order of sums by less than this.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Scored:
    """What a model found.

    Attributes:
        validation: Means on the queries that choose the checkpoint.
        final: What each query of the report found.
        scorer: Scores of the queries of the report.
    """

    validation: RetrievalReport
    final: list[QueryResult]
    scorer: DenseScorer


def score_model(
    model: SentenceTransformer, evaluator: DomainRetrievalEvaluator, data: RunData
) -> Scored:
    """Score a model on the validation queries and on those of the report.

    The corpus is encoded once where both rank against all of it.
    """
    scorer = evaluator.embed(model)
    found = score_task(scorer, data.task)
    if data.one_task:
        return Scored(aggregate_metrics(found), found, scorer)
    corpus = None if data.task.left_out else scorer.corpus
    final = embed_task(model, data.final_task, show_progress=on_terminal(), corpus=corpus)
    return Scored(aggregate_metrics(found), score_task(final, data.final_task), final)


def check_saved_model(folder: Path, best: BestCheckpoint, found: RetrievalReport) -> None:
    """Compare what the saved folder scores with what its checkpoint scored.

    Raises:
        UserError: A figure differs.
    """
    groups = {
        "overall": (best.report.overall, found.overall),
        "macro": (best.report.macro, found.macro),
    }
    for group, (before, after) in groups.items():
        for key, value in before.items():
            if not math.isclose(value, after[key], abs_tol=TOLERANCE):
                raise UserError(
                    f"{folder}: the saved model does not score what it scored in training "
                    f"({group} {key}: {value:.6f}, reloaded {after[key]:.6f}); do not use it"
                )


def final_evaluation(
    folder: Path,
    data: RunData,
    source: ModelSource,
    tuned_model: SentenceTransformer,
    base: Scored,
    tuned: Scored,
    history: list[LogEntry],
    speed: bool,
) -> EvaluationSummary:
    """Everything that `evaluation/run.py` reports, for the model of this run and its base.

    Args:
        folder: The output folder, which holds the saved model.
        data: What the run is measured by.
        source: Where the base model came from.
        tuned_model: The saved model, loaded again.
        base: What the base model found.
        tuned: What the saved model found.
        history: The Trainer's log.
        speed: Whether to measure the latency.
    """
    names = short_names([folder.as_posix(), source.name])
    name, base_name = names[folder.as_posix()], names[source.name]
    models = {name: tuned_model, base_name: load_model(source, tuned_model.device)}
    found = {name: tuned.final, base_name: base.final}
    lexical = score_lexical(data.final_task, name, tuned.scorer)
    part = "test" if data.split.test else "validation"
    asked = QuerySelection(data.split.reported, part, not data.split.test)
    probe = score_probe(models, data.probe, BATCH_SIZE, on_terminal())
    results = EvaluationResults(
        model=name,
        base=base_name,
        data=describe_selection(data.pairs, asked),
        task=data.final_task.describe(),
        per_query=all_results(name, base_name, found, lexical),
        chose_checkpoint=asked.chose_checkpoint,
        probe=probe or None,
        probe_data=data.probe.data if data.probe else None,
        speed=time_models(models, data.final_task) if speed else None,
        loads=loads_and_encodes(folder),
        history=history,
    )
    return summarise(results, data.thresholds)
