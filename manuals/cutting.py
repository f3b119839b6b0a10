"""Cuts documents into passages: by their headings, and by length in tokens of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from manuals.documents.blocks import Body, Document, Heading, Items, Table, Text, text_of
from manuals.passages import Passage
from manuals.vocabulary import is_contents

CountTokens = Callable[[list[str]], Iterable[int]]


@dataclass(frozen=True)
class Piece:
    """A passage with the blocks that it consists of.

    Attributes:
        passage: The passage.
        blocks: Its blocks; one that is longer than a passage is cut between its parts.
    """

    passage: Passage
    blocks: tuple[Body, ...]


@dataclass(frozen=True)
class Section:
    """What stands under a heading up to the next one.

    Attributes:
        heading: The headings above it, from the outermost to its own.
        blocks: Its blocks.
    """

    heading: tuple[str, ...]
    blocks: tuple[Body, ...]


def cut_document(document: Document, count_tokens: CountTokens, limit: int) -> list[Piece]:
    """Cuts a document into passages.

    A passage never goes over a heading. A table, a list or a paragraph is cut, between its rows,
    items or sentences, only where it is longer than a passage; what introduces it stays with it.

    Args:
        document: The document.
        count_tokens: Counts the tokens of texts.
        limit: Most tokens of a passage.
    """
    return [
        _piece(document, section, blocks)
        for section in sections_of(document)
        for blocks in _cut(section.blocks, count_tokens, limit)
    ]


def sections_of(document: Document) -> Iterator[Section]:
    """Yields the sections that hold text; tables of contents and indexes are left out."""
    above: list[Heading] = []
    blocks: list[Body] = []
    for block in document.blocks:
        if not isinstance(block, Heading):
            blocks.append(block)
            continue
        yield from _section(above, blocks)
        blocks = []
        above = [heading for heading in above if heading.level < block.level] + [block]
    yield from _section(above, blocks)


def _section(above: list[Heading], blocks: list[Body]) -> Iterator[Section]:
    heading = tuple(heading.text for heading in above)
    if blocks and not any(map(is_contents, heading)):
        yield Section(heading, tuple(blocks))


def _piece(document: Document, section: Section, blocks: tuple[Body, ...]) -> Piece:
    text = "\n".join(filter(None, map(text_of, blocks)))
    passage = Passage(text, document.name, document.domain, blocks[0].page, section.heading)
    return Piece(passage, blocks)


def _cut(
    blocks: tuple[Body, ...], count_tokens: CountTokens, limit: int
) -> Iterator[tuple[Body, ...]]:
    """Yields the blocks of each passage of a section, of about equal length."""
    units = [(unit, _length(unit, count_tokens)) for unit in _units(blocks)]
    total = sum(length for _, length in units)
    even = total / max(ceil(total / limit), 1)
    current: list[Body] = []
    tokens = 0
    for unit, length in _divided(units, count_tokens, limit):
        full = tokens + length > limit or tokens + length / 2 > even
        if current and full:
            yield tuple(current)
            current, tokens = [], 0
        current += unit
        tokens += length
    if current:
        yield tuple(current)


def _units(blocks: tuple[Body, ...]) -> Iterator[list[Body]]:
    """Yields blocks that belong together: a list or a table with the line that introduces it."""
    lead: list[Body] = []
    for block in blocks:
        if lead and isinstance(block, Items | Table):
            yield [*lead, block]
            lead = []
            continue
        if lead:
            yield lead
        lead = [block]
        if not (isinstance(block, Text) and block.text.endswith(":")):
            yield lead
            lead = []
    if lead:
        yield lead


def _divided(
    units: list[tuple[list[Body], int]], count_tokens: CountTokens, limit: int
) -> Iterator[tuple[list[Body], int]]:
    """Yields the units, those that are longer than a passage in parts that are not."""
    for unit, length in units:
        if length <= limit:
            yield unit, length
            continue
        for block in unit:
            for part in _parts(block, count_tokens, limit):
                yield [part], _length([part], count_tokens)


def _parts(block: Body, count_tokens: CountTokens, limit: int) -> Iterator[Body]:
    """Yields the parts of a block, each as long as the limit allows."""
    lengths = list(count_tokens(block.parts()))
    if len(lengths) == 1 and lengths[0] > limit:
        yield from _halves(block, count_tokens, limit)
        return
    start, tokens = 0, 0
    for number, length in enumerate(lengths):
        if number > start and tokens + length > limit:
            yield from _within(block.cut(start, number), count_tokens, limit)
            start, tokens = number, 0
        tokens += length
    yield from _within(block.cut(start, len(lengths)), count_tokens, limit)


def _within(block: Body, count_tokens: CountTokens, limit: int) -> Iterator[Body]:
    if len(block.parts()) == 1 and _length([block], count_tokens) > limit:
        yield from _halves(block, count_tokens, limit)
    else:
        yield block


def _halves(block: Body, count_tokens: CountTokens, limit: int) -> Iterator[Body]:
    """Yields the text of one sentence, item or row that is longer than a passage, halved."""
    words = text_of(block).split(" ")
    half = len(words) // 2
    if not half:
        yield block
        return
    for text in (" ".join(words[:half]), " ".join(words[half:])):
        part = Text(text, block.page)
        if _length([part], count_tokens) > limit:
            yield from _halves(part, count_tokens, limit)
        else:
            yield part


def _length(blocks: list[Body], count_tokens: CountTokens) -> int:
    return int(sum(count_tokens([text_of(block) for block in blocks])))
