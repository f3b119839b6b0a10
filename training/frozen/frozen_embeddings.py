"""The embeddings in front of a query adapter, computed once for each text."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import islice

import torch
from tqdm.auto import tqdm

from nic.chunked_model import IDS, ChunkedSentenceTransformer, Row, token_key
from nic.errors import UserError
from nic.logs import on_terminal
from nic.query_adapter import adapter_width, shares_passages
from training.frozen.frozen_states import GIB
from training.frozen.own_texts import PromptedTexts, own_rows

logger = logging.getLogger(__name__)

TEXTS_AT_A_TIME = 1024


class FrozenEmbeddings:
    """Embeddings before the last module by token ids; a step is one product of matrices then.

    Texts that are not known are computed whenever they come.

    Args:
        model: A model whose modules but the last are frozen.
        rows: The texts to embed now.
        memory: Bytes that may be kept; further texts are computed each time.
    """

    def __init__(
        self, model: ChunkedSentenceTransformer, rows: Iterable[Row], memory: int = 1 << 32
    ) -> None:
        self._model = model
        self._places: dict[bytes, int] = {}
        width = adapter_width(model)
        room = memory // (width * torch.float32.itemsize)
        blocks = [torch.empty(0, width)]
        remaining = iter(rows)
        with tqdm(unit="text", disable=not on_terminal()) as bar:
            while block := list(islice(remaining, TEXTS_AT_A_TIME)):
                unknown = {token_key(row[IDS]): row for row in block}
                new = [key for key in unknown if key not in self._places]
                new = new[: room - len(self._places)]
                self._places |= {key: len(self._places) + n for n, key in enumerate(new)}
                blocks.append(self._embed([unknown[key] for key in new]))
                bar.update(len(block))
        self._values = torch.cat(blocks)
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
        places = [self._places.get(token_key(row[IDS]), -1) for row in rows]
        unknown = [number for number, place in enumerate(places) if place < 0]
        found = torch.empty(len(rows), self._values.shape[1])
        known = [number for number, place in enumerate(places) if place >= 0]
        found[known] = self._values[[places[number] for number in known]]
        if unknown:
            found[unknown] = self._embed([rows[number] for number in unknown])
        return found.to(self._model.device)

    def _embed(self, rows: Sequence[Row]) -> torch.Tensor:
        """Computes `(texts, dim)` embeddings, which lie on the CPU."""
        if not rows:
            return torch.empty(0, adapter_width(self._model))
        with torch.no_grad():
            return self._model.embed_front(rows).float().cpu()


def keep_embeddings(
    model: ChunkedSentenceTransformer, texts: PromptedTexts, gib: float
) -> list[FrozenEmbeddings]:
    """Computes the embeddings in front of a query adapter.

    Args:
        model: The model, frozen but for its adapter; it tokenizes the texts.
        texts: The texts by their prompt.
        gib: As `--frozen-cache-gb`: memory for them in GiB; 0 keeps none.

    Returns:
        One object; none where nothing is kept, as for a pooling that leaves the prompt out.
    """
    if not gib or not all(getattr(module, "include_prompt", True) for module in model):
        return []
    logger.info("Embedding each text once with the base model")
    return [FrozenEmbeddings(model, own_rows(model, texts), int(gib * GIB))]
