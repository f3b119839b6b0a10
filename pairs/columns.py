"""The columns of a file of pairs, and the check of each row."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pairs.readers import Record, read_records
from pairs.words import comparable, is_blank

TEXT_COLUMNS = ["query", "positive", "negative"]
COLUMNS = [*TEXT_COLUMNS, "domain"]


def read_pair_records(path: Path) -> Iterator[Record]:
    """Reads a file of pairs row by row; a row that is no pair has a problem.

    Args:
        path: The file.

    Yields:
        One record per row; the four columns of a record without a problem are non-empty strings.

    Raises:
        UserError: The file cannot be read.
    """
    for record in read_records(path):
        problem = record.problem or find_problem(record.row)
        yield record._replace(row={}, problem=problem) if problem else record


def find_problem(row: Mapping[str, Any]) -> str:
    """Returns what makes a row unusable as a pair; empty where nothing does."""
    needs = "every line needs non-empty query, positive, negative and domain"
    for name in COLUMNS:
        if name not in row:
            return f'field "{name}" is missing; {needs}'
        value = row[name]
        if not isinstance(value, str):
            return f'field "{name}" is {type(value).__name__}, not a string'
        if is_blank(value):
            return f'field "{name}" is empty; {needs}'
        if not is_encodable(value):
            return f'field "{name}" holds half a surrogate pair, which is not valid UTF-8'
    if comparable(row["positive"]) == comparable(row["negative"]):
        return "positive and negative are the same text; the negative must be a wrong passage"
    return ""


def texts_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Returns query, positive and negative of a checked row, without surrounding white space."""
    query, positive, negative = (row[name].strip() for name in TEXT_COLUMNS)
    return query, positive, negative


def domain_of(row: Mapping[str, Any]) -> str:
    """Returns the domain of a checked row in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", row["domain"].strip())


def is_encodable(text: str) -> bool:
    """Returns whether a text is valid UTF-8, that is, without half a surrogate pair."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
