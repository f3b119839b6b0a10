"""How the tokens' vectors become one, by the names of sentence-transformers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Mask = NDArray[np.int64]


def pool(vectors: Vectors, mask: Mask, modes: tuple[str, ...]) -> Vectors:
    """Pool the vectors of the tokens of each text.

    Args:
        vectors: `(texts, tokens, width)`.
        mask: `(texts, tokens)`, 1 for a token that counts and 0 for the padding at the end, and for
            a prompt before the text where the pooling leaves it out.
        modes: Keys of `MODES`; several are put beside each other.

    Returns:
        `(texts, width * modes)`.
    """
    return np.concatenate([MODES[mode](vectors, mask) for mode in modes], axis=1, dtype=np.float32)


def _first(vectors: Vectors, mask: Mask) -> Vectors:
    return vectors[np.arange(len(vectors)), mask.argmax(axis=1)]


def _last(vectors: Vectors, mask: Mask) -> Vectors:
    from_the_end = mask[:, ::-1].argmax(axis=1)
    return vectors[np.arange(len(vectors)), mask.shape[1] - 1 - from_the_end]


def _largest(vectors: Vectors, mask: Mask) -> Vectors:
    largest: Vectors = np.where(mask[:, :, None] > 0, vectors, -np.inf).max(axis=1)
    return largest


def _mean(vectors: Vectors, mask: Mask) -> Vectors:
    return _weighted(vectors, mask.astype(np.float32))


def _mean_by_root(vectors: Vectors, mask: Mask) -> Vectors:
    return _mean(vectors, mask) * np.sqrt(mask.sum(axis=1, keepdims=True, dtype=np.float32))


def _mean_by_place(vectors: Vectors, mask: Mask) -> Vectors:
    places = np.arange(1, mask.shape[1] + 1, dtype=np.float32)
    return _weighted(vectors, mask.astype(np.float32) * places)


def _weighted(vectors: Vectors, weights: Vectors) -> Vectors:
    weights = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray((weights[:, None, :] @ vectors)[:, 0], dtype=np.float32)


# In the order in which versions before 6 put several beside each other.
MODES: dict[str, Callable[[Vectors, Mask], Vectors]] = {
    "cls": _first,
    "max": _largest,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _mean_by_place,
    "lasttoken": _last,
}
