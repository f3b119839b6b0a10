"""Captions of figures and tables."""

from __future__ import annotations

from collections.abc import Iterator

from manuals.documents.blocks import Caption
from manuals.makers.manual import Asked, Manual
from manuals.vocabulary import split_caption

OTHER_LETTERS = 80


def captions(manual: Manual) -> Iterator[Asked]:
    """Yields the words of captions, for passages that say more than the caption."""
    for piece in manual.pieces:
        for block in piece.blocks:
            parts = split_caption(block.text) if isinstance(block, Caption) else None
            if parts and len(piece.passage.text) >= len(parts[1]) + OTHER_LETTERS:
                yield parts[1], piece
