"""Reads plain text: paragraphs between empty lines, numbered and underlined headings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import regex

from manuals.documents.blocks import Content
from manuals.documents.lines import Line, blocks_of_lines
from manuals.documents.marked_up import decode
from manuals.vocabulary import split_number
from pairs.checks.texts import is_contents_table

LONGEST_HEADING = 80
_UNDERLINE = regex.compile(r"\s*([=\-~^#*_])\1{2,}\s*")


def read_plain_text(path: Path) -> Content:
    """Returns the blocks of a text file.

    A heading is a short line between empty lines that begins with a number such as 4.2, or a line
    with a line of signs below it.
    """
    lines = decode(path.read_bytes()).replace("\f", "\n\n").splitlines()
    return Content(tuple(blocks_of_lines(_lines(lines))))


def _lines(lines: list[str]) -> Iterator[Line]:
    starts = True
    for n, text in enumerate(lines):
        following = lines[n + 1] if n + 1 < len(lines) else ""
        if not text.strip() or _UNDERLINE.fullmatch(text):
            starts = True
            continue
        if not is_contents_table(text):
            level = _level(text.strip(), following) if starts else None
            yield Line(text.strip(), starts=starts, level=level)
            starts = level is not None


def _level(text: str, following: str) -> int | None:
    number, title = split_number(text)
    if len(text) > LONGEST_HEADING or text.endswith((".", ",", ";", ":")):
        return None
    if underline := _UNDERLINE.fullmatch(following):
        return number.count(".") + 1 if number else 1 + (underline.group(1) != "=")
    # "1. Open the valve" is a step as often as a heading.
    is_step = "." not in number and text.startswith((f"{number}.", f"{number})"))
    if not number or is_step or following.strip() or not title[:1].isupper():
        return None
    return number.count(".") + 1
