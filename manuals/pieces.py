"""The passages of a folder of manuals: which are kept, and why others are left out."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from manuals.cutting import CountTokens, Piece, cut_document
from manuals.documents.reading import LeftOut, read_documents
from manuals.passages import Passage
from pairs.checks.near_duplicates import group_near_duplicates
from pairs.checks.texts import FLAWS, content_words

logger = logging.getLogger(__name__)

CONTENT_WORDS = 5
TOO_SHORT, NEAR_DUPLICATE = "too_short", "near_duplicate"


@dataclass
class ReadDocument:
    """A document and what came of it.

    Attributes:
        name: Its path in the folder.
        domain: The domain of its pairs.
        pages: Number of pages; None where its format has none.
        pages_without_text: Those that hold a picture at most.
        pieces: Its passages.
    """

    name: str
    domain: str
    pages: int | None
    pages_without_text: int
    pieces: list[Piece]


@dataclass
class ManualPassages:
    """The passages of a folder of manuals.

    Attributes:
        documents: The documents that were read.
        files: What was not read.
        left_out: Number of passages that are left out, by the reason.
    """

    documents: list[ReadDocument]
    files: LeftOut
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def passages(self) -> list[Passage]:
        """The passages, in the order of the documents."""
        return [piece.passage for read in self.documents for piece in read.pieces]


def read_passages(
    folder: Path, count_tokens: CountTokens, limit: int, domain: str | None = None
) -> ManualPassages:
    """Reads the passages of a folder of manuals.

    Left out are contents, passages of digits and debris, as `nic-check` flags them, passages of
    fewer than five content words, and near-duplicates of an earlier passage.

    Args:
        folder: The folder.
        count_tokens: Counts the tokens of texts.
        limit: Most tokens of a passage.
        domain: Domain of the documents that lie in no folder of their own; None takes "all".

    Raises:
        UserError: The folder holds no document.
    """
    files = LeftOut()
    found = ManualPassages([], files)
    for document in read_documents(folder, domain, files):
        pieces = []
        for piece in cut_document(document, count_tokens, limit):
            if flaw := flaw_of(piece.passage.text):
                found.left_out[flaw] += 1
            else:
                pieces.append(piece)
        logger.info("%s: %s", document.name, _told(document.pages, len(pieces)))
        if document.pages_without_text:
            logger.warning("%s: %d pages without text", document.name, document.pages_without_text)
        facts = (document.name, document.domain, document.pages, document.pages_without_text)
        found.documents.append(ReadDocument(*facts, pieces))
    _drop_near_duplicates(found)
    return found


def flaw_of(text: str) -> str | None:
    """Returns why a text is no passage to search for; None where it is one."""
    if len(content_words(text)) < CONTENT_WORDS:
        return TOO_SHORT
    return next((key for key, has in FLAWS.items() if has(text)), None)


def _told(pages: int | None, passages: int) -> str:
    counted = f"{passages:,} passage{'' if passages == 1 else 's'}"
    return counted if pages is None else f"{pages:,} page{'' if pages == 1 else 's'}, {counted}"


def _drop_near_duplicates(found: ManualPassages) -> None:
    """Keeps the first of each group of near-duplicate passages."""
    groups = group_near_duplicates([passage.text for passage in found.passages]).tolist()
    number = 0
    for read in found.documents:
        kept = []
        for piece in read.pieces:
            if groups[number] == number:
                kept.append(piece)
            number += 1
        found.left_out[NEAR_DUPLICATE] += len(read.pieces) - len(kept)
        read.pieces = kept
