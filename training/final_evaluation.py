"""The final evaluation of a run: base and tuned model on the held-out queries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evaluation.collect import (
    describe_encodings,
    describe_selection,
    loads_and_encodes,
    score_probe,
    time_models,
)
from evaluation.defaults import BATCH_SIZE
from evaluation.dimensions import measure_dimensions, truncated_name
from evaluation.known_passages import queries_about_known
from evaluation.mined_negatives import TrainedNegatives
from evaluation.results import EvaluationResults, LogEntry
from evaluation.summary import EvaluationSummary, summarise
from evaluation.trials import Search
from nic.logs import on_terminal
from nic.models import ModelSource
from nic.query_adapter import shares_passages
from training.base_model import load_base
from training.command.run_arguments import RunArguments
from training.fitting import Fitted
from training.held_out import HeldOut, Names
from training.run_data import RunData


def final_evaluation(
    folder: Path,
    data: RunData,
    source: ModelSource,
    fitted: Fitted,
    held_out: HeldOut,
    names: Names,
    history: list[LogEntry],
    run: RunArguments,
    search: Search | None = None,
) -> EvaluationSummary:
    """Returns what `nic-evaluate` reports, for the model of this run and its base.

    Args:
        folder: The output folder, which holds the saved model.
        data: Pairs, split, tasks and thresholds of the run.
        source: Where the base model comes from.
        fitted: The saved model.
        held_out: The results of the held-out queries.
        names: What the report calls the models.
        history: The Trainer's log.
        run: Its prompts are those of the base model; its `speed` says whether to measure the
            latency.
        search: The trials among which the settings were chosen; None where there were none.
    """
    cut = {
        truncated_name(name, n) for name in (names.model, names.base) for n in held_out.dimensions
    }
    plain = replace(run, query_adapter=False)
    models = {names.model: fitted.model, names.base: load_base(source, plain, fitted.model.device)}
    probe = score_probe(models, data.probe, BATCH_SIZE, on_terminal())
    splits = [split for split in (held_out.selection.split, *data.folds) if split]
    known = [
        id_ for split in splits for id_ in queries_about_known(held_out.task, data.pairs, split)
    ]
    results = EvaluationResults(
        model=names.model,
        base=names.base,
        data=describe_selection(data.pairs, held_out.selection),
        task=held_out.task.describe(),
        per_query={name: rows for name, rows in held_out.found.items() if name not in cut},
        chose_checkpoint=held_out.selection.chose_checkpoint,
        probe=probe or None,
        probe_data=data.probe.data if data.probe else None,
        speed=time_models(models, held_out.task) if run.speed else None,
        loads=loads_and_encodes(folder),
        history=history,
        best_step=fitted.best.step,
        encodings=describe_encodings(models),
        mixing=fitted.mixing,
        search=search,
        known=known,
        negatives=TrainedNegatives(fitted.negatives.mined),
        dimensions=measure_dimensions(held_out.found, names.model, names.base, held_out.dimensions),
        keeps_passages=shares_passages(fitted.model, models[names.base]),
    )
    return summarise(results, data.thresholds)
