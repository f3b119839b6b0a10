"""Reads HTML, Markdown and Word documents, which keep their headings, lists and tables."""

from __future__ import annotations

import codecs
from pathlib import Path

import regex
from bs4 import UnicodeDammit

from manuals.documents.blocks import Content
from manuals.documents.html import blocks_of_html
from manuals.documents.unreadable import Unreadable

# What an encrypted document of Word 2007 or later, and every older one, begins with.
COMPOUND_FILE = b"\xd0\xcf\x11\xe0"
WORD_STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Caption'] => figcaption:fresh
p[style-name='caption'] => figcaption:fresh
p[style-name^='toc '] => !
p[style-name^='TOC'] => !
p[style-name='table of figures'] => !
p[style-name^='index '] => !
"""
_FRONT_MATTER = regex.compile(r"---\n.*?\n---\n", regex.DOTALL)


def read_html(path: Path) -> Content:
    """Returns the blocks of an HTML page, in the encoding that it names or looks like."""
    return Content(blocks_of_html(decode(path.read_bytes(), is_html=True)))


def read_markdown(path: Path) -> Content:
    """Returns the blocks of a Markdown document: CommonMark with tables, and HTML within it."""
    from markdown_it import MarkdownIt

    text = _FRONT_MATTER.sub("", decode(path.read_bytes()).replace("\r\n", "\n"), count=1)
    return Content(blocks_of_html(MarkdownIt("commonmark").enable("table").render(text)))


def read_word(path: Path) -> Content:
    """Returns the blocks of a .docx document without its headers, footers, contents and pictures.

    Raises:
        Unreadable: It is encrypted, or of an older Word.
    """
    import mammoth

    with path.open("rb") as file:
        if file.read(len(COMPOUND_FILE)) == COMPOUND_FILE:
            raise Unreadable("is encrypted, or an old .doc; save it as .docx without a password")
        file.seek(0)
        without_pictures = mammoth.images.img_element(lambda _: {"src": ""})
        html = mammoth.convert_to_html(
            file, style_map=WORD_STYLES, convert_image=without_pictures
        ).value
    return Content(blocks_of_html(html))


def decode(content: bytes, is_html: bool = False) -> str:
    """Returns a text in the encoding that its mark or its markup names, else UTF-8 or Windows-1252.

    Raises:
        Unreadable: It is a binary file.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise Unreadable("is no text; its name says otherwise")
    found = UnicodeDammit(content, ["utf-8", "windows-1252"], is_html=is_html)
    if found.unicode_markup is None:
        raise Unreadable("is in an unknown encoding; save it as UTF-8")
    return found.unicode_markup
