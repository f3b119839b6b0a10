"""The outputs of the frozen layers that a run keeps: for its training, its scores, its folds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch

from nic.chunked_model import ChunkedSentenceTransformer
from pairs.columns import TEXT_COLUMNS
from training.loop.frozen_states import FrozenStates, keep_frozen_states
from training.loop.prompts import column_prompts
from training.run_data import RunData

QUERY, POSITIVE, _ = TEXT_COLUMNS


class KeptStates:
    """Outputs of the frozen layers, computed for the first model and served to later ones.

    Args:
        data: The data whose texts are encoded.
        dtype: Precision of the training.
        gib: As `--frozen-cache-gb`.
        folder: The output folder.
    """

    def __init__(self, data: RunData, dtype: torch.dtype, gib: float, folder: Path) -> None:
        self._data = data
        self._dtype = dtype
        self._gib = gib
        self._folder = folder
        self._states: list[FrozenStates] | None = None

    def serve(self, model: ChunkedSentenceTransformer, frozen: int) -> None:
        """Lets a model use them, and no other one from now on.

        Args:
            model: A model whose frozen layers are those of the first one.
            frozen: Number of frozen bottom layers, the same at each call.

        Raises:
            UserError: The frozen layers are others.
        """
        if self._states is None:
            texts = texts_by_precision(self._data, self._dtype, column_prompts(model))
            self._states = keep_frozen_states(model, frozen, texts, self._gib, self._folder)
            return
        for states in self._states:
            states.attach(model)

    def free(self) -> None:
        """Leaves the last model as it was, and frees the memory."""
        for states in self._states or []:
            states.free()


def texts_by_precision(
    data: RunData, dtype: torch.dtype, prompts: Mapping[str, str | None]
) -> dict[torch.dtype, dict[str | None, dict[str, None]]]:
    """Returns the texts that a run encodes in each precision, by their prompt, each once.

    Training and its validations encode all texts of the pairs in the precision of the run, the
    final report the held-out queries and the corpus in fp32.

    Args:
        data: The data of the run.
        dtype: Its precision.
        prompts: The prompt of each column.
    """
    trained: dict[str | None, dict[str, None]] = defaultdict(dict)
    for name in TEXT_COLUMNS:
        trained[prompts.get(name)] |= dict.fromkeys(data.pairs.column(name))
    if data.folds:  # Each query is reported by one of them.
        return {torch.float32: trained, dtype: trained}
    reported: dict[str | None, dict[str, None]] = defaultdict(dict)
    for task in (data.task, data.final_task):
        reported[prompts.get(QUERY)] |= dict.fromkeys(task.queries)
        reported[prompts.get(POSITIVE)] |= dict.fromkeys(task.corpus)
    return {torch.float32: reported} | {dtype: trained}
