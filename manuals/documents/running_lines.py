"""Leaves out what stands on every page: running headers and footers, page numbers, contents."""

from __future__ import annotations

from collections import defaultdict

import regex

from manuals.documents.pdf_layout import PageElement
from pairs.checks.texts import is_contents_table

# Share of the page's height at its top and bottom in which running lines stand.
MARGIN = 0.12
PAGES_OF_A_RUNNING_LINE = 3
_NUMBERS = regex.compile(r"\p{Nd}+|\b[ivxlcIVXLC]+\b")
_PAGE_NUMBER = regex.compile(
    r"[-–\s]*(?i:page|seite|p\.|s\.)?\s*(?:\p{Nd}+|[ivxlcIVXLC]+|\p{Nd}+[-–]\p{Nd}+)"
    r"(?:\s*(?:/|of|von)\s*\p{Nd}+)?[-–\s]*"
)


def drop_running_lines(pages: list[list[PageElement]]) -> list[PageElement]:
    """Returns the elements of all pages without running lines and lines of a table of contents.

    A line in the margin runs if it stands there on three pages or more with other numbers at most.
    A number alone on the first or the last line of a page is that of the page.

    Args:
        pages: The elements of each page.
    """
    on_pages: dict[str, set[int]] = defaultdict(set)
    for page in pages:
        for element in page:
            if _in_margin(element):
                on_pages[_form(element)].add(element.page)
    running = {form for form, where in on_pages.items() if len(where) >= PAGES_OF_A_RUNNING_LINE}
    return [
        element
        for page in pages
        for element in page
        if not (_in_margin(element) and _form(element) in running)
        and not (_is_outermost(element, page) and _is_number(element))
        and not (element.table is None and is_contents_table(element.text))
    ]


def _in_margin(element: PageElement) -> bool:
    return element.table is None and (element.bottom < MARGIN or element.top > 1 - MARGIN)


def _is_outermost(element: PageElement, page: list[PageElement]) -> bool:
    return element.top == min(e.top for e in page) or element.bottom == max(e.bottom for e in page)


def _form(element: PageElement) -> str:
    place = "top" if element.bottom < MARGIN else "bottom"
    return f"{place} {_NUMBERS.sub('#', element.text)}"


def _is_number(element: PageElement) -> bool:
    return _PAGE_NUMBER.fullmatch(element.text) is not None
