"""Made pairs: queries that nobody asked, each with the passage that it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from manuals.passages import Passage
from nic.files import write_jsonl
from pairs.columns import DOMAIN, ORIGIN, POSITIVE, QUERY, SYNTHETIC


@dataclass(frozen=True)
class MadePair:
    """A query and the passage that answers it.

    Attributes:
        query: The query.
        passage: The passage.
        origin: What made the query, such as "fault table" or "generated: keywords".
        found: Whether BM25 with the base model finds the passage again; a pair that says nothing
            of it was found, or was not asked for.
    """

    query: str
    passage: Passage
    origin: str
    found: bool = True

    def row(self) -> dict[str, Any]:
        """Returns the row of a file of pairs: the pair, that it is synthetic, and its source."""
        found = {} if self.found else {"found": False}
        marks = {SYNTHETIC: True, ORIGIN: self.origin, **found}
        return pair_row(self.query, self.passage, marks)


def pair_row(query: str, passage: Passage, marks: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the row of a query and its passage: the pair, its marks, and where it stands."""
    return {
        QUERY: query,
        POSITIVE: passage.text,
        DOMAIN: passage.domain,
        **marks,
        "document": passage.document,
        "page": passage.page,
        "heading": list(passage.heading),
    }


class HasRow(Protocol):
    """A pair of a file."""

    def row(self) -> dict[str, Any]:
        """Returns its row."""


def write_pairs(pairs: Iterable[HasRow], path: Path) -> None:
    """Writes a JSONL file of pairs, whole or not at all.

    Args:
        pairs: The pairs, in the order of the file.
        path: The file.
    """
    write_jsonl(path, (pair.row() for pair in pairs))
