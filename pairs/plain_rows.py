"""Rows of one text per column with nothing wrong, many at a time: most rows of most files."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pairs.column_names import ColumnNames
from pairs.columns import DOMAIN, NEGATIVE, POSITIVE, QUERY, is_column
from pairs.reading.records import Block, Place
from pairs.words import comparable, is_blank

PLAIN = (QUERY, POSITIVE, NEGATIVE, DOMAIN)
NOTHING: dict[str, Any] = {}


@dataclass(frozen=True)
class PlainRows:
    """Checked rows, a list for each column, without white space around the texts.

    Attributes:
        start: The file, as the place of a row 0.
        lines: The `Place.line` of each row.
        queries: The query of each row.
        positives: The positive of each row.
        negatives: The negative of each row; None where it has none.
        domains: The domain of each row in Unicode's composed form.
        extras: The further fields of each row.
    """

    start: Place
    lines: list[int]
    queries: list[str]
    positives: list[str]
    negatives: list[str | None]
    domains: list[str]
    extras: list[dict[str, Any]]

    @property
    def numbers(self) -> list[int]:
        """Returns the `Place.number` of each row."""
        return [line + self.start.offset for line in self.lines]

    def moved(self, offset: int) -> PlainRows:
        """Returns the rows with other numbers, as those of a further file."""
        return replace(self, start=self.start._replace(offset=self.start.offset + offset))


def plain_rows(block: Block, names: ColumnNames) -> PlainRows | None:
    """Returns the rows of a block if all of them are plain, else None.

    It finds nothing wrong where `columns.find_problem` finds nothing, and gives the texts of
    `columns.texts_of`; a block of which it returns None has to be looked at row by row.
    """
    rows = block.objects()
    if not rows:
        return None
    further = {fields: _further_fields(names, fields) for fields in set(map(tuple, rows))}
    if None in further.values():
        return None
    column = {role: name for name, role in names.taken.items()}
    query, positive, negative, domain = (column.get(role, role) for role in PLAIN)
    queries = _texts(row.get(query) for row in rows)
    positives = _texts(row.get(positive) for row in rows)
    negatives = _optional_texts([row.get(negative) for row in rows])
    domains: list[str] | None
    has_domain = {domain in fields for fields in further}
    if has_domain == {True}:
        domains = _domains(row[domain] for row in rows)
    elif has_domain == {False} and names.default_domain is not None:
        domains = [names.default_domain] * len(rows)
    else:
        return None
    if queries is None or positives is None or negatives is None or domains is None:
        return None
    if _any_same(positives, negatives):
        return None
    extras = [NOTHING] * len(rows)
    if any(further.values()):
        extras = [
            {name: row[name] for name in further[tuple(row)] or ()} or NOTHING for row in rows
        ]
    return PlainRows(block.start, block.numbers, queries, positives, negatives, domains, extras)


def _further_fields(names: ColumnNames, fields: Sequence[str]) -> list[str] | None:
    """Returns those of a row's fields that are not read; None where they need a closer look."""
    read = [name for name in fields if name not in names.hidden]
    roles = [names.taken.get(name, name) for name in read]
    if len(set(roles)) < len(roles):
        return None
    further = [name for name, role in zip(read, roles, strict=True) if not is_column(role)]
    # Each column that is read must be known from the first rows, and not be one of several.
    plain = sum(name in names.taken and names.taken[name] in PLAIN for name in read)
    return further if plain + len(further) == len(read) else None


def _texts(values: Iterable[Any]) -> list[str] | None:
    """Returns texts without white space around them; None where one is no text or is blank."""
    try:
        texts = list(map(str.strip, values))
    except TypeError:
        return None
    # Most begin with a visible sign of ASCII.
    return None if any(is_blank(text) for text in texts if not "!" <= text[:1] <= "~") else texts


def _optional_texts(values: list[Any]) -> list[str | None] | None:
    """Returns the same with None for a missing or blank one; None where one is no text."""
    if not set(map(type, values)) <= {str, type(None)}:
        return None
    texts = [text and text.strip() for text in values]
    return [
        text if text and ("!" <= text[0] <= "~" or not is_blank(text)) else None for text in texts
    ]


def _domains(values: Iterable[Any]) -> list[str] | None:
    texts = _texts(values)
    composed = {text: unicodedata.normalize("NFC", text) for text in set(texts or [])}
    return [composed[text] for text in texts] if texts is not None else None


def _any_same(positives: list[str], negatives: list[str | None]) -> bool:
    """Returns whether a negative and its positive are one text."""
    return any(
        negative == positive
        or not (negative.isascii() and positive.isascii())
        and comparable(negative) == comparable(positive)
        for positive, negative in zip(positives, negatives, strict=True)
        if negative is not None
    )
