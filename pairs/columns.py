"""The columns of a file of pairs, and the check of each row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pairs.words import comparable, is_blank

if TYPE_CHECKING:
    from pairs.pair_files import PairFiles
    from pairs.reading.records import Record

QUERY, POSITIVE, NEGATIVE, DOMAIN = "query", "positive", "negative", "domain"
SYNTHETIC, ORIGIN = "synthetic", "origin"
TEXT_COLUMNS = [QUERY, POSITIVE, NEGATIVE]
NUMBERED = re.compile(r"negative_[0-9]{1,4}")
# Each is a column of the whole file.
MOST_NEGATIVES = 100
MISSING = object()
NEEDS = "every line needs non-empty query, positive and domain"


class Field(NamedTuple):
    """A value of a row.

    Attributes:
        name: Its name in a sentence, such as "negative 2".
        place: Where it stands, for messages.
        value: The value as it was read.
    """

    name: str
    place: str
    value: Any


def negative_column(number: int) -> str:
    """Returns the column of the first, second, ... negative of a row: negative, negative_2, ..."""
    return NEGATIVE if number == 1 else f"{NEGATIVE}_{number}"


def is_column(name: str) -> bool:
    """Returns whether a field of a row is read; further fields are not."""
    return name in (QUERY, POSITIVE, DOMAIN) or _is_negative(name)


def read_pair_records(files: PairFiles) -> Iterator[Record]:
    """Reads the pairs of files one by one; a row that is no pair has a problem.

    Args:
        files: The opened files.

    Yields:
        One record per pair. In a record without a problem the texts are non-empty strings; there
        may be no negative.

    Raises:
        UserError: A file cannot be read.
    """
    yield from files.pairs(find_problem)


def find_problem(row: Mapping[str, Any]) -> str:
    """Returns what makes a row unusable as a pair; empty where nothing does."""
    if _is_plain_pair(row):
        return ""
    if NEGATIVE in row and (numbered := _numbered(row)):
        return f'fields "{NEGATIVE}" and "{numbered[0]}": give all negatives of a row in one way'
    negatives = _negatives(row)
    for field in (*_fields(row, QUERY, POSITIVE), *negatives, *_fields(row, DOMAIN)):
        if problem := _text_problem(field):
            return problem
    if len(negatives) > MOST_NEGATIVES:
        return f"{len(negatives):,} negatives; give at most {MOST_NEGATIVES}, the hardest first"
    positive = comparable(row[POSITIVE])
    for field in negatives:
        if comparable(field.value) == positive:
            return (
                f"positive and {field.name} are the same text; the negative must be a wrong passage"
            )
    return ""


def texts_of(row: Mapping[str, Any]) -> tuple[str, str, list[str]]:
    """Returns query, positive and negatives of a checked row, without surrounding white space."""
    return row[QUERY].strip(), row[POSITIVE].strip(), negatives_of(row)


def negatives_of(row: Mapping[str, Any]) -> list[str]:
    """Returns the different negatives of a checked row in their order; a row may have none."""
    value = row.get(NEGATIVE)
    if isinstance(value, str):
        return [] if is_blank(value) else [value.strip()]
    texts = [field.value.strip() for field in _negatives(row)]
    if len(texts) < 2:
        return texts
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(comparable(text), text)
    return list(found.values())


def domain_of(row: Mapping[str, Any]) -> str:
    """Returns the domain of a checked row in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", row[DOMAIN].strip())


def is_made(row: Mapping[str, Any]) -> bool:
    """Returns whether `nic-pairs` made the query of a row, or another tool that says so alike.

    Its field "synthetic" is true, and "origin" says what made it.
    """
    return bool(row.get(ORIGIN)) and str(row.get(SYNTHETIC)).strip().lower() in ("true", "1")


def is_encodable(text: str) -> bool:
    """Returns whether a text is valid UTF-8, that is, without half a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_plain_pair(row: Mapping[str, Any]) -> bool:
    """Returns whether a row has one text per column and nothing is wrong with it.

    Most rows of a file do, and are not looked at any further.
    """
    negative = row.get(NEGATIVE)
    return (
        all(map(_is_plain_text, (row.get(QUERY), row.get(POSITIVE), row.get(DOMAIN))))
        and (
            negative is None
            or (_is_plain_text(negative) and comparable(negative) != comparable(row[POSITIVE]))
        )
        and not _numbered(row)
    )


def _is_plain_text(value: Any) -> bool:
    return isinstance(value, str) and not is_blank(value) and is_encodable(value)


def _is_negative(name: str) -> bool:
    return name == NEGATIVE or _is_numbered(name)


@lru_cache
def _is_numbered(name: str) -> bool:
    return NUMBERED.fullmatch(name) is not None


def _numbered(row: Mapping[str, Any]) -> list[str]:
    """Returns the fields negative_1, negative_2, ... of a row, by their numbers."""
    names = [name for name in row if _is_numbered(name)]
    return sorted(names, key=lambda name: int(name.removeprefix(f"{NEGATIVE}_")))


def _negatives(row: Mapping[str, Any]) -> list[Field]:
    """Returns the negatives of a row: a string, a list, or fields with numbers; maybe none.

    A field that is null or blank stands for none: a table has it in rows with fewer negatives.
    """
    if not isinstance(row.get(NEGATIVE), list):
        return [
            Field(name.replace("_", " "), f'field "{name}"', row[name])
            for name in _numbered(row) or [NEGATIVE]
            if not _is_empty(row.get(name))
        ]
    return [
        Field(f"negative {number}", f'negative {number} of field "{NEGATIVE}"', value)
        for number, value in enumerate(row[NEGATIVE], 1)
    ]


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and is_blank(value))


def _fields(row: Mapping[str, Any], *names: str) -> list[Field]:
    return [Field(name, f'field "{name}"', row.get(name, MISSING)) for name in names]


def _text_problem(field: Field) -> str:
    """Returns what makes a value unusable as a text; empty where nothing does."""
    if field.value is MISSING:
        return f"{field.place} is missing; {NEEDS}"
    if not isinstance(field.value, str):
        return f"{field.place} is {type(field.value).__name__}, not a string"
    if is_blank(field.value):
        needs = "leave it out" if field.name.startswith(NEGATIVE) else NEEDS
        return f"{field.place} is empty; {needs}"
    if not is_encodable(field.value):
        return f"{field.place} holds half a surrogate pair, which is not valid UTF-8"
    return ""
