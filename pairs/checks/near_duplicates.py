"""Near-duplicate texts by MinHash (Broder, 1997), with the signatures on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable

import numpy as np
from rensa import RMinHash
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pairs.checks.codes import NumberWords
from pairs.words import comparable, words_of

SIMILARITY = 0.7
WORDS_A_SHINGLE = 3
SIGNATURE = 128
# 32 bands of 4: two texts of Jaccard similarity s share a band with probability 1 - (1 - s**4)**32,
# 0.9998 at s = 0.7 (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4).
BANDS = 32
SEED = 42
TEXTS_AT_A_TIME = 1000
_ODD = np.uint64(0x9E3779B97F4A7C15)


def shingles(text: str) -> list[str]:
    """Returns all runs of three words, in lower case; a text of fewer words is one shingle.

    A letter of a script without spaces is a word.
    """
    words = words_of(comparable(text).lower())
    if len(words) < WORDS_A_SHINGLE:
        return [" ".join(words) or text]
    return list(map(" ".join, zip(*(words[start:] for start in range(WORDS_A_SHINGLE)))))  # noqa: B905


class NearDuplicates:
    """Finds near-duplicates among texts that arrive batch by batch.

    Each text keeps 128 bytes of band keys in memory and a signature of 512 bytes in a temporary
    file.
    """

    def __init__(self) -> None:
        self._signatures = tempfile.TemporaryFile()  # noqa: SIM115
        self._keys: list[np.ndarray] = []
        self._numbers = NumberWords()

    def add(self, texts: list[str]) -> None:
        """Adds texts; their numbers follow those of the texts added before."""
        matrix = RMinHash.digest_matrix_from_token_sets(
            [shingles(text) for text in texts], num_perm=SIGNATURE, seed=SEED
        )
        signatures = np.asarray(matrix.to_rows(), dtype=np.uint32).reshape(len(texts), SIGNATURE)
        self._signatures.write(signatures.tobytes())
        self._keys.append(_band_keys(signatures))
        self._numbers.add(texts)

    def groups(self) -> np.ndarray:
        """Groups texts that are joined by a chain of near-duplicates.

        Two texts are near-duplicates where the estimated Jaccard similarity of their shingles is
        0.7 or more and neither names a number or code that the other replaces by another: passages
        on two part numbers are different answers. Of each set of texts with one band key,
        neighbours are compared with each other and all with the first, so that the work grows with
        the texts and not with their pairs.

        Returns:
            `(texts,)` integers: the number of the first text of the group that each belongs to.
        """
        keys = np.concatenate(self._keys) if self._keys else np.empty((0, BANDS), np.uint32)
        if not len(keys):
            return np.arange(0)
        self._signatures.flush()
        signatures = np.memmap(self._signatures, np.uint32, "r", shape=(len(keys), SIGNATURE))
        numbers = self._numbers.labels()
        groups = _group_equal_numbers(keys, signatures, numbers)
        return self._join_more_numbers(keys, signatures, groups, numbers)

    def _join_more_numbers(
        self, keys: np.ndarray, signatures: np.ndarray, groups: np.ndarray, numbers: np.ndarray
    ) -> np.ndarray:
        """Joins groups one of which names all numbers of the other and further ones.

        Each group is joined with one that names more and one that names fewer at most, so that a
        text without numbers does not make one group of all texts that differ in a number.
        """
        edges = np.empty((0, 2), np.int64)
        more, fewer = set[int](), set[int]()
        for band in range(BANDS):
            pairs = _candidates(keys[:, band])
            pairs = pairs[numbers[pairs[:, 0]] != numbers[pairs[:, 1]]]
            similar = pairs[_similar(signatures, pairs)]
            for one, other in np.unique(groups[similar], axis=0).tolist():
                small, large = self._numbers.by_inclusion(one, other) or (one, one)
                if small != large and small not in more and large not in fewer:
                    more.add(small)
                    fewer.add(large)
                    edges = np.concatenate([edges, [[small, large]]])
        return _components(edges, len(keys))[groups] if len(edges) else groups

    def close(self) -> None:
        """Deletes the temporary file."""
        self._signatures.close()


def group_near_duplicates(texts: list[str]) -> np.ndarray:
    """Returns `(texts,)` the groups of texts that are all there, as `NearDuplicates.groups`."""
    near = NearDuplicates()
    try:
        for start in range(0, len(texts), TEXTS_AT_A_TIME):
            near.add(texts[start : start + TEXTS_AT_A_TIME])
        return near.groups()
    finally:
        near.close()


def _group_equal_numbers(
    keys: np.ndarray, signatures: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    """Returns the groups of near-duplicates that name the same numbers."""
    groups = np.arange(len(keys))
    edges = np.empty((0, 2), np.int64)
    for band in range(BANDS):
        pairs = _candidates(keys[:, band].astype(np.uint64) << np.uint64(32) | numbers)
        pairs = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]
        similar = _similar(signatures, pairs)
        if similar.any():
            edges = np.concatenate([edges, pairs[similar]])
            groups = _components(edges, len(keys))
    return groups


def _band_keys(signatures: np.ndarray) -> np.ndarray:
    """Returns `(texts, bands)` 32-bit keys, equal where the four values of a band are equal."""
    bands = signatures.reshape(len(signatures), BANDS, SIGNATURE // BANDS)
    keys = np.zeros(bands.shape[:2], np.uint64)
    for column in range(bands.shape[2]):
        keys = (keys ^ bands[:, :, column]) * _ODD
    return (keys >> np.uint64(32)).astype(np.uint32)


def _candidates(keys: np.ndarray) -> np.ndarray:
    """Returns `(pairs, 2)` numbers of texts with one key: neighbours, and each with the first."""
    order = np.argsort(keys, kind="stable")
    alike = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    starts = np.ones(len(keys), bool)
    starts[alike + 1] = False
    first = order[np.maximum.accumulate(np.where(starts, np.arange(len(keys)), 0))]
    second = order[alike + 1]
    return np.concatenate(
        [np.stack([order[alike], second], axis=1), np.stack([first[alike + 1], second], axis=1)]
    )


def _similar(signatures: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Returns `(pairs,)` whether the share of equal values (the Jaccard estimate) is >= 0.7."""
    similar = [
        (signatures[block[:, 0]] == signatures[block[:, 1]]).mean(axis=1) >= SIMILARITY
        for block in _blocks(pairs, 10_000)
    ]
    return np.concatenate(similar) if similar else np.empty(0, bool)


def _blocks(pairs: np.ndarray, size: int) -> Iterable[np.ndarray]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def _components(edges: np.ndarray, texts: int) -> np.ndarray:
    graph = coo_matrix((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), (texts, texts))
    labels = connected_components(graph, directed=False)[1]
    return np.unique(labels, return_index=True)[1][labels]
