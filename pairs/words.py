"""Words of a text in any script, by Unicode categories: marks belong to their letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import regex

# Scripts that put no space between words, and the long-vowel mark of Katakana.
UNSPACED = (
    r"\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Thai}"
    r"\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}\p{Script=Yi}\u30fc"
)
_ASCII_RUN = re.compile(r"\w+", re.ASCII)
# Joiners, soft hyphens and other invisible characters stand within a word.
_RUN = regex.compile(r"[\p{L}\p{N}_][\p{L}\p{M}\p{N}\p{Cf}_]*")
_UNSPACED = regex.compile(rf"[{UNSPACED}]")
_IN_RUN = regex.compile(rf"[{UNSPACED}][\p{{M}}\p{{Cf}}]*|[^{UNSPACED}]+")
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Default_Ignorable_Code_Point}]+")
# What most texts begin with.
_BEGINS_VISIBLY = re.compile(r"\s*[!-~]")
_VISIBLE = regex.compile(r"[^\s\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]")


def words_of(text: str) -> list[str]:
    """Returns the words of a text: runs of letters, marks and digits.

    In scripts that put no space between words, such as Chinese, Japanese and Thai, each letter is
    a word of its own.
    """
    if text.isascii():
        return _ASCII_RUN.findall(text)
    return [word for run in runs_of(text) for word in run]


def runs_of(text: str) -> Iterator[list[str]]:
    """Yields the words of each run of letters, marks and digits; of spaced scripts it is one."""
    if text.isascii():
        yield from ([run] for run in _ASCII_RUN.findall(text))
    else:
        for run in _RUN.findall(text):
            yield _IN_RUN.findall(run) if is_unspaced(run) else [run]


def is_unspaced(text: str) -> bool:
    """Returns whether a text has a letter of a script that puts no space between words."""
    return not text.isascii() and _UNSPACED.search(text) is not None


def without_unspaced(text: str) -> str:
    """Returns a text with a space for each letter of scripts without spaces."""
    return text if text.isascii() else _UNSPACED.sub(" ", text)


def is_blank(text: str) -> bool:
    """Returns whether a text has no visible character: only white space and zero-width ones."""
    return _BEGINS_VISIBLY.match(text) is None and _VISIBLE.search(text) is None


def comparable(text: str) -> str:
    """Returns the form in which texts are compared: NFC, without invisible characters.

    Two texts of equal form look the same, and most tokenizers give them the same tokens. The form
    is for comparing alone; the text itself is kept as it is given.
    """
    if text.isascii():
        return text.strip()
    return _INVISIBLE.sub("", unicodedata.normalize("NFC", text)).strip()


def folded(text: str) -> str:
    """Returns the comparable form without case and with single spaces: for titles and queries."""
    return " ".join(comparable(text).casefold().split())
