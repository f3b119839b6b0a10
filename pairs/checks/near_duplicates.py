"""Near-duplicate texts by MinHash (Broder, 1997), with the signatures on disk."""

from __future__ import annotations

import math
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from rensa import RMinHash
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pairs.checks.codes import NumberWords
from pairs.checks.split_texts import Remembered, SplitTexts
from pairs.words import comparable, words_of

SIMILARITY = 0.7
WORDS_A_SHINGLE = 3
SIGNATURE = 128
# 32 bands of 4: two texts of Jaccard similarity s share a band with probability 1 - (1 - s**4)**32,
# 0.9998 at s = 0.7 (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4).
BANDS = 32
SEED = 42
TEXTS_AT_A_TIME = 1000
BINS_A_TEXT = 8
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Shingles:
    """The runs of three words of texts, in lower case, as 64-bit hashes.

    A text of fewer words is one shingle. A letter of a script without spaces is a word.
    """

    def __init__(self) -> None:
        self._words = Remembered(_hash_words)

    def of(self, texts: SplitTexts) -> tuple[np.ndarray, np.ndarray]:
        """Returns `(shingles,)` hashes, text by text, and `(texts + 1,)` where each text begins."""
        of_pieces = self._words.of(texts.different)
        counts = np.fromiter(map(len, of_pieces), np.int64, len(of_pieces))
        hashes = np.fromiter(chain.from_iterable(of_pieces), np.uint64, counts.sum())
        words = hashes[_ranges(_starts(counts)[texts.places], counts[texts.places])]
        lengths = texts.sums(counts)
        wordless = np.flatnonzero(lengths == 0)
        (instead,) = RMinHash.hash_token_sets([[texts.texts[text] for text in wordless.tolist()]])
        words = np.insert(words, _starts(lengths)[wordless], np.array(instead, np.uint64))
        return _runs(words, np.maximum(lengths, 1))


def _signatures(hashes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Returns `(texts, 128)` signatures of texts, whose hashes begin at `(texts + 1,)` starts."""
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        hashes[int(starts[0]) : int(starts[-1])], starts - starts[0], SIGNATURE, SEED
    )
    values = array("I")  # twice as fast as a NumPy array of lists
    for row in matrix.to_rows():
        values.fromlist(row)
    return np.frombuffer(values, np.uint32).reshape(-1, SIGNATURE)


def _hash_words(pieces: list[str]) -> list[list[int]]:
    """Returns the hashes of the words of each piece of a text."""
    words = [words_of(comparable(piece).lower()) for piece in pieces]
    return RMinHash.hash_token_sets(words)


def _runs(words: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the hashes of runs of three words, and where those of each text begin.

    Args:
        words: `(words,)` hashes, text by text.
        lengths: `(texts,)` number of words of each text, one or more.
    """
    counts = np.maximum(lengths - (WORDS_A_SHINGLE - 1), 1)
    first = _ranges(_starts(lengths), counts)
    last = np.repeat(np.cumsum(lengths) - 1, counts)
    runs = np.zeros(len(first), np.uint64)
    for place in range(WORDS_A_SHINGLE):
        within = first + place <= last
        runs = _mix(runs ^ np.where(within, words[np.where(within, first + place, last)], 0))
    return runs, np.append(0, np.cumsum(counts)).astype(np.uint64)


def _starts(lengths: np.ndarray) -> np.ndarray:
    return np.cumsum(lengths) - lengths


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns `start, start + 1, ...` of each length, one after the other."""
    within = np.arange(lengths.sum()) - np.repeat(_starts(lengths), lengths)
    return np.repeat(starts, lengths) + within


def _mix(hashes: np.ndarray) -> np.ndarray:
    """Returns the finalizer of SplitMix64 (Steele, Lea, Flood, 2014) of each hash."""
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))


@dataclass(frozen=True)
class Band:
    """The texts of which a key of one band may be that of another text.

    Attributes:
        texts: `(texts,)` their numbers, ascending.
        keys: `(texts,)` their keys.
    """

    texts: np.ndarray
    keys: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray) -> Band:
        """Leaves out most texts with a key of their own, without sorting the keys."""
        bins = keys & np.uint32(2 ** min(math.ceil(math.log2(BINS_A_TEXT * len(keys))), 31) - 1)
        texts = np.flatnonzero(np.bincount(bins)[bins] > 1)
        return cls(texts, keys[texts])

    def candidates(self, labels: np.ndarray | None = None) -> np.ndarray:
        """Returns `(pairs, 2)` texts with one key, and one of the labels below 2**32 if given."""
        if labels is None:
            return self.texts[_candidates(self.keys)]
        keys = self.keys.astype(np.uint64) << np.uint64(32)
        return self.texts[_candidates(keys | labels[self.texts])]


class NearDuplicates:
    """Finds near-duplicates among texts that arrive batch by batch.

    Each text keeps 128 bytes of band keys in memory and a signature of 512 bytes in a temporary
    file.
    """

    def __init__(self) -> None:
        self._signatures = tempfile.TemporaryFile()  # noqa: SIM115
        self._keys: list[np.ndarray] = []
        self._shingles = Shingles()
        self._numbers = NumberWords()

    def add(self, texts: SplitTexts) -> None:
        """Adds texts; their numbers follow those of the texts added before."""
        hashes, starts = self._shingles.of(texts)
        for start in range(0, len(starts) - 1, TEXTS_AT_A_TIME):
            signatures = _signatures(hashes, starts[start : start + TEXTS_AT_A_TIME + 1])
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
        bands = [Band.of(keys[:, band]) for band in range(BANDS)]
        groups = _group_equal_numbers(bands, signatures, numbers)
        return self._join_more_numbers(bands, signatures, groups, numbers)

    def _join_more_numbers(
        self,
        bands: Sequence[Band],
        signatures: np.ndarray,
        groups: np.ndarray,
        numbers: np.ndarray,
    ) -> np.ndarray:
        """Joins groups one of which names all numbers of the other and further ones.

        Each group is joined with one that names more and one that names fewer at most, so that a
        text without numbers does not make one group of all texts that differ in a number.
        """
        edges = np.empty((0, 2), np.int64)
        more, fewer = set[int](), set[int]()
        for band in bands:
            pairs = band.candidates()
            pairs = pairs[numbers[pairs[:, 0]] != numbers[pairs[:, 1]]]
            similar = pairs[_similar(signatures, pairs)]
            for one, other in np.unique(groups[similar], axis=0).tolist():
                small, large = self._numbers.by_inclusion(one, other) or (one, one)
                if small != large and small not in more and large not in fewer:
                    more.add(small)
                    fewer.add(large)
                    edges = np.concatenate([edges, [[small, large]]])
        return _components(edges, len(groups))[groups] if len(edges) else groups

    def close(self) -> None:
        """Deletes the temporary file."""
        self._signatures.close()


def group_near_duplicates(texts: list[str]) -> np.ndarray:
    """Returns `(texts,)` the groups of texts that are all there, as `NearDuplicates.groups`."""
    near = NearDuplicates()
    try:
        for start in range(0, len(texts), TEXTS_AT_A_TIME):
            near.add(SplitTexts.of(texts[start : start + TEXTS_AT_A_TIME]))
        return near.groups()
    finally:
        near.close()


def _group_equal_numbers(
    bands: Sequence[Band], signatures: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    """Returns the groups of near-duplicates that name the same numbers."""
    groups = np.arange(len(numbers))
    edges = np.empty((0, 2), np.int64)
    for band in bands:
        pairs = band.candidates(numbers)
        pairs = pairs[groups[pairs[:, 0]] != groups[pairs[:, 1]]]
        similar = _similar(signatures, pairs)
        if similar.any():
            edges = np.concatenate([edges, pairs[similar]])
            groups = _components(edges, len(groups))
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
