"""Chunks change no embedding, no loss and no gradient, only the time they take."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from conftest import WORDS
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)

from nic import chunked_model
from nic.chunked_model import (
    MOST_LETTERS,
    ChunkedSentenceTransformer,
    plan_chunks,
    token_rows,
)

TEXTS = [" ".join(WORDS[n : n + 1 + n % 9]) for n in range(24)]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked_model, "CPU_TOKENS", 32)


def spy(model: ChunkedSentenceTransformer) -> list[tuple[int, ...]]:
    """Shapes of the batches that reach the encoder."""
    shapes: list[tuple[int, ...]] = []
    model[0].register_forward_pre_hook(
        lambda module, args: shapes.append(tuple(args[0]["input_ids"].shape))
    )
    return shapes


def plain_copy(folder: Any) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 200))
def test_every_text_is_in_one_chunk_and_no_chunk_of_several_is_over_its_budget(
    lengths: list[int], budget: int
) -> None:
    chunks = plan_chunks(lengths, budget)
    assert sorted(place for chunk in chunks for place in chunk) == list(range(len(lengths)))
    for chunk in chunks:
        assert len(chunk) == 1 or len(chunk) * max(lengths[p] for p in chunk) <= budget


def test_embeddings_are_those_of_the_library_in_the_order_of_the_texts(
    tiny_model: ChunkedSentenceTransformer, tiny_model_folder: Any
) -> None:
    texts = random.Random(1).sample(TEXTS, len(TEXTS))
    expected = plain_copy(tiny_model_folder).encode(texts, batch_size=24, convert_to_tensor=True)
    found = tiny_model.encode(texts, batch_size=24, convert_to_tensor=True)
    torch.testing.assert_close(found, expected)


def test_a_text_that_stands_twice_in_a_batch_is_run_once(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    shapes = spy(tiny_model)
    found = tiny_model(tiny_model.preprocess([*TEXTS[:3], *TEXTS[:3]]))["sentence_embedding"]
    assert sum(rows for rows, _ in shapes) == 3
    assert torch.equal(found[:3], found[3:])


def test_a_short_text_is_not_padded_to_the_length_of_a_long_one(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    shapes = spy(tiny_model)
    tiny_model(tiny_model.preprocess(["pump", " ".join(WORDS[:30])]))
    assert shapes == [(1, 32), (1, 3)]


@pytest.mark.parametrize(
    "loss_class", [MultipleNegativesRankingLoss, CachedMultipleNegativesRankingLoss]
)
def test_loss_and_gradients_are_those_of_the_library(
    tiny_model: ChunkedSentenceTransformer, tiny_model_folder: Any, loss_class: Any
) -> None:
    found = {}
    for model in (tiny_model, plain_copy(tiny_model_folder)):
        model.eval()
        loss = loss_class(model)
        # Five negatives for eight rows: columns may differ in their number of rows.
        columns = [model.preprocess(TEXTS[a:b]) for a, b in ((0, 8), (8, 16), (16, 21))]
        if isinstance(model, ChunkedSentenceTransformer):
            model.embed_together(columns)
        value = loss(columns, torch.tensor([]))
        value.backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        found[type(model)] = (value.detach(), gradients)
    torch.testing.assert_close(
        found[ChunkedSentenceTransformer], found[SentenceTransformer], rtol=1e-4, atol=1e-6
    )


def test_the_columns_of_a_batch_run_together_and_a_later_batch_by_itself(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    shapes = spy(tiny_model)
    columns = [tiny_model.preprocess([text, TEXTS[9]]) for text in ("pump", "belt")]
    tiny_model.embed_together(columns)
    apart = [tiny_model(column)["sentence_embedding"] for column in columns]
    assert sum(rows for rows, _ in shapes) == 3
    tiny_model.embed_together(())
    for column, expected in zip(columns, apart, strict=True):
        torch.testing.assert_close(tiny_model(column)["sentence_embedding"], expected)
    assert sum(rows for rows, _ in shapes) == 7


def test_columns_with_other_prompts_run_apart_if_the_pooling_could_tell_them(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    pooling: Any = tiny_model[1]
    for include, together in ((True, True), (False, False)):
        pooling.include_prompt = include
        columns = [tiny_model.preprocess(["pump"], prompt=prompt) for prompt in ("belt ", None)]
        tiny_model.embed_together(columns)
        tiny_model(columns[0])
        assert ("sentence_embedding" in columns[1]) is together


def test_a_batch_padded_at_the_left_runs_as_it_is(tiny_model: ChunkedSentenceTransformer) -> None:
    features = tiny_model.preprocess(["pump", "pump noisy belt"])
    features["attention_mask"] = features["attention_mask"].flip(1)
    assert token_rows(features) is None
    shapes = spy(tiny_model)
    tiny_model(features)
    assert [rows for rows, _ in shapes] == [2]


def test_a_column_padded_at_the_left_is_not_embedded_with_the_columns_of_its_batch(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    columns = [tiny_model.preprocess(["pump", "pump noisy belt"]) for _ in range(2)]
    for name in ("input_ids", "attention_mask"):
        columns[1][name] = columns[1][name].flip(1)
    tiny_model.embed_together(columns)
    assert [len(tiny_model(column)["sentence_embedding"]) for column in columns] == [2, 2]


def test_remembered_tokens_are_those_of_the_tokenizer_and_it_sees_a_text_once(
    tiny_model: ChunkedSentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tiny_model.preprocess(TEXTS[:5], prompt="pump ")
    seen: list[str] = []
    tokenize = SentenceTransformer.preprocess

    def counting(self: Any, inputs: list[str], **kwargs: Any) -> Any:
        seen.extend(inputs)
        return tokenize(self, inputs, **kwargs)

    monkeypatch.setattr(SentenceTransformer, "preprocess", counting)
    with tiny_model.remembering_tokens():
        for _ in range(2):
            found = tiny_model.preprocess(TEXTS[:5], prompt="pump ")
            assert found.keys() == expected.keys()
            for name, value in expected.items():
                assert (
                    torch.equal(found[name], value)
                    if torch.is_tensor(value)
                    else found[name] == value
                )
        assert seen == TEXTS[:5]
        tiny_model.preprocess(TEXTS[:5])
        assert seen == TEXTS[:5] * 2


def test_of_a_text_of_megabytes_the_beginning_is_tokenized(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    seen: list[int] = []
    tokenize = tiny_model[0].preprocess

    def watched(inputs: list[str], **kwargs: Any) -> Any:
        seen.extend(map(len, inputs))
        return tokenize(inputs, **kwargs)

    long = "check the pump " * 20_000
    plain = SentenceTransformer.preprocess(tiny_model, [long])
    tiny_model[0].preprocess = watched
    found = tiny_model.preprocess([long, "pump"])
    assert seen == [MOST_LETTERS, 4]
    assert torch.equal(found["input_ids"][0], plain["input_ids"][0])


def test_half_precision_gives_embeddings_in_fp32_and_ends(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    plain = tiny_model.encode(TEXTS, convert_to_tensor=True)
    tiny_model.run_in(torch.bfloat16)
    half = tiny_model.encode(TEXTS, convert_to_tensor=True)
    assert half.dtype == torch.float32
    assert not torch.equal(half, plain)
    assert torch.nn.functional.cosine_similarity(half, plain).min() > 0.999
    tiny_model.run_in(None)
    assert torch.equal(tiny_model.encode(TEXTS, convert_to_tensor=True), plain)


def test_half_precision_has_plain_attention_for_gradients_alone(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    config = tiny_model[0].auto_model.config
    found: list[str] = []
    tiny_model[0].register_forward_hook(lambda *_: found.append(config._attn_implementation))
    tiny_model.run_in(torch.bfloat16)
    tiny_model(tiny_model.preprocess(TEXTS[:2]))
    tiny_model.encode(TEXTS[:2])
    tiny_model(tiny_model.preprocess(TEXTS[:2]))
    tiny_model.run_in(None)
    tiny_model(tiny_model.preprocess(TEXTS[:2]))
    assert found == ["eager", "sdpa", "eager", "sdpa"]


def test_the_autocast_of_a_caller_stays_in_force(tiny_model: ChunkedSentenceTransformer) -> None:
    found: list[torch.dtype] = []
    tiny_model[0].register_forward_hook(
        lambda module, args, output: found.append(output["token_embeddings"].dtype)
    )
    dense: Any = tiny_model[0].auto_model.encoder.layer[0].attention.self.query
    dense.register_forward_hook(lambda module, args, output: found.append(output.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        tiny_model(tiny_model.preprocess(TEXTS[:2]))
    assert found[0] == torch.bfloat16
