"""The frozen cache changes no embedding and no gradient, only the time they take."""

from __future__ import annotations

from typing import Any

import torch
from conftest import WORDS
from sentence_transformers import SentenceTransformer

from training.loop.freezing import encoder_layers, freeze
from training.loop.frozen_cache import GIB, FrozenCache

TEXTS = [" ".join(WORDS[n : n + 3 + n % 5]) for n in range(20)]


def cached(model: SentenceTransformer, limit: int = GIB) -> FrozenCache:
    freeze(model, 2)
    embeddings, layers = encoder_layers(model)
    return FrozenCache(embeddings, layers[:2], model.tokenizer.pad_token_id, limit)


def count_calls(model: SentenceTransformer) -> list[int]:
    """Rows that reach the attention of the first, frozen layer, call by call."""
    calls: list[int] = []
    attention: Any = encoder_layers(model)[1][0].attention
    attention.register_forward_hook(lambda module, args, output: calls.append(len(args[0])))
    return calls


def encode(model: SentenceTransformer, texts: list[str]) -> torch.Tensor:
    return model.encode(texts, batch_size=8, convert_to_tensor=True)


def test_embeddings_are_bit_equal_without_with_and_after_the_cache(
    tiny_model: SentenceTransformer,
) -> None:
    plain = encode(tiny_model, TEXTS)
    cache = cached(tiny_model)
    assert torch.equal(encode(tiny_model, TEXTS), plain)
    assert torch.equal(encode(tiny_model, TEXTS), plain)
    cache.remove()
    assert torch.equal(encode(tiny_model, TEXTS), plain)


def test_known_texts_skip_the_frozen_layers(tiny_model: SentenceTransformer) -> None:
    calls = count_calls(tiny_model)
    cache = cached(tiny_model)
    encode(tiny_model, TEXTS)
    assert (sum(calls), len(cache)) == (20, 20)
    encode(tiny_model, TEXTS[3:11])
    assert sum(calls) == 20


def test_a_batch_with_one_unknown_text_is_computed_whole(tiny_model: SentenceTransformer) -> None:
    plain = encode(tiny_model, ["pump", "valve motor"])
    cached(tiny_model)
    encode(tiny_model, ["pump"])
    torch.testing.assert_close(encode(tiny_model, ["pump", "valve motor"]), plain)


def test_known_texts_in_another_batch_give_the_same_embedding(
    tiny_model: SentenceTransformer,
) -> None:
    cached(tiny_model)
    encode(tiny_model, TEXTS)
    apart = torch.cat([encode(tiny_model, [text]) for text in TEXTS])
    torch.testing.assert_close(apart, encode(tiny_model, TEXTS))


def test_nothing_is_kept_beyond_the_limit_and_the_embeddings_stay_right(
    tiny_model: SentenceTransformer,
) -> None:
    plain = encode(tiny_model, TEXTS)
    one_text = 32 * 4 * 8
    cache = cached(tiny_model, limit=3 * one_text)
    for _ in range(2):
        assert torch.equal(encode(tiny_model, TEXTS), plain)
    assert cache.bytes <= 3 * one_text
    assert 0 < len(cache) < len(TEXTS)


def test_gradients_of_the_free_layers_are_the_same_from_the_cache(
    tiny_model: SentenceTransformer,
) -> None:
    def gradient() -> torch.Tensor:
        tiny_model.zero_grad()
        tiny_model(tiny_model.preprocess(TEXTS[:4]))["sentence_embedding"].square().sum().backward()
        top_layer: Any = encoder_layers(tiny_model)[1][3]
        weight = top_layer.output.dense.weight
        return torch.as_tensor(weight.grad).clone()

    tiny_model.eval()
    cached(tiny_model)
    torch.testing.assert_close(gradient(), gradient())


def test_an_encoder_whose_layers_give_tuples_is_served_too(tiny_model: SentenceTransformer) -> None:
    class InTuples(torch.nn.Module):
        def forward(self, hidden_states: torch.Tensor) -> tuple[torch.Tensor]:
            return (hidden_states * 2,)

    embeddings, layer = torch.nn.Embedding(9, 4), InTuples()
    ids = torch.tensor([[3, 4, 0]])
    expected = layer(embeddings(ids))[0]
    FrozenCache(embeddings, [layer], padding_id=0, limit=GIB)
    for _ in range(2):
        (output,) = layer(embeddings(ids))
        torch.testing.assert_close(output[:, :2], expected[:, :2])
