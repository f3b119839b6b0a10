"""The guide of the guided losses: the base model's embeddings of the training texts."""

from __future__ import annotations

import logging
from itertools import count
from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from torch import nn

from nic.chunked_model import EMBEDDING, IDS, MASK, Features, token_key
from nic.encoding import Encoding
from nic.errors import UserError
from nic.logs import on_terminal
from training.loop.batch_sampler import inner_loss

logger = logging.getLogger(__name__)

BATCH_SIZE = 64


class BaseGuide:
    """Embeddings of texts by their tokens; a guided loss calls it in place of a second model.

    It is no `nn.Module`: it has nothing to train, to move or to save.

    Args:
        model: The model to train; a loss compares its tokenizer and length with the guide's.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        self.tokenizer = model.tokenizer
        self.max_seq_length = model.max_seq_length
        self._places: dict[bytes, int] = {}
        self._embeddings = torch.empty(0)

    def __len__(self) -> int:
        """Returns the number of different texts."""
        return len(self._places)

    def learn(self, model: SentenceTransformer, rows: Dataset) -> None:
        """Keeps the embeddings of all texts of the training half.

        Args:
            model: The base model, before it is trained.
            rows: The training half; its first column holds the queries.
        """
        self._places = {}
        query, *passages = rows.column_names
        encoding = Encoding.of(model)
        found: list[torch.Tensor] = []
        for encode, prompt, columns in (
            (model.encode_query, encoding.query_prompt, [query]),
            (model.encode_document, encoding.document_prompt, passages),
        ):
            texts = list(dict.fromkeys(text for name in columns for text in rows[name] if text))
            embeddings = encode(
                texts,
                batch_size=BATCH_SIZE,
                convert_to_tensor=True,
                show_progress_bar=on_terminal(),
            )
            first = sum(len(part) for part in found)
            found.append(embeddings.float().cpu())
            for start in range(0, len(texts), BATCH_SIZE):
                batch = model.preprocess(texts[start : start + BATCH_SIZE], prompt=prompt or None)
                # Texts of equal tokens have one embedding.
                self._places |= dict(zip(_keys(batch), count(first + start), strict=False))
        self._embeddings = torch.cat(found)

    def __call__(self, features: Features) -> dict[str, torch.Tensor]:
        """Returns the embeddings of a batch, `(texts, dim)`, under the key of a model's output.

        Raises:
            UserError: A text is none of the training half.
        """
        places = [self._places.get(key, -1) for key in _keys(features)]
        if -1 in places:
            raise UserError(
                "--loss: the base model's embedding of a training text is not found by its tokens, "
                "so that no guided loss can be used; use --loss mnrl"
            )
        return {EMBEDDING: self._embeddings[places].to(features[IDS].device)}


def learn_guide(loss: nn.Module, model: SentenceTransformer, rows: Dataset) -> None:
    """Has the guide of a loss embed the training half; does nothing for a loss without one.

    Args:
        loss: The loss.
        model: The base model, before it is trained.
        rows: The training half.
    """
    guide: Any = getattr(inner_loss(loss), "guide", None)
    if isinstance(guide, BaseGuide):
        logger.info("Embedding the training texts by the base model, to guide the loss")
        guide.learn(model, rows)


def _keys(features: Features) -> list[bytes]:
    """Returns what tells the texts of a batch apart: their tokens without the padding."""
    ids, mask = features[IDS].cpu(), features[MASK].cpu().bool()
    return [token_key(row[own]) for row, own in zip(ids, mask, strict=True)]
