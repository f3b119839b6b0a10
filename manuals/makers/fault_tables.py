"""Symptoms and fault codes that lead to their remedies, in tables and in labelled paragraphs."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from manuals.cutting import Piece
from manuals.documents.blocks import Entries, Table, Text
from manuals.documents.sentences import split_sentences
from manuals.makers.manual import Asked, Manual
from manuals.makers.references import referred, without_references
from manuals.vocabulary import Column, columns_of, is_label, split_label
from pairs.checks.codes import is_code_query
from pairs.checks.texts import content_words

_MERE_CODE = regex.compile(r"(?i:codes?|código|alarm|nr|no)\W*")


def symptoms(manual: Manual) -> Iterator[Asked]:
    """Yields the symptoms of fault tables, and those of paragraphs that begin with "Symptom:".

    A symptom leads to the section that its row refers to, and to the table where the row says more
    than that. An empty cell stands for the symptom above it.
    """
    for piece in manual.pieces:
        for block in piece.blocks:
            if isinstance(block, Text):
                yield from ((symptom, piece) for symptom in _labelled_symptom(block.text))
            elif isinstance(block, Entries):
                yield from (
                    (split_sentences(meaning)[0], piece)
                    for term, meaning in block.entries
                    if is_label(term, Column.SYMPTOM)
                )
            elif isinstance(block, Table):
                for symptom, row in _rows_of(block, Column.SYMPTOM):
                    yield from _answers(symptom, row, piece, manual)


def codes(manual: Manual) -> Iterator[Asked]:
    """Yields the codes of fault-code lists and their meanings.

    A bare number is asked for with the name of its column, such as "Error code 47"; below a mere
    "Code" it says nothing.
    """
    for piece in manual.pieces:
        for table in piece.blocks:
            if not isinstance(table, Table):
                continue
            columns = columns_of(table.header)
            for code, row in _rows_of(table, Column.CODE):
                queries = [_named(code, table.header[columns[Column.CODE]])]
                queries += [
                    row[columns[kind]] for kind in (Column.MEANING, Column.CAUSE) if kind in columns
                ][:1]
                for query in filter(None, queries):
                    yield from _answers(query, row, piece, manual)


def _rows_of(table: Table, kind: Column) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields the cell of a column and its row; empty cells repeat the one above."""
    column = columns_of(table.header).get(kind)
    if column is None:
        return
    last = ""
    for row in table.rows:
        others = any(cell for number, cell in enumerate(row) if number != column)
        last = row[column] or last
        if last and others:
            yield last, row


def _answers(query: str, row: tuple[str, ...], piece: Piece, manual: Manual) -> Iterator[Asked]:
    others = " ".join(cell for cell in row if cell != query)
    sections = referred(others, manual)
    if not sections or content_words(without_references(others)):
        yield query, piece
    yield from ((query, section) for section in sections)


def _named(code: str, column: str) -> str:
    if is_code_query(code) and any(map(str.isalpha, code)):
        return code
    return "" if _MERE_CODE.fullmatch(column) else f"{column.rstrip('.')} {code}"


def _labelled_symptom(text: str) -> Iterator[str]:
    """Yields the sentence after "Symptom:" or "Fault:" at the beginning of a paragraph."""
    label, rest = split_label(text)
    if is_label(label, Column.SYMPTOM):
        yield split_sentences(rest)[0]
