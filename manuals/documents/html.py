"""Blocks of HTML, into which Word and Markdown documents are turned first."""

from __future__ import annotations

from collections.abc import Iterator

import regex
from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag

from manuals.documents.blocks import Block, Caption, Entries, Heading, Items, Text, table_of
from manuals.vocabulary import split_caption

NOT_CONTENT = (
    "script, style, nav, aside, form, button, svg, noscript, template, head, iframe, "
    "body > header, body > footer, [role=navigation], [hidden], .headerlink, .navheader, "
    ".navfooter, .toc"
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
INLINE = frozenset(
    "a abbr acronym b bdi bdo big br cite code data del dfn em font i img input ins kbd label mark "
    "q s samp small span strike strong sub sup time tt u var wbr".split()
)
# A bold paragraph of its own stands for a heading below all real ones.
BOLD_LEVEL = 7
LONGEST_BOLD_HEADING = 80
_SPACE_BEFORE_POINT = regex.compile(r"\s+(?=[.,;:!?)\]](?:\s|$))")


def blocks_of_html(html: str) -> tuple[Block, ...]:
    """Returns the blocks of an HTML page without its navigation, scripts and forms.

    Lists of links alone are navigation too. Cells that span rows are repeated in each of them.
    """
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.select(NOT_CONTENT):
        tag.decompose()
    root = soup.select_one("main, [role=main]") or soup.body or soup
    return tuple(_walk(root))


def _walk(parent: Tag) -> Iterator[Block]:
    """Yields the blocks below a tag; text and inline tags between two blocks are a paragraph."""
    pending: list[str] = []
    for child in parent.children:
        if isinstance(child, PreformattedString):
            continue
        if isinstance(child, NavigableString):
            pending.append(str(child))
        elif isinstance(child, Tag) and child.name in INLINE and not _holds_blocks(child):
            pending.append(_raw(child))
        elif isinstance(child, Tag):
            yield from _paragraph("".join(pending))
            pending = []
            yield from _block(child)
    yield from _paragraph("".join(pending))


def _block(tag: Tag) -> Iterator[Block]:
    if tag.name in HEADINGS:
        if text := _text(tag):
            yield Heading(text, HEADINGS[tag.name])
    elif tag.name == "p" and not _holds_blocks(tag):
        yield from _paragraph(_raw(tag), _is_bold(tag))
    elif tag.name in ("ul", "ol"):
        yield from _list(tag)
    elif tag.name == "table":
        yield from _table(tag)
    elif tag.name == "dl":
        yield from _entries(tag)
    elif tag.name in ("figcaption", "caption"):
        if text := _text(tag):
            yield Caption(text)
    else:
        yield from _walk(tag)


def _paragraph(raw: str, bold: bool = False) -> Iterator[Block]:
    text = _clean(raw)
    if not text:
        return
    if split_caption(text):
        yield Caption(text)
    elif bold and len(text) <= LONGEST_BOLD_HEADING and text[-1] not in ".,;:!":
        yield Heading(text, BOLD_LEVEL)
    else:
        yield Text(text)


def _list(tag: Tag) -> Iterator[Block]:
    """Yields a list; lists within it follow their item, tables within it follow the list."""
    if _only_links(tag):
        return
    numbered, start = tag.name == "ol", str(tag.get("start", "1"))
    items: list[str] = []
    tables: list[Tag] = []
    for item in tag.find_all("li", recursive=False):
        tables += [table for table in item.find_all("table") if not table.find_parent("table")]
        for table in tables:
            table.extract()
        items += filter(None, [_text(item)])
    if items:
        yield Items(tuple(items), numbered, int(start) if start.isdigit() else 1)
    for table in tables:
        yield from _table(table)


def _table(tag: Tag) -> Iterator[Block]:
    """Yields a table; one that lays out a page is walked through, one of links alone left out."""
    if tag.find(["table", *HEADINGS]) is not None:
        for cell in tag.find_all(["td", "th"]):
            if cell.find_parent("table") is tag:
                yield from _walk(cell)
        return
    if _only_links(tag):
        return
    if (caption := tag.find("caption")) is not None and _text(caption):
        yield Caption(_text(caption))
    rows = _grid(tag)
    if rows:
        first = tag.find("tr")
        named = first is not None and first.find("td") is None
        yield table_of(rows, header=True if named else None)


def _grid(tag: Tag) -> list[list[str]]:
    """Returns the cells of a table; a cell over rows is repeated, one over columns is not."""
    grid: list[list[str]] = []
    above: dict[int, tuple[int, str]] = {}
    for row in tag.find_all("tr"):
        cells = iter(row.find_all(["td", "th"], recursive=False))
        line: list[str] = []
        while True:
            if (held := above.pop(len(line), None)) is not None:
                left, text = held
                if left > 1:
                    above[len(line)] = (left - 1, text)
                line.append(text)
            elif (cell := next(cells, None)) is not None:
                text, rows = _text(cell), _span(cell, "rowspan")
                for column in range(_span(cell, "colspan")):
                    if rows > 1:
                        above[len(line)] = (rows - 1, text if not column else "")
                    line.append(text if not column else "")
            else:
                break
        if any(line):
            grid.append(line)
    return grid


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1")).strip()
    return min(max(int(value), 1), 1000) if value.isdigit() else 1


def _entries(tag: Tag) -> Iterator[Block]:
    """Yields a list of terms; a meaning of several blocks follows its term as these blocks."""
    entries: list[tuple[str, str]] = []
    terms: list[str] = []
    for child in tag.find_all(["dt", "dd"]):
        if child.find_parent("dl") is not tag:
            continue
        if child.name == "dt":
            terms.append(_text(child))
            continue
        term, terms = ", ".join(filter(None, terms)), []
        if term and not _holds_several(child):
            entries += [(term, meaning) for meaning in [_text(child)] if meaning]
            continue
        if entries:
            yield Entries(tuple(entries))
            entries = []
        yield from _paragraph(f"{term}:" if term else "")
        yield from _walk(child)
    if entries:
        yield Entries(tuple(entries))


def _holds_several(tag: Tag) -> bool:
    return tag.find(["ul", "ol", "table", "dl", "pre"]) is not None or len(tag.find_all("p")) > 1


def _only_links(tag: Tag) -> bool:
    """Whether nearly all text of a list or table stands in links, and there are several."""
    links = tag.find_all("a")
    linked = sum(len(_text(link)) for link in links)
    return len(links) > 1 and linked > 0.8 * len(_text(tag))


def _is_bold(tag: Tag) -> bool:
    bold = "".join(_text(part) for part in tag.find_all(["b", "strong"]))
    return bool(bold) and len(bold) >= len(_text(tag).replace(" ", ""))


def _holds_blocks(tag: Tag) -> bool:
    return tag.find(lambda below: below.name not in INLINE) is not None


def _text(tag: Tag) -> str:
    return _clean(_raw(tag))


def _raw(tag: Tag) -> str:
    """Returns the text of a tag; what is no inline tag and a line break are set apart by spaces."""
    parts: list[str] = []
    for child in tag.children:
        if isinstance(child, NavigableString) and not isinstance(child, PreformattedString):
            parts.append(str(child))
        elif isinstance(child, Tag):
            apart = child.name == "br" or child.name not in INLINE
            parts.append(f" {_raw(child)} " if apart else _raw(child))
    return "".join(parts)


def _clean(text: str) -> str:
    text = " ".join(text.replace("\u00ad", "").replace("\u200b", "").split())
    return _SPACE_BEFORE_POINT.sub("", text)
