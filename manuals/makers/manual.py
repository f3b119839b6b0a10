"""A manual as the makers see it: its passages, and which of them a reference means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from manuals.cutting import Piece
from manuals.vocabulary import split_number
from pairs.words import folded

Asked: TypeAlias = tuple[str, Piece]


@dataclass(frozen=True)
class Manual:
    """The passages of a document.

    Attributes:
        pieces: The passages with their blocks, in the order of the document.
        by_number: The first passage of each numbered section or its first subsection.
        by_title: That of each section whose title no other one has.
    """

    pieces: Sequence[Piece]
    by_number: dict[str, Piece] = field(init=False, repr=False)
    by_title: dict[str, Piece] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Indexes the sections by number and title."""
        numbers: dict[str, Piece] = {}
        titles: dict[str, tuple[tuple[str, ...], Piece]] = {}
        ambiguous = set[str]()
        for piece in self.pieces:
            heading = piece.passage.heading
            for depth, text in enumerate(heading, 1):
                number, title = split_number(text)
                if number:
                    numbers.setdefault(number, piece)
                path, _ = titles.setdefault(folded(title), (heading[:depth], piece))
                if path != heading[:depth]:
                    ambiguous.add(folded(title))
        object.__setattr__(self, "by_number", numbers)
        kept = {title: found[1] for title, found in titles.items() if title not in ambiguous}
        object.__setattr__(self, "by_title", kept)


Maker: TypeAlias = Callable[[Manual], Iterator[Asked]]
