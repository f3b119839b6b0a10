"""The final report of a run: base and tuned model on queries that training has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from evaluation.assessment import Assessment, assess
from evaluation.domain_evaluator import (
    BATCH_SIZE,
    DomainRetrievalEvaluator,
    RetrievalReport,
    embed_task,
    summarise,
)
from evaluation.evidence import Evidence
from evaluation.gather import (
    all_results,
    loads_and_encodes,
    score_lexical,
    score_probe,
    time_models,
)
from evaluation.per_query import QueryResult, score_task
from evaluation.ranking import DenseScorer
from evaluation.request import Asked, describe_asked
from evaluation.tables import short_names
from training.base_model import ModelSource, load_model
from training.checkpoints import BestCheckpoint
from training.data import RunData
from training.errors import UserError
from training.run_log import on_terminal

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
        return Scored(summarise(found), found, scorer)
    corpus = None if data.task.left_out else scorer.corpus
    final = embed_task(model, data.final_task, show_progress=on_terminal(), corpus=corpus)
    return Scored(summarise(found), score_task(final, data.final_task), final)


def check_saved_model(folder: Path, best: BestCheckpoint, found: RetrievalReport) -> None:
    """Compare what the saved folder scores with what its checkpoint scored.

    Raises:
        UserError: A figure differs.
    """
    before, after = best.report.as_dict(), found.as_dict()
    for group in ("overall", "macro"):
        for key, value in before[group].items():
            if not math.isclose(value, after[group][key], abs_tol=TOLERANCE):
                raise UserError(
                    f"{folder}: the saved model does not score what it scored in training "
                    f"({group} {key}: {value:.6f}, reloaded {after[group][key]:.6f}); do not use it"
                )


def final_assessment(
    folder: Path,
    data: RunData,
    source: ModelSource,
    tuned_model: SentenceTransformer,
    base: Scored,
    tuned: Scored,
    history: list[dict[str, Any]],
    speed: bool,
) -> Assessment:
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
    asked = Asked(data.split.reported, part, not data.split.test)
    probe = score_probe(models, data.probe, BATCH_SIZE, on_terminal())
    evidence = Evidence(
        model=name,
        base=base_name,
        data=describe_asked(data.pairs, asked),
        task=data.final_task.describe(),
        results=all_results(name, base_name, found, lexical),
        chose_checkpoint=asked.chose_checkpoint,
        probe=probe or None,
        probe_data=data.probe.data if data.probe else None,
        speed=time_models(models, data.final_task) if speed else None,
        loads=loads_and_encodes(folder),
        history=history,
    )
    return assess(evidence, data.thresholds)
