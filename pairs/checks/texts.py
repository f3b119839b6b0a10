"""Texts that a model cannot learn from: queries without content, passages that are not prose."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex

from pairs.checks.codes import is_code_query
from pairs.checks.split_texts import Remembered, SplitTexts
from pairs.languages import ENGLISH, tell_language
from pairs.words import UNSPACED, is_unspaced, words_of

CONTENT_WORD_LETTERS = 3
MOST_DIGITS = 0.5
RUN_TOGETHER_WORDS = 0.1
UNREADABLE_GLYPHS = 3
LONG_WORD_LETTERS = 24
POINTS_OF_A_LEADER = 5

STOP_WORDS = frozenset(
    """
    about above after again against all also and any are aren because been before being below
    between both but can cannot could did didn does doesn doing don down during each either else
    ever every few for from further get gets getting had has have having her here hers him his how
    into isn its itself just let like may might more most much must neither nor not now off once
    one only onto other our ours out over own per please same shall she should since some such than
    that the their them then there these they this those through too two under until upon via was
    were what when where whether which while who whom whose why will with within without would you
    your yours
    """.split()
)
# Words of the templates that queries are generated from, and of the structure of a manual.
TEMPLATE_WORDS = frozenset(
    """
    answer article cause caused causes causing chapter data describe described details diagnose
    document example explain fig figure find following give guide happen happens help info
    information instruction instructions item items known list manual mean means name need needed
    note notes number page pages para paragraph part perform procedure procedures purpose question
    reason reasons section see show step steps table tell text thing things topic troubleshoot
    understand use used using way work works
    """.split()
)

_ASCII_WORD = re.compile("[a-z]+")
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}\p{Cf}]*")
# Two ellipses or six points amid a text without spaces are its ordinary ellipsis.
_ELLIPSIS = regex.compile(
    rf"(?<=[{UNSPACED}]\p{{M}}*)(?:\u2026{{2}}|\.{{6}})(?![.\u2026]|\s*[\d-]+\s*(?:$|\n))"
)
_DOT_LEADER = regex.compile(rf"(?:\.\s?){{{POINTS_OF_A_LEADER},}}|\u2026{{2,}}")
# It begins with the capital, of which there are few.
_CAPITAL_WITHIN = re.compile(r"[A-Z](?:(?<=[a-z]{2}[A-Z])|(?<=[a-z]{2}[.,;:][A-Z]))[a-z]")
_LONG_WORD = regex.compile(rf"\p{{L}}{{{LONG_WORD_LETTERS}}}")
_UNREADABLE = re.compile(r"\(cid:\d+\)|\ufffd")
# A code begins where its letters begin: without the look behind, each letter of a word would be
# tried.
_CODE = regex.compile(r"(?<!\p{L})\p{L}+-?\p{N}[\p{L}\p{N}]*(?:[-.]\p{N}+)*|\p{N}+\p{L}+-\p{N}+")
_ASCII_CODE = re.compile(
    r"(?<![A-Za-z])[A-Za-z]+-?[0-9][A-Za-z0-9]*(?:[-.][0-9]+)*|[0-9]+[A-Za-z]+-[0-9]+"
)
_DIGITS = string.digits.encode()
_WORD_SIGNS = f"{string.ascii_letters}{string.digits}_".encode()


def content_words(text: str) -> list[str]:
    """Returns the words in lower case that are no stop or template words.

    A word of ASCII letters needs three of them. Words of other letters need one: they carry
    content in fewer, such as the German "Öl" or any Chinese letter.
    """
    pattern = _ASCII_WORD if text.isascii() else _WORD
    return [
        word
        for word in pattern.findall(text.lower())
        if not (word.isascii() and len(word) < CONTENT_WORD_LETTERS)
        and word not in STOP_WORDS
        and word not in TEMPLATE_WORDS
    ]


def has_no_content_words(query: str) -> bool:
    """Returns whether a query has neither a content word nor a fault code or part number."""
    return not content_words(query) and not is_code_query(query)


class EmptyQueries:
    """Finds the queries without content among many; words that come again are remembered."""

    def __init__(self) -> None:
        self._content = Remembered(lambda pieces: [bool(content_words(piece)) for piece in pieces])

    def of(self, queries: SplitTexts) -> np.ndarray:
        """Returns `(queries,)` booleans, as `has_no_content_words`."""
        content = np.array(self._content.of(queries.different), np.int64)
        empty = np.asarray(queries.sums(content) == 0)
        for number in np.flatnonzero(empty).tolist():
            empty[number] = has_no_content_words(queries.texts[number])
        return empty


def is_contents_table(passage: str) -> bool:
    """Returns whether a passage holds dot leaders, as tables of contents and indexes do."""
    if passage.count(".") < POINTS_OF_A_LEADER and "\u2026" not in passage:
        return False
    if is_unspaced(passage):
        passage = _ELLIPSIS.sub("", passage)
    return _DOT_LEADER.search(passage) is not None


def is_mostly_digits(passage: str) -> bool:
    """Returns whether more than half of the letters and digits of a passage are digits.

    Digits of codes such as P0420 do not count. A letter of a script without spaces counts twice,
    for it stands for more of a word.
    """
    if passage.isascii():
        return _is_mostly_digits(passage)
    without_codes = _CODE.sub("code", passage)
    digits = sum(sign.isdigit() for sign in without_codes)
    if not digits:
        return False
    signs = sum(len(word) * (1 + is_unspaced(word)) for word in words_of(without_codes))
    return digits > MOST_DIGITS * signs


def _is_mostly_digits(passage: str) -> bool:
    """Returns the same for a passage of ASCII letters."""
    if not _count(passage.encode(), _DIGITS):
        return False
    without_codes = _ASCII_CODE.sub("code", passage).encode()
    return _count(without_codes, _DIGITS) > MOST_DIGITS * _count(without_codes, _WORD_SIGNS)


def _count(text: bytes, signs: bytes) -> int:
    return len(text) - len(text.translate(None, signs))


def is_debris(passage: str) -> bool:
    """Returns whether text extraction broke a passage.

    That is, more than one word in ten is run together, or three glyphs are unreadable. A word of
    24 letters or more counts as run together in an English passage alone: other languages write
    compounds as one word.
    """
    if len(_UNREADABLE.findall(passage)) >= UNREADABLE_GLYPHS:
        return True
    words = passage.split()
    longest = max(map(len, words), default=0)
    if longest < LONG_WORD_LETTERS and not _CAPITAL_WITHIN.search(passage):
        return False
    if is_unspaced(passage):
        words = [part for word in words for part in words_of(word)]
    run_together = sum(_CAPITAL_WITHIN.search(word) is not None for word in words)
    long = [word for word in words if _LONG_WORD.search(word) and not _CAPITAL_WITHIN.search(word)]
    if long and tell_language([passage]) == ENGLISH:
        run_together += len(long)
    return run_together > RUN_TOGETHER_WORDS * len(words)


FLAWS: Mapping[str, Callable[[str], bool]] = {
    "contents_table": is_contents_table,
    "mostly_digits": is_mostly_digits,
    "extraction_debris": is_debris,
}
# What a text with the flaw holds at least, as a regular expression of RE2.
_SIGNS = {
    "contents_table": rf"(?s)(?:\..?){{{POINTS_OF_A_LEADER}}}|\x{{2026}}{{2}}",
    "mostly_digits": r"[0-9]|[^\x00-\x7f]",
    "extraction_debris": (
        rf"\(cid:|\x{{fffd}}|[a-z]{{2}}[.,;:]?[A-Z][a-z]|\S{{{LONG_WORD_LETTERS}}}"
    ),
}


def find_flaws(passages: Sequence[str]) -> dict[str, np.ndarray]:
    """Returns for each key of `FLAWS` `(passages,)` booleans: whether a passage has the flaw."""
    texts = pa.array(passages, pa.string())
    found = {}
    for name, has_flaw in FLAWS.items():
        flawed = pc.match_substring_regex(texts, _SIGNS[name]).to_numpy(zero_copy_only=False)
        for number in np.flatnonzero(flawed).tolist():
            flawed[number] = has_flaw(passages[number])
        found[name] = flawed
    return found
