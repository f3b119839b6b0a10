"""Part lists, glossaries and lists of abbreviations."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from manuals.cutting import Piece
from manuals.documents.blocks import Body, Entries, Items, Table, Text
from manuals.makers.manual import Asked, Manual
from manuals.vocabulary import Column, columns_of, is_glossary
from pairs.checks.codes import is_code_query

LONGEST_TERM = 40
ENTRIES_OF_A_LIST = 3
_ENTRY = regex.compile(r"(.{1,40}?)\s*(?::|=|\s[–—-])\s+(\S.*)")
_ABBREVIATION = regex.compile(r"\p{Lu}[\p{Lu}\p{Nd}/.-]{1,9}")


def parts(manual: Manual) -> Iterator[Asked]:
    """Yields the names and the numbers of the parts in part lists."""
    for piece in manual.pieces:
        for table in piece.blocks:
            if not isinstance(table, Table):
                continue
            columns = columns_of(table.header)
            if Column.PART not in columns:
                continue
            for row in table.rows:
                name, number = row[columns[Column.PART]], row[columns[Column.PART_NUMBER]]
                if name and number:
                    yield name, piece
                    if is_code_query(number):
                        yield number, piece


def glossary(manual: Manual) -> Iterator[Asked]:
    """Yields each term for its meaning, and each meaning for its term."""
    for piece in manual.pieces:
        for term, meaning in terms_of(piece):
            yield term, piece
            yield meaning, piece


def terms_of(piece: Piece) -> list[tuple[str, str]]:
    """Returns the terms of a passage that is part of a glossary, with their meanings.

    A table with columns of terms and meanings is one anywhere. Other lists are one below a heading
    that says so, or where all of their terms are abbreviations in capitals with
    the first letter of their meaning.
    """
    below = any(map(is_glossary, piece.passage.heading))
    entries = [entry for block in piece.blocks for entry in _entries_of(block, below)]
    return [(term, meaning) for term, meaning in entries if term and len(term) <= LONGEST_TERM]


def _entries_of(block: Body, below: bool) -> list[tuple[str, str]]:
    if isinstance(block, Table):
        columns = columns_of(block.header)
        if Column.TERM in columns:
            where = columns[Column.TERM], columns[Column.DEFINITION]
            return [(row[where[0]], row[where[1]]) for row in block.rows if row[where[1]]]
        found = [(row[0], row[1]) for row in block.rows if len(row) == 2 and row[1]]
    elif isinstance(block, Entries):
        found = list(block.entries)
    else:
        found = _written_entries(block)
    is_list = len(found) >= ENTRIES_OF_A_LIST and all(map(_is_abbreviation, found))
    return found if below or is_list else []


def _is_abbreviation(entry: tuple[str, str]) -> bool:
    """Whether a term is in capitals and its meaning begins with the same letter."""
    term, meaning = entry
    return bool(_ABBREVIATION.fullmatch(term)) and meaning[:1].upper() == term[0]


def _written_entries(block: Body) -> list[tuple[str, str]]:
    """Returns the entries of lines such as "TXV: thermostatic expansion valve"."""
    lines = [block.text] if isinstance(block, Text) else []
    lines += block.items if isinstance(block, Items) and not block.numbered else []
    matches = [_ENTRY.fullmatch(line.lstrip("- ")) for line in lines]
    return [(match.group(1), match.group(2)) for match in matches if match]
