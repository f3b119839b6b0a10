"""Reads the Markdown pages of the project: code blocks, links, headings and inline code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PROJECT = Path(__file__).resolve().parents[1]
FRONT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "encoder/README.md")
PAGES = [PROJECT / name for name in FRONT]
PAGES += sorted([*PROJECT.glob("docs/*.md"), *PROJECT.glob("data/*/README.md")])
RUN = "<!-- run -->"


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        language: What follows its fence.
        text: Its lines.
        run: Whether the page marks it as one that is run.
    """

    language: str
    text: str
    run: bool


def parse(page: Path) -> list[Token]:
    """Returns the tokens of a page, as CommonMark with tables."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def blocks(page: Path, language: str) -> list[Block]:
    """Returns the code blocks of a page in one language."""
    tokens = parse(page)
    return [
        Block(token.info, token.content, tokens[n - 1].content.strip() == RUN)
        for n, token in enumerate(tokens)
        if token.type == "fence" and token.info == language
    ]


def inline(page: Path) -> Iterator[Token]:
    """Yields the links, images and inline code of a page."""
    for token in parse(page):
        yield from token.children or ()


def links(page: Path) -> list[str]:
    """Returns the targets of a page's links and images."""
    found = [token.attrGet("href") or token.attrGet("src") for token in inline(page)]
    return [str(target) for target in found if target]


def code(page: Path) -> list[str]:
    """Returns the inline code of a page."""
    return [token.content for token in inline(page) if token.type == "code_inline"]


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page's headings, as repository hosts make them."""
    tokens = parse(page)
    titles = [tokens[n + 1].content for n, t in enumerate(tokens) if t.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def commands(block: Block) -> Iterator[list[str]]:
    """Yields the commands of a shell block as words, without assignments before them."""
    text = ""
    for line in block.text.replace("\\\n", " ").splitlines():
        text += line + "\n"
        try:
            words = shlex.split(text, comments=True)
        except ValueError:  # a quotation that goes on in the next line
            continue
        text = ""
        while words and re.match(r"[A-Z_]+=", words[0]):
            del words[0]
        if words:
            yield words
