"""Sentences of a passage that ask for it, as they are and with terms of the glossary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import regex

from manuals.cutting import Piece
from manuals.documents.blocks import Items, Text
from manuals.documents.sentences import split_sentences
from manuals.makers.lists import terms_of
from manuals.makers.manual import Asked, Manual
from manuals.vocabulary import split_label
from pairs.checks.texts import content_words

SHORTEST, LONGEST = 5, 30
# Share of letters among the signs of a sentence.
PROSE = 0.75
# Share of words that have the signs of code.
CODE = 0.2
_CODE = regex.compile(r"[_=\\\\{}<>$|]|/.*/")
_BRACKETED = regex.compile(r"\s*\(.*?\)")


def sentences(manual: Manual) -> Iterator[Asked]:
    """Yields one sentence for each passage, as in the inverse cloze task (Lee et al., ACL 2019).

    It is the sentence of 5 to 30 words whose content words are the rarest in the manual. The
    passage keeps it: a second form of a passage would be a false negative of the first, and
    another text than the one that is searched.
    """
    rarity = _rarity(manual)
    for piece in manual.pieces:
        sentence = max(_candidates(piece), key=lambda text: _score(text, rarity), default=None)
        if sentence is not None:
            yield sentence, piece


def glossary_in_context(manual: Manual) -> Iterator[Asked]:
    """Yields sentences in which a term of the glossary stands for its meaning, or the reverse."""
    swaps = _swaps(manual)
    rarity = _rarity(manual)
    for piece in manual.pieces:
        if terms_of(piece):
            continue
        candidates = list(_candidates(piece))
        for pattern, other in swaps:
            found = [text for text in candidates if pattern.search(text)]
            if found:
                best = max(found, key=lambda text: _score(text, rarity))
                yield pattern.sub(lambda _, other=other: other, best, count=1), piece


def _swaps(manual: Manual) -> list[tuple[regex.Pattern[str], str]]:
    """Returns what to look for and what to put in its place: meanings and terms, both ways."""
    pairs = [
        (term, _BRACKETED.sub("", meaning).strip(" ."))
        for piece in manual.pieces
        for term, meaning in terms_of(piece)
    ]
    return [
        (_pattern(one), other)
        for term, meaning in pairs
        for one, other in ((meaning, term), (term, meaning))
        if len(one) > 1 and len(meaning.split()) <= 6
    ]


def _pattern(words: str) -> regex.Pattern[str]:
    """Returns what finds a term; capitals are looked for as they are, "NO" is not "no"."""
    as_written = regex.escape(words) if words.isupper() else f"(?i:{regex.escape(words)})"
    return regex.compile(rf"(?<!\w){as_written}(?!\w)")


def _candidates(piece: Piece) -> Iterator[str]:
    """Yields the sentences of the paragraphs and lists of a passage that may be queries."""
    for block in piece.blocks:
        texts = [block.text] if isinstance(block, Text) else []
        texts += block.items if isinstance(block, Items) else []
        for text in texts:
            for sentence in split_sentences(split_label(text)[1]):
                if _may_ask(sentence):
                    yield sentence


def _may_ask(sentence: str) -> bool:
    """Whether a sentence is of a length to ask with, and prose rather than code or figures."""
    words = sentence.split()
    signs = [sign for word in words for sign in word]
    code = sum(_CODE.search(word) is not None for word in words)
    is_prose = sum(map(str.isalpha, signs)) >= PROSE * len(signs) and code <= CODE * len(words)
    return is_prose and SHORTEST <= len(words) <= LONGEST and not sentence.endswith(":")


def _rarity(manual: Manual) -> dict[str, float]:
    """Returns the inverse document frequency of each content word among the passages."""
    counts: Counter[str] = Counter()
    for piece in manual.pieces:
        counts.update(set(content_words(piece.passage.text)))
    return {word: math.log(1 + len(manual.pieces) / count) for word, count in counts.items()}


def _score(sentence: str, rarity: dict[str, float]) -> float:
    return sum(rarity.get(word, 0.0) for word in set(content_words(sentence)))
