"""Texts that a model cannot learn from: queries without content, passages that are not prose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

CONTENT_WORD_LETTERS = 3
MOST_DIGITS = 0.5
RUN_TOGETHER_WORDS = 0.1
UNREADABLE_GLYPHS = 3

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

_WORD = re.compile(r"[^\W\d_]+")
_DOT_LEADER = re.compile(r"(?:\.\s?){5,}|\u2026{2,}")
_RUN_TOGETHER = re.compile(r"[a-z]{2}[A-Z][a-z]|[a-z]{2}[.,;:][A-Z][a-z]|[^\W\d_]{24}")
_UNREADABLE = re.compile(r"\(cid:\d+\)|\ufffd")


def content_words(text: str) -> list[str]:
    """Returns the lower-case words of three letters or more that are no stop or template words."""
    return [
        word
        for word in _WORD.findall(text.lower())
        if len(word) >= CONTENT_WORD_LETTERS
        and word not in STOP_WORDS
        and word not in TEMPLATE_WORDS
    ]


def has_no_content_words(query: str) -> bool:
    """Returns whether a query has no content word."""
    return not content_words(query)


def is_contents_table(passage: str) -> bool:
    """Returns whether a passage holds dot leaders, as tables of contents and indexes do."""
    return _DOT_LEADER.search(passage) is not None


def is_mostly_digits(passage: str) -> bool:
    """Returns whether more than half of the letters and digits of a passage are digits."""
    signs = [sign for sign in passage if sign.isalnum()]
    return sum(sign.isdigit() for sign in signs) > MOST_DIGITS * len(signs)


def is_debris(passage: str) -> bool:
    """Returns whether text extraction broke a passage.

    That is, more than one word in ten is run together, or three glyphs are unreadable.
    """
    words = passage.split()
    run_together = sum(_RUN_TOGETHER.search(word) is not None for word in words)
    unreadable = len(_UNREADABLE.findall(passage))
    return run_together > RUN_TOGETHER_WORDS * len(words) or unreadable >= UNREADABLE_GLYPHS


FLAWS: Mapping[str, Callable[[str], bool]] = {
    "contents_table": is_contents_table,
    "mostly_digits": is_mostly_digits,
    "extraction_debris": is_debris,
}
