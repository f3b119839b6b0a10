"""Which lines of a PDF are headings: from its bookmarks, or from the fonts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from manuals.documents.blocks import Table
from manuals.documents.lines import Line
from manuals.documents.pdf_layout import PageElement
from manuals.vocabulary import split_caption, split_number
from pairs.words import folded

LINES_OF_A_HEADING = 3
LARGER = 1.12
LONGEST_HEADING = 120
MOST_LEVELS = 6
_LABEL = regex.compile(
    r"(?i:chapter|kapitel|part|teil|appendix|anhang|section|abschnitt)\s+(?:\p{Nd}+|\p{Lu}+)"
)
_LETTERS = regex.compile(r"[^\p{L}\p{N}]+")


@dataclass(frozen=True)
class OutlineEntry:
    """A bookmark.

    Attributes:
        title: Its text.
        level: 1 for the outermost.
        page: 1-based page that it leads to.
    """

    title: str
    level: int
    page: int


def mark_headings(
    elements: Sequence[PageElement], outline: Sequence[OutlineEntry]
) -> Iterator[Line | Table]:
    """Yields the lines of a document with the levels of headings, and its tables.

    Args:
        elements: The lines and tables.
        outline: The bookmarks. Where at least half of them are found on their pages they alone
            make headings; else these are lines that are set larger than most or bold.
    """
    found = _from_outline(elements, outline)
    if not outline or 2 * len(found) < len(outline):
        found = _from_fonts(elements)
    number = 0
    while number < len(elements):
        element = elements[number]
        lines, level = found.get(number, (1, None))
        if element.table is not None:
            yield element.table
        elif element.text.strip():
            text = " ".join(part.text for part in elements[number : number + lines])
            yield Line(text, element.page, element.starts, level)
        number += lines


def _from_outline(
    elements: Sequence[PageElement], outline: Sequence[OutlineEntry]
) -> dict[int, tuple[int, int]]:
    """Returns number of lines and level of the heading that begins at an element."""
    on_page: dict[int, list[int]] = defaultdict(list)
    for number, element in enumerate(elements):
        on_page[element.page].append(number)
    found: dict[int, tuple[int, int]] = {}
    for entry in outline:
        title = _letters(entry.title)
        # A heading that no longer fits is set on the page after that of its bookmark.
        for number in (*on_page[entry.page], *on_page[entry.page + 1]):
            if number not in found and (lines := _lines_of(title, elements, number)):
                found[number] = (lines, entry.level)
                break
    return found


def _lines_of(title: str, elements: Sequence[PageElement], start: int) -> int:
    """Returns over how many lines from `start` a title stands, with a number or a label before."""
    text = ""
    for count, element in enumerate(elements[start : start + LINES_OF_A_HEADING], 1):
        if element.table is not None or element.page != elements[start].page:
            return 0
        text = f"{text} {element.text}".strip()
        if title and title in (_letters(text), _letters(_title_of(text))):
            return count
    return 0


def _title_of(text: str) -> str:
    label = _LABEL.match(text)
    return text[label.end() :] if label else split_number(text)[1]


def _letters(text: str) -> str:
    return _LETTERS.sub("", folded(text))


def _from_fonts(elements: Sequence[PageElement]) -> dict[int, tuple[int, int]]:
    """Finds headings by larger or bold letters; lines of one style that follow are one heading."""
    body = _body_size(elements)
    styles = sorted({_style(e) for e in elements if _may_be_heading(e, body)}, reverse=True)
    levels = {style: min(rank, MOST_LEVELS) for rank, style in enumerate(styles, 1)}
    found: dict[int, tuple[int, int]] = {}
    number = 0
    while number < len(elements):
        if not _may_be_heading(elements[number], body):
            number += 1
            continue
        lines = _run(elements, number, body)
        if lines <= LINES_OF_A_HEADING:
            depth = split_number(elements[number].text)[0].count(".")
            level = depth + 1 if depth else levels[_style(elements[number])]
            found[number] = (lines, level)
        number += lines
    return _join_labels(elements, found)


def _join_labels(
    elements: Sequence[PageElement], found: dict[int, tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """Joins a heading such as "Chapter 3" with the title that follows it."""
    for number in sorted(found):
        following = number + found[number][0] if number in found else number
        if following != number and following in found and _LABEL.fullmatch(elements[number].text):
            lines, level = found.pop(following)
            found[number] = (following - number + lines, level)
    return found


def _run(elements: Sequence[PageElement], start: int, body: float) -> int:
    """Returns how many lines from `start` have its style and no gap between them."""
    lines = 1
    for element in elements[start + 1 :]:
        if element.starts or not _may_be_heading(element, body):
            break
        if _style(element) != _style(elements[start]) or element.page != elements[start].page:
            break
        lines += 1
    return lines


def _body_size(elements: Sequence[PageElement]) -> float:
    sizes: Counter[float] = Counter()
    for element in elements:
        if element.table is None:
            sizes[element.size] += len(element.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _may_be_heading(element: PageElement, body: float) -> bool:
    if element.table is not None or not any(map(str.isalpha, element.text)):
        return False
    if len(element.text) > LONGEST_HEADING or element.text[-1] in ".,;:" or not element.starts:
        # A second line of a heading does not start; `_run` asks for it by its style.
        return element.size >= LARGER * body and len(element.text) <= LONGEST_HEADING
    return (element.size >= LARGER * body or element.bold) and not split_caption(element.text)


def _style(element: PageElement) -> tuple[float, bool]:
    return round(2 * element.size) / 2, element.bold
