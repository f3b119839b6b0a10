"""Fault codes, part numbers and other numbers: what tells texts of the same words apart."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from itertools import chain

import numpy as np
import regex

from pairs.checks.split_texts import Remembered, SplitTexts
from pairs.words import without_unspaced

PART_NUMBER_DIGITS = 6
# Numbers with a unit are measures, which say nothing alone.
UNITS = frozenset(
    """
    a ah bar c cc cm db deg f fps ft g ga gal gpm h hp hz in k kg khz kpa kv kw kwh l lb lbs m ma
    mah mhz min ml mm mpa mph ms mv n nm no ohm ohms oz pa pcs pm psi pt qt rpm s sec st nd rd th v
    va vac vdc w x yd
    """.split()
)

# A word begins where its letters begin: without the look behind, each letter would be tried.
_NUMBER_WORD = regex.compile(
    r"(?<![\p{L}\p{M}])[\p{L}\p{M}]*\p{Nd}[\p{L}\p{M}\p{N}]*(?:[.,]\p{Nd}+)*|(?<![\p{L}\p{M}\p{N}])\p{Lu}(?![\p{L}\p{M}])"
)
_ASCII_NUMBER_WORD = re.compile(
    r"(?<![A-Za-z])[A-Za-z]*[0-9][A-Za-z0-9]*(?:[.,][0-9]+)*|(?<![A-Za-z0-9])[A-Z](?![A-Za-z])"
)
# Parts joined as in 7W-2327, 44-1000 or 12.345/6.
_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[-\u2010-\u2013./_][\p{L}\p{M}\p{N}]+)*")
# A capital and a number apart, as in "E 47"; A and I are words.
_APART = regex.compile(r"(?<![\p{L}\p{M}\p{N}'’])(?![AI]\s)\p{Lu}{1,2}\s\p{Nd}+")
_NAMED_NUMBER = regex.compile(r"\b(?:part|number|no|nr)\b\W{1,3}\p{Nd}{3,}", regex.IGNORECASE)
_MEASURE = regex.compile(
    r"(?<![\p{L}\p{N}])\p{Nd}+(?:[-.,/]\p{Nd}+)*(?:\s?°\s?\p{L}?|(?:"
    + "|".join(sorted(UNITS))
    + r"))(?![-/]?[\p{L}\p{N}])",
    regex.IGNORECASE,
)
_ONLY_NUMBERS = regex.compile(r"[\W_]*\p{Nd}[\p{Nd}\W_]*")


def is_code_query(query: str) -> bool:
    """Returns whether a query asks for a fault code, a model or part number, or a bare number.

    P0420, E-47, SPN 520, 320D and 44-1000 are codes; 24V is a measure, and "4-1" a place in a
    manual.
    """
    if _ONLY_NUMBERS.fullmatch(query) or _APART.search(query) or _NAMED_NUMBER.search(query):
        return True
    return any(map(_is_code, _TOKEN.findall(_MEASURE.sub(" ", query))))


class NumberWords:
    """The number words of texts that arrive batch by batch, as 64-bit keys."""

    def __init__(self) -> None:
        self._keys = array("Q")
        self._ends = array("Q", [0])
        self._labels = array("Q")
        self._label_of: dict[bytes, int] = {}
        self._words = Remembered(lambda pieces: map(number_words, pieces))

    def add(self, texts: SplitTexts) -> None:
        """Adds texts; their numbers follow those of the texts added before."""
        of_pieces = self._words.of(texts.different)
        pieces = np.flatnonzero(np.array(list(map(bool, of_pieces)), bool)[texts.places])
        ends = np.searchsorted(pieces, texts.starts[1:]).tolist()
        numbers = texts.places[pieces].tolist()
        start = 0
        for end in ends:
            keys = array("Q")
            if end > start:
                words = chain.from_iterable(of_pieces[number] for number in numbers[start:end])
                keys.extend(sorted(map(_key, numbered(words))))
                self._keys.extend(keys)
            self._ends.append(len(self._keys))
            self._labels.append(self._label_of.setdefault(keys.tobytes(), len(self._label_of)))
            start = end

    def labels(self) -> np.ndarray:
        """Returns `(texts,)` integers below 2**32, equal where the number words are equal."""
        return np.frombuffer(self._labels, np.uint64) if self._labels else np.empty(0, np.uint64)

    def by_inclusion(self, one: int, other: int) -> tuple[int, int] | None:
        """Orders two texts of which one has all number words of the other; else returns None."""
        first, second = self._of(one), self._of(other)
        if first <= second:
            return one, other
        return (other, one) if second <= first else None

    def _of(self, text: int) -> frozenset[int]:
        return frozenset(self._keys[self._ends[text] : self._ends[text + 1]])


def number_words(text: str) -> list[str]:
    """Returns what names one thing among many: words with a digit, and single capitals."""
    pattern = _ASCII_NUMBER_WORD if text.isascii() else _NUMBER_WORD
    # Plain words, which are most of a text, are passed over.
    parts = without_unspaced(text).split()
    found = " ".join(part for part in parts if not (part.isalpha() and part.islower()))
    return list(map(str.lower, pattern.findall(found)))


def numbered(words: Iterable[str]) -> list[str]:
    """Numbers a word that stands twice, so that "2 of 2" and "1 of 2" differ."""
    seen: Counter[str] = Counter()
    found = []
    for word in words:
        seen[word] += 1
        found.append(f"{word}#{seen[word]}")
    return found


@lru_cache(100_000)
def _key(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")


def _is_code(token: str) -> bool:
    digits = sum(sign.isdigit() for sign in token)
    letters = sum(sign.isalpha() for sign in token)
    return digits > 0 and (letters > 0 or digits >= PART_NUMBER_DIGITS)
