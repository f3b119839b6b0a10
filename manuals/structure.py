"""Pairs from the structure of manuals, without a language model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from manuals.made_pairs import MadePair
from manuals.makers.manual import Manual
from manuals.makers.table import MAKERS
from manuals.pieces import ManualPassages
from pairs.checks.texts import has_no_content_words
from pairs.words import folded

LONGEST_QUERY = 40
PASSAGES_OF_A_QUERY = 3
NO_CONTENT, TOO_LONG, IS_PASSAGE = "no_content_words", "longer_than_40_words", "is_the_passage"
REPEATED, AMBIGUOUS = "repeated", "more_than_3_passages"


@dataclass
class StructurePairs:
    """Pairs from structure.

    Attributes:
        pairs: The pairs, in the order of the documents, their makers and their passages.
        left_out: Number of queries that are left out, by the reason.
    """

    pairs: list[MadePair]
    left_out: Counter[str] = field(default_factory=Counter)


def make_structure_pairs(found: ManualPassages, origins: Sequence[str]) -> StructurePairs:
    """Makes pairs from what manuals have: fault tables, procedures, lists, references, sentences.

    Left out are queries without content words, of more than 40 words, that are the whole passage,
    that stand there already, and those that lead to more than three passages of a domain.

    Args:
        found: The passages.
        origins: Names of the makers to use.
    """
    made = StructurePairs([])
    asked = [pair for read in found.documents for pair in _ask(Manual(read.pieces), origins)]
    made.pairs = list(_different(_usable(asked, made.left_out), made.left_out))
    by_query: dict[tuple[str, str], int] = defaultdict(int)
    for pair in made.pairs:
        by_query[_query(pair)] += 1
    kept = [pair for pair in made.pairs if by_query[_query(pair)] <= PASSAGES_OF_A_QUERY]
    made.left_out[AMBIGUOUS] += len(made.pairs) - len(kept)
    made.pairs = kept
    return made


def _ask(manual: Manual, origins: Sequence[str]) -> Iterator[MadePair]:
    for origin, maker in MAKERS.items():
        if origin in origins:
            for query, piece in maker(manual):
                yield MadePair(" ".join(query.split()).rstrip(" ."), piece.passage, origin)


def _usable(pairs: Iterable[MadePair], left_out: Counter[str]) -> Iterator[MadePair]:
    for pair in pairs:
        if has_no_content_words(pair.query):
            left_out[NO_CONTENT] += 1
        elif len(pair.query.split()) > LONGEST_QUERY:
            left_out[TOO_LONG] += 1
        elif folded(pair.query) == folded(pair.passage.text).rstrip(" ."):
            left_out[IS_PASSAGE] += 1
        else:
            yield pair


def _different(pairs: Iterable[MadePair], left_out: Counter[str]) -> Iterator[MadePair]:
    seen = set[tuple[str, str]]()
    for pair in pairs:
        key = folded(pair.query), pair.passage.text
        if key in seen:
            left_out[REPEATED] += 1
        else:
            seen.add(key)
            yield pair


def _query(pair: MadePair) -> tuple[str, str]:
    return pair.passage.domain, folded(pair.query)
