"""The final evaluation of a run: base and tuned model on the held-out queries."""

from __future__ import annotations

from pathlib import Path

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
from evaluation.summary import EvaluationSummary, summarise
from nic.logs import on_terminal
from nic.models import ModelSource
from pairs.languages import one_language
from training.base_model import load_base
from training.fitting import Fitted
from training.run_arguments import RunArguments
from training.run_data import RunData


def final_evaluation(
    folder: Path,
    data: RunData,
    source: ModelSource,
    fitted: Fitted,
    history: list[LogEntry],
    run: RunArguments,
) -> EvaluationSummary:
    """Returns what `nic-evaluate` reports, for the model of this run and its base.

    Args:
        folder: The output folder, which holds the saved model.
        data: Pairs, split, tasks and thresholds of the run.
        source: Where the base model comes from.
        fitted: The saved model, with its results and those of the base.
        history: The Trainer's log.
        run: Its prompts are those of the base model; where its language is one, BM25 splits and
            stems by it; its `speed` says whether to measure the latency.
    """
    names = short_names([folder.as_posix(), source.name])
    name, base_name = names[folder.as_posix()], names[source.name]
    models = {name: fitted.model, base_name: load_base(source, run, fitted.model.device)}
    found = {name: fitted.tuned.final, base_name: fitted.base.final}
    lexical = score_lexical(data.final_task, name, fitted.tuned.scorer, one_language(run.language))
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
        best_step=fitted.best.step,
        encodings=describe_encodings(models),
    )
    return summarise(results, data.thresholds)
