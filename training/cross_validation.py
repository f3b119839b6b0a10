"""Cross-validation: each query is asked of a model that saw neither it nor its passages."""

from __future__ import annotations

import logging
import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.collect import QuerySelection
from evaluation.results import PER_QUERY
from evaluation.retrieval.query_results import Results, read_results, write_results
from evaluation.retrieval.task import retrieval_task
from nic.chunked_model import ChunkedSentenceTransformer
from nic.model_files import FOLD
from nic.models import ModelSource
from pairs.draws import Split
from training.base_model import load_base
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.fitting import fit
from training.frozen.kept_states import KeptStates
from training.held_out import HeldOut, Names, held_out_results
from training.loop.checkpoints import open_part
from training.loop.losses import matryoshka_dimensions
from training.loop.reporters import Reporters
from training.negatives.of_run import mine_split
from training.run_data import RunData, data_of_fold

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CrossValidation:
    """Trains one model for each fold, and asks it the queries of that fold.

    Attributes:
        source: Where the base model comes from.
        data: The data with its folds.
        run: The arguments of the run.
        arguments: The Trainer's arguments.
        kept: The outputs of the frozen layers, which all folds share.
        names: What the report calls the models.
    """

    source: ModelSource
    data: RunData
    run: RunArguments
    arguments: TrainingArguments
    kept: KeptStates
    names: Names

    def results(self) -> HeldOut | None:
        """Returns the results of all folds; None in all processes but the first.

        Those of a finished fold are kept in the output folder until the run ends: a resumed run
        goes on with the fold that was stopped.

        Raises:
            Interrupted: A signal stopped a training after its state was saved.
        """
        pooled: Results = defaultdict(list)
        folds, main_process = self.data.folds, self.arguments.should_save
        for number, split in enumerate(folds, 1):
            folder = Path(self.arguments.output_dir) / FOLD.format(number)
            if (folder / PER_QUERY).is_file():
                logger.info("Fold %d of %d: finished before", number, len(folds))
            else:
                sizes = [len(rows) for rows in split.parts().values()]
                counts = (number, len(folds), *sizes)
                logger.info("Fold %d of %d: %d/%d/%d pairs to train, choose and ask", *counts)
                self.train_fold(folder.name, split)
            if main_process:
                for name, results in read_results(folder / PER_QUERY).items():
                    pooled[name] += results
        if not main_process:
            return None
        rows = [row for split in folds for row in split.test]
        selection = QuerySelection(rows, "cross-validation", False, len(folds))
        dimensions = matryoshka_dimensions(self._base(), vars(self.run))
        task = retrieval_task(self.data.pairs, rows)
        return HeldOut(task, selection, dict(pooled), dimensions)

    def train_fold(self, name: str, split: Split) -> None:
        """Trains the model of a fold and leaves the results of its queries in the fold's folder."""
        own, checkpoint = open_part(self.arguments, name, self.run.resume)
        folder = Path(own.output_dir)
        data = data_of_fold(self.data, split, self.run, own.seed)
        data = mine_split(data, [self.run.negatives])
        run = replace(self.run, keep_checkpoints=1)
        fitted = fit(self._base(), data, run, own, Reporters(), self.kept, checkpoint)
        if fitted is None:
            return
        found = held_out_results(data, fitted, run, self.names).found
        write_results(found, folder / PER_QUERY)
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != PER_QUERY:
                path.unlink()

    def _base(self) -> ChunkedSentenceTransformer:
        return load_base(self.source, self.run, self.arguments.device)
