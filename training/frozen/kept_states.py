"""The outputs of the frozen layers that a run keeps: for its training, its scores, its folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from evaluation.retrieval.task import RetrievalTask
from nic.chunked_model import ChunkedSentenceTransformer
from nic.query_adapter import has_query_adapter
from nic.sharing import Sharing
from pairs.columns import POSITIVE, QUERY
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.frozen.frozen_embeddings import FrozenEmbeddings, keep_embeddings
from training.frozen.frozen_states import FrozenStates, keep_frozen_states
from training.frozen.own_texts import evaluated_owners
from training.loop.prompts import column_prompts
from training.mixing import OFF
from training.run_data import RunData
from training.training_rows import training_columns


class KeptStates:
    """Outputs of the frozen layers, computed for the first model and served to later ones.

    Args:
        data: The data whose texts are encoded.
        columns: The columns that are trained on.
        dtype: Precision of the training.
        gib: As `--frozen-cache-gb`.
        folder: The output folder.
        probe: The forgetting probe, where mixtures of the weights are scored on it.
    """

    def __init__(
        self,
        data: RunData,
        columns: Sequence[str],
        dtype: torch.dtype,
        gib: float,
        folder: Path,
        probe: RetrievalTask | None = None,
    ) -> None:
        self._data = data
        self._columns = columns
        self._dtype = dtype
        self._gib = gib
        self._folder = folder
        self._probe = probe
        self._states: Sequence[FrozenStates | FrozenEmbeddings] | None = None
        self._sharing: Sharing | None = None

    @classmethod
    def of_run(cls, data: RunData, run: RunArguments, arguments: TrainingArguments) -> KeptStates:
        """Returns the states that a run needs; mined negatives are passages that it has anyway."""
        columns, folder = training_columns(data.pairs, run.given_taken), Path(arguments.output_dir)
        probe = data.probe.task if data.probe and run.mix != OFF else None
        return cls(data, columns, arguments.dtype, run.frozen_cache_gb, folder, probe)

    def serve(self, model: ChunkedSentenceTransformer, frozen: int) -> None:
        """Lets a model use them, and no other one from now on.

        Args:
            model: A model whose frozen layers are those of the first one.
            frozen: Number of frozen bottom layers, the same at each call.

        Raises:
            UserError: The frozen layers are others.
        """
        if self._states is None:
            self._compute(model, frozen)
        else:
            for states in self._states:
                states.attach(model)
        if self._states:
            # A text belongs to the process that keeps what the frozen layers give for it.
            model.sharing = model.sharing and self._sharing

    def _compute(self, model: ChunkedSentenceTransformer, frozen: int) -> None:
        prompts = column_prompts(model, self._columns)
        texts = texts_by_precision(self._data, self._dtype, prompts, self._columns, self._probe)
        before = model.sharing
        if before:
            task = self._data.task
            evaluated = [(prompts.get(QUERY), task.queries), (prompts.get(POSITIVE), task.corpus)]
            owners = evaluated_owners(model, before, evaluated)
            self._sharing = model.sharing = replace(before, owners=owners)
        if has_query_adapter(model):
            self._states = keep_embeddings(model, texts[torch.float32], self._gib)
        else:
            self._states = keep_frozen_states(model, frozen, texts, self._gib, self._folder)
        model.sharing = before

    def free(self) -> None:
        """Leaves the last model as it was, and frees the memory."""
        for states in self._states or []:
            states.free()


def texts_by_precision(
    data: RunData,
    dtype: torch.dtype,
    prompts: Mapping[str, str | None],
    columns: Sequence[str],
    probe: RetrievalTask | None = None,
) -> dict[torch.dtype, dict[str | None, dict[str, None]]]:
    """Returns the texts that a run encodes in each precision, by their prompt, each once.

    Training and its validations encode the columns that are trained on and the passages of the
    validation in the precision of the run, the final report the held-out queries and the corpus in
    fp32, and mixtures the forgetting probe. With folds each query is held out once.

    Args:
        data: The data of the run.
        dtype: Its precision.
        prompts: The prompt of each column.
        columns: The columns that are trained on.
        probe: The forgetting probe, if mixtures are scored on it.
    """
    trained: dict[str | None, dict[str, None]] = defaultdict(dict)
    for name in columns:
        trained[prompts.get(name)] |= dict.fromkeys(data.pairs.texts([name]))
    reported = trained if dtype == torch.float32 else defaultdict(dict)
    final = [data.task, data.final_task, *([probe] if probe else [])]
    for found, tasks in ((trained, [data.task]), (reported, final)):
        for task in tasks:
            found[prompts.get(QUERY)] |= dict.fromkeys(task.queries)
            found[prompts.get(POSITIVE)] |= dict.fromkeys(task.corpus)
    if data.folds:
        reported[prompts.get(QUERY)] |= dict.fromkeys(data.pairs.column(QUERY))
    return {torch.float32: reported} | {dtype: trained}
