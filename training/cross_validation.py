"""Cross-validation: each query is asked of a model that saw neither it nor its passages."""

from __future__ import annotations

import copy
import logging
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from evaluation.collect import QuerySelection
from evaluation.results import PER_QUERY
from evaluation.retrieval.query_results import Results, read_results, write_results
from evaluation.retrieval.task import retrieval_task
from nic.model_files import FOLD
from nic.models import ModelSource
from pairs.split import Split
from training.base_model import load_base
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.fitting import fit
from training.frozen.kept_states import KeptStates
from training.held_out import HeldOut, Names, held_out_results
from training.loop.checkpoints import find_newest_checkpoint
from training.loop.losses import matryoshka_dimensions
from training.loop.reporters import Reporters
from training.loop.trainer import set_dropout
from training.output.manifest import checkpoint_entry, record
from training.run_data import RunData, data_of_fold

logger = logging.getLogger(__name__)


def cross_validate(
    source: ModelSource,
    data: RunData,
    run: RunArguments,
    arguments: TrainingArguments,
    kept: KeptStates,
    names: Names,
) -> HeldOut | None:
    """Trains one model for each fold, and asks it the queries of that fold.

    The results of a finished fold are kept in the output folder until the run ends: a resumed run
    goes on with the fold that was stopped.

    Args:
        source: Where the base model comes from.
        data: The data with its folds.
        run: The arguments of the run.
        arguments: The Trainer's arguments.
        kept: The outputs of the frozen layers, which all folds share.
        names: What the report calls the models.

    Returns:
        The results of all folds; None in all processes but the first.

    Raises:
        Interrupted: A signal stopped a training after its state was saved.
    """
    pooled: Results = defaultdict(list)
    dimensions = matryoshka_dimensions(load_base(source, run, arguments.device), vars(run))
    for number, split in enumerate(data.folds, 1):
        folder = Path(arguments.output_dir) / FOLD.format(number)
        of_all = f"Fold {number} of {len(data.folds)}"
        if (folder / PER_QUERY).is_file():
            logger.info("%s: finished before", of_all)
        else:
            sizes = [len(rows) for rows in split.parts().values()]
            logger.info("%s: %d/%d/%d pairs to train, choose and ask", of_all, *sizes)
            train_fold(folder, split, source, data, run, arguments, kept, names)
        if arguments.should_save:
            for name, results in read_results(folder / PER_QUERY).items():
                pooled[name] += results
    if not arguments.should_save:
        return None
    rows = [row for split in data.folds for row in split.test]
    selection = QuerySelection(rows, "cross-validation", False, len(data.folds))
    return HeldOut(retrieval_task(data.pairs, rows), selection, dict(pooled), dimensions)


def train_fold(
    folder: Path,
    split: Split,
    source: ModelSource,
    data: RunData,
    run: RunArguments,
    arguments: TrainingArguments,
    kept: KeptStates,
    names: Names,
) -> None:
    """Trains the model of a fold and leaves the results of its queries in the fold's folder."""
    checkpoint = find_newest_checkpoint(folder) if run.resume else None
    if arguments.should_save:
        record(folder.parent, [checkpoint_entry(folder.name)])
        folder.mkdir(exist_ok=True)
    own = copy.copy(arguments)
    own.output_dir, own.report_to = str(folder), []
    model = load_base(source, run, arguments.device)
    set_dropout(model, run.dropout)
    of_fold = data_of_fold(data, split, run, arguments.seed)
    only_newest = replace(run, keep_checkpoints=1)
    fitted = fit(model, of_fold, only_newest, own, Reporters(), kept, checkpoint)
    if fitted is None:
        return
    write_results(held_out_results(of_fold, fitted, run, names).found, folder / PER_QUERY)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != PER_QUERY:
            path.unlink()
