"""Passages: the pieces of a document that a search would return."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from nic.files import write_jsonl


@dataclass(frozen=True)
class Passage:
    """A piece of a document.

    Attributes:
        text: Its text, in the form in which it is searched.
        document: Path of the document, relative to the folder of manuals, with "/" as separator.
        domain: The domain of its pairs.
        page: 1-based page on which it begins; None where the format has no pages.
        heading: The headings above it from the outermost to its own, such as
            ("Cooling", "Fault table"); empty where there is none.
    """

    text: str
    document: str
    domain: str
    page: int | None = None
    heading: tuple[str, ...] = ()


def write_passages(passages: Iterable[Passage], path: Path) -> None:
    """Writes a JSONL file of passages, whole or not at all; its fields are those of `Passage`.

    Args:
        passages: The passages, in the order of the file.
        path: The file.
    """
    write_jsonl(path, map(asdict, passages))
