"""Reads PDF documents: lines with their fonts and tables with rules, page by page."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from tqdm import tqdm

from manuals.documents.blocks import Content
from manuals.documents.lines import blocks_of_lines
from manuals.documents.pdf_headings import OutlineEntry, mark_headings
from manuals.documents.pdf_layout import PageElement, elements_of, join_tables
from manuals.documents.running_lines import drop_running_lines
from manuals.documents.unreadable import Unreadable
from nic.logs import on_terminal

logger = logging.getLogger(__name__)

PAGES_PER_LINE = 100
# A page with fewer letters holds a picture and its number at most.
LETTERS_OF_A_PAGE = 20


def read_pdf(path: Path) -> Content:
    """Returns the blocks and the pages of a PDF.

    Running headers and footers, page numbers and tables of contents are left out. Headings come
    from the bookmarks, or from the sizes and weights of the letters where there are none.

    Raises:
        Unreadable: It is encrypted or holds no text, as a scanned one.
    """
    pages = _read_pages(path)
    empty = sum(_letters(page) < LETTERS_OF_A_PAGE for page in pages)
    if empty == len(pages):
        raise Unreadable("holds no text; if it is scanned, let an OCR program add its text first")
    kept = join_tables(drop_running_lines(pages))
    blocks = blocks_of_lines(mark_headings(kept, _outline(path)))
    return Content(tuple(blocks), len(pages), empty)


def _read_pages(path: Path) -> list[list[PageElement]]:
    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect
    from pdfplumber.utils.exceptions import PdfminerException

    try:
        with pdfplumber.open(path) as pdf:
            if not pdf.pages:
                raise Unreadable("has no pages")
            return [_read_page(page, path.name, len(pdf.pages)) for page in _progress(pdf, path)]
    except PdfminerException as error:
        if isinstance(error.args[0] if error.args else None, PDFPasswordIncorrect):
            raise Unreadable("is encrypted; save a copy without its password") from error
        raise


def _progress(pdf: Any, path: Path) -> Any:
    return tqdm(pdf.pages, unit="page", desc=path.name, leave=False, disable=not on_terminal())


def _read_page(page: Any, name: str, pages: int) -> list[PageElement]:
    elements = elements_of(page)
    # Its letters would stay in memory.
    page.close()
    if page.page_number % PAGES_PER_LINE == 0 and not on_terminal():
        logger.info("%s: page %d of %d", name, page.page_number, pages)
    return elements


def _letters(page: list[PageElement]) -> int:
    return sum(len(element.text) for element in page)


def _outline(path: Path) -> list[OutlineEntry]:
    """Returns the bookmarks; their order is that of the document."""
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    try:
        entries = []
        for bookmark in document.get_toc():
            target = bookmark.get_dest()
            page = target.get_index() if target else None
            if page is not None:
                entries.append(OutlineEntry(bookmark.get_title(), bookmark.level + 1, page + 1))
        return entries
    finally:
        document.close()
