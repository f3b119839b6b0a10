"""Numbers of tokens of many texts, which repeat their words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from pairs.checks.split_texts import Remembered, SplitTexts

# Letters of a text that are given to a tokenizer at once.
PART = 100_000


def count_tokens(tokenizer: Any, texts: Sequence[str]) -> np.ndarray:
    """Returns `(texts,)` numbers of tokens without the special ones, without truncation."""
    if not texts:
        return np.empty(0, np.int64)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        # The tokenizer itself sets both at each call.
        backend.no_truncation()
        backend.no_padding()
        found = backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return np.array(list(map(len, found)), np.int64)
    encoded = tokenizer(list(texts), add_special_tokens=False, truncation=False, verbose=False)
    return np.array([len(ids) for ids in encoded["input_ids"]], np.int64)


def count_in_parts(tokenizer: Any, texts: Sequence[str]) -> np.ndarray:
    """Returns the same as the sums over the parts of each text, however long it is."""
    parts = [parts_of(text) for text in texts]
    counts = count_tokens(tokenizer, [part for of_text in parts for part in of_text])
    starts = np.cumsum([0, *map(len, parts[:-1])])
    return np.add.reduceat(counts, starts) if parts else counts


def parts_of(text: str) -> list[str]:
    """Returns a text in parts of at most 100,000 letters, cut at spaces where there are any."""
    parts, start = [], 0
    while len(text) - start > PART:
        end = text.rfind(" ", start + 1, start + PART)
        end = end if end > 0 else start + PART
        parts.append(text[start:end])
        start = end
    return [*parts, text[start:]]


def splits_at_spaces(tokenizer: Any) -> bool:
    """Returns whether a tokenizer gives a text the tokens of its words, one after the other.

    Those of BERT do: they split at white space before they look for word pieces.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return False
    state = json.loads(backend.to_str())
    normalizer = state["normalizer"] or {"type": "BertNormalizer"}
    return (
        state["model"].get("type") == "WordPiece"
        and normalizer["type"] == "BertNormalizer"
        and (state["pre_tokenizer"] or {}).get("type") == "BertPreTokenizer"
        and not any(" " in token["content"] for token in state["added_tokens"])
    )


class WordCounter:
    """Counts the tokens of texts by those of their words, and remembers the latter.

    Args:
        tokenizer: A tokenizer of which `splits_at_spaces` is true.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._special = tokenizer.num_special_tokens_to_add()
        self._words = Remembered(lambda words: count_in_parts(tokenizer, words).tolist())

    def count(self, texts: SplitTexts) -> np.ndarray:
        """Returns `(texts,)` numbers of tokens with the special ones, without truncation."""
        of_words = np.array(self._words.of(texts.different), np.int32)
        return texts.sums(of_words) + np.int32(self._special)
