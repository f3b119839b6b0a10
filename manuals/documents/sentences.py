"""Sentences and lines of a paragraph."""

from __future__ import annotations

import regex

# What ends with a point and ends no sentence, in English and German manuals.
ABBREVIATIONS = (
    r"e\.g|i\.e|vs|approx|incl|max|min|figs?|nos?|sec|ch|vol|ref|resp|dept|temp|z\. ?B|d\. ?h"
    r"|u\. ?a|ca|bzw|bspw|inkl|ggf|evtl|vgl|abb|nr|kap|tab|bild|pos|s|mind"
)
# After a number, "s", "min" and other letters are units.
_END = regex.compile(
    rf"(?<!(?<!\p{{Nd}}\s)\b(?i:{ABBREVIATIONS}|\p{{L}}))(?<!^\W*\p{{Nd}}+)[.!?][\")\]”»]*\s+"
    r"(?=[\p{Lu}\p{Nd}\"(„“«])|(?<=[。！？])"
)
_HYPHEN = regex.compile(r"(?<=\p{Ll})[-\u00ad\u2010]$")
_SOFT_HYPHEN = "\u00ad"


def split_sentences(text: str) -> list[str]:
    """Splits a paragraph into its sentences.

    An abbreviation such as "e.g.", a single letter or a number at the beginning ends no sentence.
    """
    sentences, start = [], 0
    for match in _END.finditer(text):
        sentences.append(text[start : match.end()].strip())
        start = match.end()
    return [sentence for sentence in [*sentences, text[start:].strip()] if sentence]


def join_lines(lines: list[str]) -> str:
    """Joins the lines of a paragraph; a word that is hyphenated over two of them is made whole."""
    text = ""
    for line in (" ".join(line.split()) for line in lines):
        if _HYPHEN.search(text) and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}".strip()
    return text.replace(_SOFT_HYPHEN, "")
