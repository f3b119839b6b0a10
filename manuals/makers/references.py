"""Cross-references: the sentence that refers asks for the section that it refers to."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from manuals.cutting import Piece
from manuals.documents.blocks import Items, Text
from manuals.documents.sentences import split_sentences
from manuals.makers.manual import Asked, Manual
from manuals.vocabulary import CHAPTER, SECTION, SEE
from pairs.languages import COMMON_WORDS
from pairs.words import folded

_NUMBER = r"(\p{Nd}+(?:[.-]\p{Nd}+)+|\p{Lu}(?:[.-]\p{Nd}+)+)"
_TITLE = r"[\"'“„»«‚‘](.{3,80}?)[\"'”“«»’‘]"
_BEFORE = rf"(?:(?i:{SEE})\s+)?(?:(?i:in|under|unter|im|the|den|dem|der|die)\s+)*"
# A whole number is that of a chapter; "section 3" is as often one of a law or of a standard.
_REFERENCE = regex.compile(
    rf"{_BEFORE}(?:(?i:{SECTION})\s*(?:{_NUMBER}|{_TITLE})|(?i:{CHAPTER})\s*(\p{{Nd}}+)(?!\p{{Nd}}))"
    rf"|(?i:{SEE})\s+(?:(?i:the|den|die)\s+)*(?:(\p{{Nd}}+(?:\.\p{{Nd}}+)+)|{_TITLE})"
)
_POINTER = regex.compile(rf"\b(?i:{SEE}|{SECTION})(?!\w)")
_BRACKETS = regex.compile(
    r"\s*[(\[]\s*[)\].,;]?\s*[)\]]|\s+(?=[.,;:)\]])|^[\s,;:.–-]+|[\s.,;:–(-]+$"
)

_FUNCTION_WORDS = frozenset(word for words in COMMON_WORDS.values() for word in words.split())
WORDS_OF_A_QUERY = 4


def references(manual: Manual) -> Iterator[Asked]:
    """Yields what a sentence says beside its reference, for the section that it refers to."""
    for piece in manual.pieces:
        for sentence in _sentences(piece):
            for found in referred(sentence, manual):
                query = without_references(sentence)
                if found.passage.heading != piece.passage.heading and _says_something(query):
                    yield query, found


def referred(text: str, manual: Manual) -> list[Piece]:
    """Returns the sections that a text refers to by number, or by a title in quotation marks."""
    pieces = []
    for match in _REFERENCE.finditer(text):
        number = match.group(1) or match.group(3) or match.group(4)
        title = match.group(2) or match.group(5)
        found = manual.by_number.get(number) if number else manual.by_title.get(folded(title))
        if found is not None:
            pieces.append(found)
    return pieces


def without_references(sentence: str) -> str:
    """Returns a sentence without its references, the brackets that held them and its point."""
    text = _REFERENCE.sub("", sentence)
    while (shorter := _BRACKETS.sub("", text)) != text:
        text = shorter
    words = text.split()
    while words and words[-1].lower().strip(",") in _FUNCTION_WORDS:
        words.pop()
    return " ".join(words)


def _says_something(query: str) -> bool:
    """Whether what is left of a sentence has its beginning, some words, and refers no further."""
    is_whole = not query[:1].islower() and len(query.split()) >= WORDS_OF_A_QUERY
    return is_whole and _POINTER.search(query) is None


def _sentences(piece: Piece) -> Iterator[str]:
    """Yields the sentences of paragraphs and lists; tables refer row by row."""
    for block in piece.blocks:
        texts = [block.text] if isinstance(block, Text) else []
        texts += block.items if isinstance(block, Items) else []
        for text in texts:
            yield from split_sentences(text)
