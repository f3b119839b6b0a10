"""The texts of which this process keeps what the frozen layers give, as tokens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from sentence_transformers import SentenceTransformer

from nic.chunked_model import IDS, ChunkedSentenceTransformer, Row, token_key, token_rows
from nic.sharing import Sharing

# Texts by the prompt that they are encoded with.
PromptedTexts = Mapping[Any, Collection[str]]
TOKENIZED_AT_A_TIME = 1024


def evaluated_owners(
    model: ChunkedSentenceTransformer, sharing: Sharing, evaluated: Iterable[tuple[Any, list[str]]]
) -> dict[bytes, int]:
    """Returns which process encodes the texts of the evaluations, by their keys.

    Args:
        model: The model; it tokenizes the texts.
        sharing: The processes.
        evaluated: What is encoded together, each with its prompt.
    """
    owners: dict[bytes, int] = {}
    for prompt, texts in evaluated:
        for rank, part in enumerate(sharing.slices(len(texts))):
            for row in token_rows_of(model, texts[part], prompt):
                owners.setdefault(token_key(row[IDS]), rank)
    return owners


def sharing_of(model: SentenceTransformer) -> Sharing | None:
    """Returns which process embeds which text; None where this one embeds all."""
    return model.sharing if isinstance(model, ChunkedSentenceTransformer) else None


def own_rows(model: SentenceTransformer, prompted: PromptedTexts) -> Iterator[Row]:
    """Yields the tokens of those texts that are this process's own where processes share them."""
    sharing = sharing_of(model)
    for prompt, texts in prompted.items():
        for row in token_rows_of(model, texts, prompt):
            if sharing is None or sharing.owns(token_key(row[IDS])):
                yield row


def token_rows_of(
    model: SentenceTransformer, texts: Iterable[str], prompt: str | None
) -> Iterator[Row]:
    """Yields the tokens of texts, without padding; nothing of what is not padded at the right."""
    remaining = iter(texts)
    while batch := list(islice(remaining, TOKENIZED_AT_A_TIME)):
        yield from token_rows(model.preprocess(batch, prompt=prompt)) or ()
