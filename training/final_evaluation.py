"""The final evaluation of a run: base and tuned model on the held-out queries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from evaluation.collect import (
    QuerySelection,
    all_results,
    describe_encodings,
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
from nic.chunked_model import ChunkedSentenceTransformer
from nic.encoding import check_prompts, set_prompts
from nic.errors import UserError
from nic.logs import on_terminal
from nic.models import ModelSource, load_model
from pairs.languages import one_language
from training.loop.checkpoints import BestCheckpoint
from training.loop.frozen_states import FrozenStates
from training.run_arguments import RunArguments
from training.run_data import RunData

# Metrics of one model on one device are equal; another order of sums differs by less than this.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Scored:
    """The retrieval results of a model.

    Attributes:
        validation: Mean metrics of the queries that choose the checkpoint.
        final: Results of each query of the final evaluation.
        scorer: Scores of the queries of the final evaluation.
    """

    validation: RetrievalReport
    final: list[QueryResult]
    scorer: DenseScorer


def load_base(
    source: ModelSource, run: RunArguments, device: torch.device
) -> ChunkedSentenceTransformer:
    """Returns the base model of a run, with the prompts of the run.

    Raises:
        UserError: It is not found, or a prompt leaves no room for a text.
    """
    model = load_model(source, device)
    set_prompts(model, run.query_prompt, run.document_prompt)
    check_prompts(model, source.name)
    return model


def score_model(
    model: SentenceTransformer, evaluator: DomainRetrievalEvaluator, data: RunData
) -> Scored:
    """Scores a model on the validation queries and on those of the final evaluation.

    The corpus is encoded once if both rank against all of it.
    """
    scorer = evaluator.embed(model)
    found = score_task(scorer, data.task)
    if data.one_task:
        return Scored(aggregate_metrics(found), found, scorer)
    corpus = None if data.task.left_out else scorer.corpus
    final = embed_task(model, data.final_task, show_progress=on_terminal(), corpus=corpus)
    return Scored(aggregate_metrics(found), score_task(final, data.final_task), final)


def score_saved_model(
    folder: Path,
    saved: ChunkedSentenceTransformer,
    evaluator: DomainRetrievalEvaluator,
    data: RunData,
    best: BestCheckpoint,
    dtype: torch.dtype,
    states: list[FrozenStates],
) -> Scored:
    """Scores the model read back from the output folder, in fp32.

    It is compared with its checkpoint first, in the precision of the training.

    Args:
        folder: The output folder, for messages.
        saved: The model read back from it.
        evaluator: The evaluator of the training.
        data: The tasks.
        best: The checkpoint with its metrics in training.
        dtype: Precision of the training.
        states: Outputs of the frozen layers that are kept; they are freed.

    Raises:
        UserError: The model does not score what it scored in training.
    """
    for kept in states:
        kept.attach(saved)
    if dtype == torch.float32:
        tuned = score_model(saved, evaluator, data)
        check_saved_model(folder, best, tuned.validation)
    else:
        saved.run_in(dtype)
        check_saved_model(folder, best, evaluator.evaluate(saved))
        saved.run_in(None)
        tuned = score_model(saved, evaluator, data)
    for kept in states:
        kept.free()
    return tuned


def check_saved_model(folder: Path, best: BestCheckpoint, found: RetrievalReport) -> None:
    """Compares the metrics of the saved folder with those of its checkpoint.

    Args:
        folder: The output folder, for the message.
        best: The checkpoint with its metrics in training.
        found: The metrics of the model read back from the folder.

    Raises:
        UserError: A metric differs.
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
    best_step: int,
    run: RunArguments,
) -> EvaluationSummary:
    """Returns what `nic-evaluate` reports, for the model of this run and its base.

    Args:
        folder: The output folder, which holds the saved model.
        data: Pairs, split, tasks and thresholds of the run.
        source: Where the base model comes from.
        tuned_model: The saved model, loaded again.
        base: Results of the base model.
        tuned: Results of the saved model.
        history: The Trainer's log.
        best_step: Step of the checkpoint that became the model.
        run: Its prompts are those of the base model; where its language is one, BM25 splits and
            stems by it; its `speed` says whether to measure the latency.
    """
    names = short_names([folder.as_posix(), source.name])
    name, base_name = names[folder.as_posix()], names[source.name]
    models = {name: tuned_model, base_name: load_base(source, run, tuned_model.device)}
    found = {name: tuned.final, base_name: base.final}
    lexical = score_lexical(data.final_task, name, tuned.scorer, one_language(run.language))
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
        speed=time_models(models, data.final_task) if run.speed else None,
        loads=loads_and_encodes(folder),
        history=history,
        best_step=best_step,
        encodings=describe_encodings(models),
    )
    return summarise(results, data.thresholds)
