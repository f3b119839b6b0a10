"""The search for training text in what is to be published."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pairs.loading import Pairs

# Shorter texts ("Recall", "Oil pump") stand in a card by chance.
WORDS_OF_A_SENTENCE = 4
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# Where `metadata.json` has words of this project's own.
OWN_WORDS = ("caveat", "schedule", "measured")


def find_training_text(text: str, passages: Iterable[str]) -> str | None:
    """Returns the first training text, or sentence of one, in a text; None if there is none.

    White space is ignored.

    Args:
        text: What is to be published.
        passages: The texts of the training data. Sentences of fewer than four words don't count.
    """
    return next(_training_texts(text, passages), None)


def find_quotation(page: str, own: str, metadata: Mapping[str, Any], pairs: Pairs) -> str | None:
    """Returns the first training text that a page quotes; None if it quotes none.

    A card has words of its own, which may be those of a query by chance: what it says of every
    model is no quotation. What comes from the data or from a person stands in the metadata, too.
    Names of domains are published.

    Args:
        page: What is to be published.
        own: The card as it is rendered from the metadata.
        metadata: Content of `metadata.json`.
        pairs: The training data.
    """
    said = flat("\n".join(strings(metadata)))
    found = _training_texts(page, secret_texts(pairs))
    own = flat(own)
    return next((text for text in found if flat(text) not in own or flat(text) in said), None)


def secret_texts(pairs: Pairs) -> list[str]:
    """Returns the texts of the data that are never published: all but the names of domains."""
    domains = set(pairs.column("domain"))
    return [text for text in pairs.texts() if text not in domains]


def strings(content: Any) -> Iterator[str]:
    """Yields the keys and strings of a JSON value, without words of this project's own."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield key
            if key not in OWN_WORDS:
                yield from strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from strings(value)


def flat(text: str) -> str:
    """Returns a text with single spaces."""
    return " ".join(text.split())


def _training_texts(text: str, passages: Iterable[str]) -> Iterator[str]:
    searched = flat(text)
    for passage in passages:
        for part in SENTENCE_END.split(passage):
            if len(part.split()) >= WORDS_OF_A_SENTENCE and flat(part) in searched:
                yield part
