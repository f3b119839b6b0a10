"""Blocks of lines: paragraphs, lists and captions of formats that know lines alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import regex

from manuals.documents.blocks import Block, Caption, Heading, Items, Table, Text
from manuals.documents.sentences import join_lines
from manuals.vocabulary import split_caption

LONGEST_CAPTION = 200
_BULLET = regex.compile(r"(?:[•▪■●◦‣∙·○□►➢▶✓\uf0b7\uf0a7\uf0d8]|[*–—-](?=\s))\s*(?=\S)")
_STEP = regex.compile(r"(?:(?i:step|schritt)\s+)?(\p{Nd}{1,3})[.):]\s+(?=\S)")
_SENTENCE_END = (".", "!", "?", ":", ";")


@dataclass(frozen=True)
class Line:
    """A line of a document.

    Attributes:
        text: Its text.
        page: 1-based page; None where the format has none.
        starts: Whether a gap or another indent sets it apart from the line before.
        level: Level of the heading that it is; None for no heading.
    """

    text: str
    page: int | None = None
    starts: bool = False
    level: int | None = None


@dataclass
class _Open:
    """What is being read: a paragraph, or an item of a list."""

    lines: list[str] = field(default_factory=list)
    page: int | None = None
    mark: str | int | None = None


def blocks_of_lines(elements: Iterable[Line | Table]) -> Iterator[Block]:
    """Joins lines to headings, paragraphs, lists and captions; tables are passed on.

    A number continues a list only where it is the next one. A paragraph goes on over the end of a
    page if it ends in the middle of a sentence.
    """
    yield from _join_items(_paragraphs(elements))


def _paragraphs(elements: Iterable[Line | Table]) -> Iterator[Block | _Open]:
    current: _Open | None = None
    number = 0
    for element in elements:
        if isinstance(element, Table) or element.level is not None:
            if current:
                yield current
            current, number = None, 0
            yield element if isinstance(element, Table) else _heading(element)
            continue
        mark, text = _mark_of(element.text, number, current, element.starts)
        if mark is None and current and not _begins(element, current):
            current.lines.append(text)
            continue
        if current:
            yield current
        number = mark if isinstance(mark, int) else number
        current = _Open([text], element.page, mark)
    if current:
        yield current


def _heading(line: Line) -> Heading:
    return Heading(line.text, line.level or 1, line.page)


def _mark_of(
    text: str, number: int, current: _Open | None, starts: bool
) -> tuple[str | int | None, str]:
    """Returns the mark of a line that begins an item, and the line without it."""
    if match := _BULLET.match(text):
        return "-", text[match.end() :]
    match = _STEP.match(text)
    if match and (int(match.group(1)) == number + 1 or int(match.group(1)) == 1):
        ended = current is None or current.lines[-1].endswith(_SENTENCE_END)
        if starts or ended or number:
            return int(match.group(1)), text[match.end() :]
    return None, text


def _begins(line: Line, current: _Open) -> bool:
    """Whether a line without a mark begins a paragraph."""
    if line.page != current.page and line.text[:1].islower():
        return current.lines[-1].endswith((".", "!", "?"))
    return line.starts or (split_caption(line.text) is not None and len(current.lines) > 1)


def _join_items(blocks: Iterable[Block | _Open]) -> Iterator[Block]:
    """Joins the items of a list, which arrive one by one."""
    items: list[_Open] = []
    for block in blocks:
        if isinstance(block, _Open) and block.mark is not None:
            if items and not _follows(block, items[-1]):
                yield _items(items)
                items = []
            items.append(block)
            continue
        if items:
            yield _items(items)
            items = []
        yield _paragraph(block) if isinstance(block, _Open) else block
    if items:
        yield _items(items)


def _follows(item: _Open, last: _Open) -> bool:
    if isinstance(item.mark, int) and isinstance(last.mark, int):
        return item.mark == last.mark + 1
    return item.mark == last.mark


def _items(items: list[_Open]) -> Items:
    first = items[0].mark
    texts = tuple(join_lines(item.lines) for item in items)
    if isinstance(first, int):
        return Items(texts, numbered=True, start=first, page=items[0].page)
    return Items(texts, page=items[0].page)


def _paragraph(block: _Open) -> Block:
    text = join_lines(block.lines)
    if len(text) <= LONGEST_CAPTION and split_caption(text):
        return Caption(text, block.page)
    return Text(text, block.page)
