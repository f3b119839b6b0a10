"""Made pairs: queries that nobody asked, each with the passage that it was made from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from manuals.passages import Passage
from nic.files import atomic_write
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
        return {
            QUERY: self.query,
            POSITIVE: self.passage.text,
            DOMAIN: self.passage.domain,
            SYNTHETIC: True,
            ORIGIN: self.origin,
            **({} if self.found else {"found": False}),
            "document": self.passage.document,
            "page": self.passage.page,
            "heading": list(self.passage.heading),
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
    with atomic_write(path) as staged, staged.open("w", encoding="utf-8", newline="\n") as file:
        for pair in pairs:
            file.write(json.dumps(pair.row(), ensure_ascii=False) + "\n")
