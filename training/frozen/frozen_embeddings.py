"""The embeddings in front of a query adapter, computed once for each text."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence

import torch
from tqdm.auto import tqdm

from nic.chunked_model import IDS, ChunkedSentenceTransformer, Row
from nic.errors import UserError
from nic.logs import on_terminal
from nic.query_adapter import shares_passages
from training.frozen.frozen_states import PromptedTexts, token_rows_of

logger = logging.getLogger(__name__)

TEXTS_AT_A_TIME = 256


class FrozenEmbeddings:
    """Embeddings before the last module by token ids; a step is one product of matrices then.

    Texts that are not known are computed whenever they come.

    Args:
        model: A model whose modules but the last are frozen.
        rows: The texts to embed now.
    """

    def __init__(self, model: ChunkedSentenceTransformer, rows: Iterable[Row]) -> None:
        self._model = model
        different = {_key(row): row for row in rows}
        self._places = {key: place for place, key in enumerate(different)}
        self._values = self._embed(list(different.values()))
        self.attach(model)

    def __len__(self) -> int:
        """Returns the number of texts whose embeddings are kept."""
        return len(self._places)

    def attach(self, model: ChunkedSentenceTransformer) -> None:
        """Serves a model with the same frozen modules, and no other one.

        Raises:
            UserError: Its frozen modules are others.
        """
        if not shares_passages(model, self._model):
            raise UserError("the frozen layers of the saved model are not those of the base model")
        self._model.use_front(None)
        self._model = model
        model.use_front(self.look_up)

    def free(self) -> None:
        """Leaves the model as it was, and frees the memory."""
        self._model.use_front(None)
        self._places, self._values = {}, torch.empty(0)

    def look_up(self, rows: Sequence[Row]) -> torch.Tensor:
        """Returns `(texts, dim)` embeddings."""
        places = [self._places.get(_key(row), -1) for row in rows]
        unknown = [number for number, place in enumerate(places) if place < 0]
        found = self._values[torch.tensor(places).clamp(min=0)]
        if unknown:
            found[unknown] = self._embed([rows[number] for number in unknown])
        return found.to(self._model.device)

    def _embed(self, rows: Sequence[Row]) -> torch.Tensor:
        """Computes embeddings, those of many texts with a progress bar; they lie on the CPU."""
        width = self._model.get_embedding_dimension() or 0
        values = torch.empty(len(rows), width)
        # Texts of one length together, the longest first.
        order = sorted(range(len(rows)), key=lambda number: -len(rows[number][IDS]))
        shown = on_terminal() and len(rows) > TEXTS_AT_A_TIME
        with torch.no_grad(), tqdm(total=len(rows), unit="text", disable=not shown) as bar:
            for start in range(0, len(rows), TEXTS_AT_A_TIME):
                part = order[start : start + TEXTS_AT_A_TIME]
                values[part] = self._model.embed_front([rows[n] for n in part]).float().cpu()
                bar.update(len(part))
        return values


def keep_embeddings(
    model: ChunkedSentenceTransformer, texts: PromptedTexts, gib: float
) -> list[FrozenEmbeddings]:
    """Computes the embeddings in front of a query adapter.

    Args:
        model: The model, frozen but for its adapter; it tokenizes the texts.
        texts: The texts by their prompt.
        gib: As `--frozen-cache-gb`: 0 keeps none.

    Returns:
        One object; none where nothing is kept, as for a pooling that leaves the prompt out.
    """
    if not gib or not all(getattr(module, "include_prompt", True) for module in model):
        return []
    logger.info("Embedding each text once with the base model")
    rows = (row for prompt, of_it in texts.items() for row in token_rows_of(model, of_it, prompt))
    return [FrozenEmbeddings(model, rows)]


def _key(row: Row) -> bytes:
    return hashlib.blake2b(row[IDS].numpy().tobytes(), digest_size=16).digest()
