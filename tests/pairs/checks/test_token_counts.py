"""Tokens are counted by words where the tokenizer splits at spaces."""

from __future__ import annotations

import random

import pytest

from pairs.checks import split_texts, token_counts
from pairs.checks.split_texts import SplitTexts
from pairs.checks.token_counts import PART, WordCounter, parts_of, splits_at_spaces
from pairs.checks.tokens import TokenCounter

BITS = [
    "pump",
    "leaks,",
    "Öl",
    "[SEP]",
    "a\x0bb",
    "\t",
    "\n",
    "",
    "油圧",
    "\u00a0",
    "x" * 200,
    "\x1c",
]


def of_tokenizer(counter: TokenCounter, texts: list[str]) -> list[int]:
    tokens = counter.tokenizer(texts, truncation=False, verbose=False)["input_ids"]
    return [len(ids) for ids in tokens]


def test_the_sum_over_words_is_the_length_that_the_tokenizer_gives(
    tiny_counter: TokenCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert splits_at_spaces(tiny_counter.tokenizer)
    draw = random.Random(7)
    texts = [" ".join(draw.choices(BITS, k=draw.randint(0, 12))) for _ in range(300)]
    expected = of_tokenizer(tiny_counter, texts)
    assert WordCounter(tiny_counter.tokenizer).count(SplitTexts.of(texts)).tolist() == expected
    # Even where it forgets its words again and again.
    monkeypatch.setattr(split_texts, "MOST_PIECES", 3)
    counter = WordCounter(tiny_counter.tokenizer)
    assert [n for text in texts for n in counter.count(SplitTexts.of([text]))] == expected


def test_a_known_word_is_not_tokenized_again(
    tiny_counter: TokenCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    count = token_counts.count_tokens

    def spy(tokenizer: object, texts: list[str]) -> object:
        seen.extend(texts)
        return count(tokenizer, texts)

    monkeypatch.setattr(token_counts, "count_tokens", spy)
    counter = WordCounter(tiny_counter.tokenizer)
    counter.count(SplitTexts.of(["pump leaks", "pump"] * 50))
    counter.count(SplitTexts.of(["leaks pump"]))
    assert sorted(seen) == ["leaks", "pump"]


def test_a_very_long_text_is_tokenized_in_parts_cut_at_spaces() -> None:
    text = "pump valve " * 50_000
    parts = parts_of(text)
    assert "".join(parts) == text
    assert max(map(len, parts)) <= PART
    assert all(part.startswith(" ") for part in parts[1:])
    assert list(map(len, parts_of("x" * (2 * PART + 1)))) == [PART, PART, 1]
    assert parts_of("") == [""]
