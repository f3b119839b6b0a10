"""Blocks: what a document is made of, whatever its format, in the form in which it is searched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from manuals.documents.sentences import split_sentences


@dataclass(frozen=True)
class Heading:
    """A heading.

    Attributes:
        text: Its text, with its number where the document shows one.
        level: 1 for the outermost; what has a larger level stands below it.
        page: 1-based page; None where the format has no pages.
    """

    text: str
    level: int
    page: int | None = None


@dataclass(frozen=True)
class Text:
    """A paragraph; its parts are its sentences."""

    text: str
    page: int | None = None

    def parts(self) -> list[str]:
        """Returns the sentences."""
        return split_sentences(self.text)

    def cut(self, start: int, stop: int) -> Text:
        """Returns the sentences from `start` to before `stop`."""
        return replace(self, text=" ".join(self.parts()[start:stop]))


@dataclass(frozen=True)
class Caption:
    """The caption of a figure or of a table; it is never cut."""

    text: str
    page: int | None = None

    def parts(self) -> list[str]:
        """Returns the caption."""
        return [self.text]

    def cut(self, start: int, stop: int) -> Caption:
        """Returns the caption itself."""
        return self


@dataclass(frozen=True)
class Items:
    """A list; its parts are its items.

    Attributes:
        items: The texts without their marks.
        numbered: Whether it is numbered, as the steps of a procedure are.
        start: Number of the first item.
    """

    items: tuple[str, ...]
    numbered: bool = False
    start: int = 1
    page: int | None = None

    def parts(self) -> list[str]:
        """Returns the items, each with its number or dash."""
        if not self.numbered:
            return [f"- {item}" for item in self.items]
        return [f"{number}. {item}" for number, item in enumerate(self.items, self.start)]

    def cut(self, start: int, stop: int) -> Items:
        """Returns the items from `start` to before `stop`; they keep their numbers."""
        return replace(self, items=self.items[start:stop], start=self.start + start)


@dataclass(frozen=True)
class Entries:
    """Terms with their meanings; its parts are the entries."""

    entries: tuple[tuple[str, str], ...]
    page: int | None = None

    def parts(self) -> list[str]:
        """Returns a line for each entry."""
        return [f"{term}: {meaning}" for term, meaning in self.entries]

    def cut(self, start: int, stop: int) -> Entries:
        """Returns the entries from `start` to before `stop`."""
        return replace(self, entries=self.entries[start:stop])


@dataclass(frozen=True)
class Table:
    """A table; its parts are its rows.

    Attributes:
        header: Names of the columns; empty where the table has none.
        rows: The other rows, each with a cell for every column.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    page: int | None = None

    def parts(self) -> list[str]:
        """Returns a line for each row, with the column's name before each cell."""
        return [self._line(row) for row in self.rows]

    def cut(self, start: int, stop: int) -> Table:
        """Returns the rows from `start` to before `stop`, under the same header."""
        return replace(self, rows=self.rows[start:stop])

    def _line(self, row: tuple[str, ...]) -> str:
        filled = [n for n, cell in enumerate(row) if cell]
        if len(filled) < 2 or not self.header:
            return "; ".join(row[n] for n in filled)
        named = (f"{self.header[n]}: {row[n]}" if self.header[n] else row[n] for n in filled)
        return "; ".join(named)


Body: TypeAlias = Text | Caption | Items | Entries | Table
Block: TypeAlias = Heading | Body


@dataclass(frozen=True)
class Content:
    """What a reader finds in a file.

    Attributes:
        blocks: The blocks in their order.
        pages: Number of pages; None where the format has none.
        pages_without_text: Pages on which there is a picture at most.
    """

    blocks: tuple[Block, ...]
    pages: int | None = None
    pages_without_text: int = 0


@dataclass(frozen=True)
class Document:
    """A document that was read.

    Attributes:
        name: Its path relative to the folder of manuals, with "/" as separator.
        domain: The domain of its pairs.
        blocks: What it holds, in its order.
        pages: Number of pages; None where the format has none.
        pages_without_text: Pages on which there is a picture at most.
    """

    name: str
    domain: str
    blocks: tuple[Block, ...]
    pages: int | None = None
    pages_without_text: int = 0


def text_of(block: Body) -> str:
    """Returns the text in which a block is searched."""
    return (" " if isinstance(block, Text) else "\n").join(block.parts())


def table_of(rows: list[list[str]], page: int | None = None, header: bool | None = None) -> Table:
    """Returns a table from its cells.

    Args:
        rows: One row or more; shorter ones are filled up.
        page: Page on which it begins.
        header: Whether the first row names the columns; None looks at it: short cells that are
            all filled, none of them a sentence or a number.
    """
    columns = max(map(len, rows))
    cells = tuple(tuple(row + [""] * (columns - len(row))) for row in rows)
    named = _names_columns(cells[0]) if header is None else header
    if len(cells) < 2 or not named:
        return Table((), cells, page)
    return Table(cells[0], cells[1:], page)


LONGEST_COLUMN_NAME = 40


def _names_columns(row: tuple[str, ...]) -> bool:
    return all(
        0 < len(cell) <= LONGEST_COLUMN_NAME
        and not cell.endswith(".")
        and 2 * sum(sign.isdigit() for sign in cell) < len(cell)
        for cell in row
    )
