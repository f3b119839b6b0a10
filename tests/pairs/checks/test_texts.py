"""Texts that teach nothing are told from texts that do."""

from __future__ import annotations

import random

import pytest
import regex

from pairs.checks import texts
from pairs.checks.codes import number_words
from pairs.checks.texts import (
    content_words,
    has_no_content_words,
    is_contents_table,
    is_debris,
    is_mostly_digits,
)
from pairs.words import is_unspaced, without_unspaced, words_of


@pytest.mark.parametrize(
    "query",
    [
        "How do I ---?",
        "What are the steps to 115.?",
        "What causes manual?",
        "How do I (212°f)?",
        "",
    ],
)
def test_a_frame_around_nothing_says_nothing(query: str) -> None:
    assert has_no_content_words(query)


@pytest.mark.parametrize(
    "query", ["How do I bleed?", "TXV hunting", "Was ist der Öldruck?", "motor 24V", "тормоз"]
)
def test_one_content_word_of_three_letters_says_something(query: str) -> None:
    assert not has_no_content_words(query)


def test_content_words_are_in_lower_case_without_stop_and_template_words() -> None:
    words = content_words("What are the steps to replace the Front-Axle seal on a T6?")
    assert words == ["replace", "front", "axle", "seal"]


@pytest.mark.parametrize(
    "passage",
    [
        "Lubrication ........ 12",
        "Brakes . . . . . . 4-3\nClutch . . . . . . 4-9",
        "Hoses …… 3",
    ],
)
def test_dot_leaders_make_a_contents_table(passage: str) -> None:
    assert is_contents_table(passage)


def test_full_stops_and_an_ellipsis_do_not() -> None:
    assert not is_contents_table("Stop the engine. Wait... then open the cap. See p. 4.")
    assert not is_contents_table("Name of the mechanic: ____________")


def test_more_than_half_digits_is_mostly_digits() -> None:
    assert is_mostly_digits("10 20 30 mm")
    assert not is_mostly_digits("M8 12 Nm ok")
    assert not is_mostly_digits("...")


@pytest.mark.parametrize(
    "passage",
    [
        "TheGAINcontrol allowsManual adjustment",
        "removethewheelnutsandwasherscarefully and store them",
        "wait until done.Then close it",
        "PARKING(cid:31) BRAKE(cid:31) TO CIRCUIT(cid:31)",
        "the \ufffd and \ufffd and \ufffd marks",
    ],
)
def test_run_together_words_and_lost_glyphs_are_debris(passage: str) -> None:
    assert is_debris(passage)


def test_a_name_in_capitals_in_good_prose_is_no_debris() -> None:
    prose = "Set the MultiScan radar to AUTO and wait for the WXR display to show the next sweep."
    assert not is_debris(prose)
    assert not is_debris("")


# The patterns as they are meant, which try each letter of a word.
CODE = regex.compile(r"\p{L}+-?\p{N}[\p{L}\p{N}]*(?:[-.]\p{N}+)*|\p{N}+\p{L}+-\p{N}+")
NUMBER_WORD = regex.compile(
    r"[\p{L}\p{M}]*\p{Nd}[\p{L}\p{M}\p{N}]*(?:[.,]\p{Nd}+)*|(?<![\p{L}\p{M}\p{N}])\p{Lu}(?![\p{L}\p{M}])"
)
CAPITAL = regex.compile(r"[a-z]{2}[A-Z][a-z]|[a-z]{2}[.,;:][A-Z][a-z]")


def random_texts(signs: str) -> list[str]:
    draw = random.Random(7)
    return ["".join(draw.choices(signs, k=draw.randint(0, 30))) for _ in range(3000)]


@pytest.mark.parametrize("signs", ["aabbAB12-., ", "aAöÄ\u030812½²-.,油 \n"])
def test_patterns_that_look_behind_find_what_the_plain_ones_find(signs: str) -> None:
    for text in random_texts(signs):
        without = CODE.sub("code", text)
        digits = sum(sign.isdigit() for sign in without)
        letters = sum(len(word) * (1 + is_unspaced(word)) for word in words_of(without))
        assert is_mostly_digits(text) == (digits > 0.5 * letters)
        words = [word.lower() for word in NUMBER_WORD.findall(without_unspaced(text))]
        assert number_words(text) == words
        assert (texts._CAPITAL_WITHIN.search(text) is None) == (CAPITAL.search(text) is None)
