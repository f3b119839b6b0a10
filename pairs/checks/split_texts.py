"""Texts as pieces between spaces, each different one of many texts once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MOST_PIECES = 200_000
# Letters; a longer piece hardly comes again.
LONGEST = 64
T = TypeVar("T")


@dataclass(frozen=True)
class SplitTexts:
    """Texts that are split at spaces and line ends; a piece between two of them is empty.

    Other white space stays in a piece: some tokenizers remove it, and join what it separates.

    Attributes:
        texts: The texts.
        different: The different pieces.
        places: `(pieces,)` number of each piece among them, text by text.
        starts: `(texts + 1,)` where the pieces of each text begin; each has one at least.
    """

    texts: Sequence[str]
    different: list[str]
    places: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, texts: Sequence[str]) -> SplitTexts:
        """Splits texts."""
        lines = pc.replace_substring(pa.array(texts, pa.large_string()), "\n", " ")
        pieces = pc.split_pattern(lines, " ")
        encoded = pieces.flatten().dictionary_encode()
        return cls(
            texts,
            encoded.dictionary.to_pylist(),
            encoded.indices.to_numpy(),
            np.concatenate([[0], np.cumsum(pieces.value_lengths().to_numpy())]).astype(np.int64),
        )

    def sums(self, of_different: np.ndarray) -> np.ndarray:
        """Returns `(texts,)` the sums over the pieces of each text of a number for each piece."""
        values = of_different[self.places]
        return np.add.reduceat(values, self.starts[:-1]) if len(values) else values


class Remembered(Generic[T]):
    """What was found for pieces, so that one that comes again is not looked at again.

    Args:
        find: Returns what is wanted of each of some pieces, which is never None.
    """

    def __init__(self, find: Callable[[list[str]], Iterable[T]]) -> None:
        self._find = find
        self._known: dict[str, T] = {}

    def of(self, pieces: list[str]) -> list[T]:
        """Returns what is found for each of different pieces."""
        found: list[T | None] = list(map(self._known.get, pieces))
        if None in found:
            found = self._with_new(pieces, found)
        return cast(list[T], found)

    def _with_new(self, pieces: list[str], found: list[T | None]) -> list[T | None]:
        new = [number for number, value in enumerate(found) if value is None]
        if len(self._known) + len(new) > MOST_PIECES:
            self._known.clear()
        for number, value in zip(new, self._find([pieces[number] for number in new]), strict=True):
            found[number] = value
            if len(pieces[number]) <= LONGEST:
                self._known[pieces[number]] = value
        return found
