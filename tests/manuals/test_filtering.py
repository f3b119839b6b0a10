"""A made pair stays if its query finds its passage again."""

from __future__ import annotations

from dataclasses import replace

from sentence_transformers import SentenceTransformer

from manuals.filtering import filter_pairs
from manuals.made_pairs import MadePair
from manuals.passages import Passage


def passages_of(count: int) -> list[Passage]:
    return [Passage(f"radar hvac part{n} pump{n}", "a.md", "hvac") for n in range(count)]


def test_a_pair_stays_if_its_passage_is_among_the_first(tiny_model: SentenceTransformer) -> None:
    passages = passages_of(40)
    good = MadePair("part7 pump7", passages[7], "x")
    bad = MadePair("part9 pump9", passages[8], "x")
    found = filter_pairs([good, bad], passages, tiny_model, first=3, language="en")
    assert (found.kept, found.duplicates) == ([good], 0)
    assert found.not_found == [replace(bad, found=False)]
    assert found.not_found[0].row()["found"] is False
    assert "found" not in good.row()


def test_the_passage_is_looked_for_among_all_passages(tiny_model: SentenceTransformer) -> None:
    passages = passages_of(40)
    pair = MadePair("part9 pump9", passages[8], "x")
    # Among its own passage alone any query finds it.
    assert filter_pairs([pair], [], tiny_model, first=1, language="en").kept == [pair]


def test_a_pair_that_says_what_an_earlier_one_says_is_left_out(
    tiny_model: SentenceTransformer,
) -> None:
    passages = passages_of(3)
    pairs = [MadePair("Part1  pump1", passages[1], "x"), MadePair("Part1 pump1", passages[1], "y")]
    found = filter_pairs(pairs, passages, tiny_model, language="en")
    assert (found.kept, found.duplicates) == (pairs[:1], 1)


def test_no_pairs_are_no_error(tiny_model: SentenceTransformer) -> None:
    assert filter_pairs([], passages_of(2), tiny_model).kept == []
