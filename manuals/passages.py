"""Passages: the pieces of a document that a search would return."""

from __future__ import annotations

from dataclasses import dataclass


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
