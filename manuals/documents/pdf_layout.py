"""The lines and tables of a PDF page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median
from typing import Any

from manuals.documents.blocks import Table, table_of
from manuals.documents.sentences import join_lines

# Share of a letter's size that is a gap between words: fixed gaps glue tightly set words.
WORD_GAP = 0.15
# In heights of a line: what stands on the same line, and what is a gap between paragraphs.
SAME_LINE, PARAGRAPH_GAP = 0.5, 0.7
# In points.
INDENT = 4.0
BOLD_FONTS = ("bold", "black", "heavy", "semibold", "demi", "cmbx")


@dataclass(frozen=True)
class PageElement:
    """A line of a page, or a table with rules.

    Attributes:
        text: Its text; of a table the text of its cells.
        page: 1-based page.
        top: Distance of its upper edge from that of the page, as a share of the page's height.
        bottom: That of its lower edge.
        size: Size of most of its letters, in points.
        bold: Whether all of it is bold.
        starts: Whether a gap sets it apart from the line before.
        table: The table; None for a line.
    """

    text: str
    page: int
    top: float
    bottom: float
    size: float = 0.0
    bold: bool = False
    starts: bool = False
    table: Table | None = None


@dataclass(frozen=True)
class _Line:
    words: list[dict[str, Any]]

    @property
    def top(self) -> float:
        return float(min(word["top"] for word in self.words))

    @property
    def bottom(self) -> float:
        return float(max(word["bottom"] for word in self.words))

    @property
    def left(self) -> float:
        return float(self.words[0]["x0"])

    @property
    def size(self) -> float:
        letters = sorted((word["size"], len(word["text"])) for word in self.words)
        half, seen = sum(count for _, count in letters) / 2, 0
        for size, count in letters:
            seen += count
            if seen >= half:
                return round(float(size), 1)
        return 0.0

    @property
    def bold(self) -> bool:
        return all(
            any(name in word["fontname"].lower() for name in BOLD_FONTS) for word in self.words
        )


def elements_of(page: Any) -> list[PageElement]:
    """Returns the lines and tables of a page of pdfplumber, in the order of its text."""
    tables = [table for table in page.find_tables() if _is_table(table)]
    words = page.extract_words(
        x_tolerance_ratio=WORD_GAP, use_text_flow=True, extra_attrs=["size", "fontname"]
    )
    elements: list[PageElement] = []
    before: _Line | None = None
    pitch = _pitch(words)
    for place, group in groupby(words, lambda word: _table_at(word, tables)):
        if place is not None:
            if not any(e.table and e.top == _share(tables[place].bbox[1], page) for e in elements):
                elements.append(_table_element(tables[place], page))
            before = None
            continue
        for line in _lines(group):
            elements.append(_line_element(line, before, pitch, page))
            before = line
    return elements


def join_tables(elements: list[PageElement]) -> list[PageElement]:
    """Joins the parts of a table that goes on over pages; a header that is repeated goes."""
    joined: list[PageElement] = []
    for element in elements:
        last = joined[-1].table if joined else None
        table = element.table
        if last and table and element.page > joined[-1].page and _continues(table, last):
            rows = table.rows if table.header in ((), last.header) else (table.header, *table.rows)
            joined[-1] = replace(
                joined[-1], page=element.page, table=replace(last, rows=last.rows + rows)
            )
        else:
            joined.append(element)
    return joined


def _continues(table: Table, last: Table) -> bool:
    return len(table.rows[0]) == len(last.rows[0]) and (
        table.header == last.header or not table.header
    )


def _is_table(table: Any) -> bool:
    """Whether a grid of rules is a table, and no frame around a note or a picture."""
    return len(table.rows) > 1 and len(table.columns) > 1


def _table_at(word: dict[str, Any], tables: list[Any]) -> int | None:
    middle = ((word["x0"] + word["x1"]) / 2, (word["top"] + word["bottom"]) / 2)
    for number, table in enumerate(tables):
        left, top, right, bottom = table.bbox
        if left <= middle[0] <= right and top <= middle[1] <= bottom:
            return number
    return None


def _table_element(table: Any, page: Any) -> PageElement:
    cells = table.extract(x_tolerance_ratio=WORD_GAP)
    rows: list[list[str]] = []
    for row in cells:
        texts = [None if cell is None else join_lines(cell.split("\n")) for cell in row]
        if any(texts):
            rows.append(_fill(texts, rows[-1] if rows else None))
    _, top, _, bottom = table.bbox
    text = " ".join(cell for row in rows for cell in row)
    found = table_of(rows, page.page_number) if rows else None
    number = page.page_number
    return PageElement(text, number, _share(top, page), _share(bottom, page), table=found)


def _fill(row: list[str | None], above: list[str] | None) -> list[str]:
    """Repeats a cell that spans rows, which the rows below it lack, where a row has others."""
    others = sum(bool(cell) for cell in row) > 1 or len(row) == 2
    return [
        (above[n] if cell is None and above and others else cell) or ""
        for n, cell in enumerate(row)
    ]


def _lines(words: Iterator[dict[str, Any]]) -> Iterator[_Line]:
    current: list[dict[str, Any]] = []
    for word in words:
        if current and not _on_line(word, current[-1]):
            yield _Line(current)
            current = []
        current.append(word)
    if current:
        yield _Line(current)


def _on_line(word: dict[str, Any], last: dict[str, Any]) -> bool:
    size = max(word["size"], last["size"])
    return abs(word["bottom"] - last["bottom"]) <= SAME_LINE * size and word["x0"] > last["x0"]


def _pitch(words: list[dict[str, Any]]) -> float:
    """Returns the usual distance of two lines of a page in points."""
    bottoms = sorted({round(word["bottom"], 1) for word in words})
    steps = [after - before for before, after in zip(bottoms, bottoms[1:], strict=False)]
    usual = [step for step in steps if 4 < step < 40]
    return median(usual) if usual else 12.0


def _line_element(line: _Line, before: _Line | None, pitch: float, page: Any) -> PageElement:
    return PageElement(
        " ".join(word["text"] for word in line.words),
        page.page_number,
        _share(line.top, page),
        _share(line.bottom, page),
        line.size,
        line.bold,
        _starts(line, before, pitch),
    )


def _starts(line: _Line, before: _Line | None, pitch: float) -> bool:
    """Whether a gap, another font or the next column sets a line apart from the one before."""
    if before is None:
        return True
    step = line.bottom - before.bottom
    size = max(line.size, before.size)
    far = step > min(pitch, 1.6 * size) + PARAGRAPH_GAP * size * 0.5 or step < -size
    return far or abs(line.size - before.size) > 0.6 or line.bold != before.bold


def _share(place: float, page: Any) -> float:
    return float(place) / float(page.height)
