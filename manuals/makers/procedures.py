"""Procedures by their titles."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from manuals.cutting import Piece
from manuals.documents.blocks import Items
from manuals.makers.manual import Asked, Manual
from manuals.vocabulary import is_generic, split_number

STEPS, WORDS_OF_A_STEP = 3, 3


def procedures(manual: Manual) -> Iterator[Asked]:
    """Yields the titles of sections with three numbered steps or more, for every passage of them.

    A title that says nothing alone, such as "Removal", follows that of the section above it.
    """
    for heading, pieces in groupby(manual.pieces, lambda piece: piece.passage.heading):
        section = list(pieces)
        steps = [step for piece in section for step in _steps(piece)]
        words = sum(len(step.split()) for step in steps)
        if heading and len(steps) >= STEPS and words >= WORDS_OF_A_STEP * len(steps):
            title = title_of(heading)
            yield from ((title, piece) for piece in section if any(_steps(piece)))


def title_of(heading: tuple[str, ...]) -> str:
    """Returns the title of a section without its number, under the one above if it needs that."""
    titles = [split_number(text)[1] for text in heading]
    generic = is_generic(titles[-1]) and len(titles) > 1
    return f"{titles[-2]}: {titles[-1]}" if generic else titles[-1]


def _steps(piece: Piece) -> list[str]:
    lists = [block for block in piece.blocks if isinstance(block, Items) and block.numbered]
    return [item for block in lists for item in block.items]
