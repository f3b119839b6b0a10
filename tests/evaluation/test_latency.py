"""Speed: who is timed with what, in which order; the clock is ours, so nothing is measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer

from evaluation.latency import (
    BATCHES,
    WARM_UP,
    Clock,
    measure_speed,
    spread_by_length,
    time_batches,
    time_single_queries,
)


class Recorder:
    """Stands in for a model and writes down what it was asked to encode."""

    def __init__(self, name: str, log: list[tuple[str, Any]]) -> None:
        self.name, self.log = name, log
        self.max_seq_length = 8
        self.device = "cpu"
        self.prompts: dict[str, str] = {}

    def encode_query(self, texts: Any, **_: Any) -> None:
        """Note the call."""
        self.log.append((self.name, texts))

    def encode_document(self, texts: Any, **_: Any) -> None:
        """Note the call, as one for passages."""
        self.log.append((f"{self.name}, passages", texts))

    def preprocess(self, texts: list[str], prompt: str | None) -> dict[str, torch.Tensor]:
        """A token a word."""
        return {
            "input_ids": torch.zeros(sum(len(f"{prompt or ''}{text}".split()) for text in texts))
        }


def ticking(step: float = 0.002) -> Clock:
    """A clock that goes on by a step each time it is read."""

    def ticks() -> Iterator[float]:
        now = 0.0
        while True:
            yield now
            now += step

    return ticks().__next__


def recorders() -> tuple[dict[str, Any], list[tuple[str, Any]]]:
    log: list[tuple[str, Any]] = []
    return {name: Recorder(name, log) for name in ("base", "tuned")}, log


def test_models_take_turns_with_the_same_query_and_each_is_first_equally_often() -> None:
    models, log = recorders()
    time_single_queries(models, ["a", "b", "c"], ticking())
    timed = log[2 * WARM_UP :]
    assert timed == [
        ("base", "a"),
        ("tuned", "a"),
        ("tuned", "b"),
        ("base", "b"),
        ("base", "c"),
        ("tuned", "c"),
    ]


def test_milliseconds_follow_from_the_clock() -> None:
    models, _ = recorders()
    found = time_single_queries(models, ["a"] * 10, ticking(0.002))
    assert found["base"].median == pytest.approx(2.0)
    assert found["tuned"].p99 == pytest.approx(2.0)


def test_batches_give_texts_and_tokens_a_second() -> None:
    models, log = recorders()
    found = time_batches(models, ["one two"] * 6, 4, ticking(0.5))
    assert [len(texts) for _, texts in log] == [4, 4, 2, 2]
    # Two batches of half a second each: 6 texts, 12 tokens.
    assert found["tuned"].sentences_per_second == pytest.approx(6.0)
    assert found["tuned"].tokens_per_second == pytest.approx(12.0)


def test_queries_and_passages_are_encoded_each_in_their_own_way() -> None:
    models, log = recorders()
    measure_speed(models, ["one"], ["one two"], 2, ticking())
    kinds = {name for name, texts in log if texts == ["one two"]}
    assert kinds == {"base, passages", "tuned, passages"}
    assert {name for name, texts in log if "one" in texts} == {"base", "tuned"}


def test_the_tokens_of_a_prompt_count() -> None:
    models, _ = recorders()
    models["tuned"].prompts = {"query": "three more words: ", "document": "passage: "}
    for kind, tokens in (("query", 5), ("document", 3)):
        found = time_batches(models, ["one two"], 1, ticking(1.0), kind)
        assert found["tuned"].tokens_per_second == pytest.approx(tokens)
        assert found["base"].tokens_per_second == pytest.approx(2)


def test_texts_are_spread_over_all_lengths_and_repeated_where_too_few() -> None:
    texts = ["a" * n for n in range(1, 102)]
    assert [len(text) for text in spread_by_length(texts, 5)] == [1, 26, 51, 76, 101]
    assert spread_by_length(["bb", "a"], 5) == ["a", "bb", "a", "bb", "a"]


def test_the_report_tells_the_machine_and_every_batch_size(tiny_model: SentenceTransformer) -> None:
    report = measure_speed(
        {"tiny": tiny_model}, ["pump leaks", "why"], ["replace the pump"] * 3, 4, ticking()
    )
    speed = report.models["tiny"]
    assert [found.batch for found in speed.queries] == list(BATCHES)
    assert speed.corpus.texts == 3
    # [CLS] replace the pump [SEP]
    per_text = speed.corpus.tokens_per_second / speed.corpus.sentences_per_second
    assert per_text == pytest.approx(5.0)
    assert set(vars(report.machine)) == {
        "processor",
        "cores",
        "threads",
        "device",
        "load_average_before",
        "load_average_after",
    }
    assert report.runs == 4
