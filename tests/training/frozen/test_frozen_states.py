"""The states of the frozen layers change no embedding and no gradient, only the time they take."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import WORDS

from nic.chunked_model import ChunkedSentenceTransformer, token_rows
from nic.errors import UserError
from nic.sharing import Sharing
from training.frozen import frozen_states
from training.frozen.encoder_parts import encoder_parts
from training.frozen.freezing import freeze
from training.frozen.frozen_states import (
    GIB,
    FrozenStates,
    keep_frozen_states,
    why_not_kept,
)
from training.frozen.own_texts import PromptedTexts

TEXTS = [" ".join(WORDS[n : n + 3 + n % 5]) for n in range(20)]
FROZEN = 2
TEXTS_IN_FP32: dict[torch.dtype, PromptedTexts] = {torch.float32: {None: TEXTS}}


@pytest.fixture
def states(tiny_model: ChunkedSentenceTransformer) -> FrozenStates:
    freeze(tiny_model, FROZEN)
    return FrozenStates(tiny_model, FROZEN, torch.float32)


def fill(
    states: FrozenStates,
    model: ChunkedSentenceTransformer,
    folder: Path,
    texts: list[str] = TEXTS,
    memory: int = GIB,
) -> None:
    states.fill(token_rows(model.preprocess(texts)) or [], memory, folder)


def count_rows(model: ChunkedSentenceTransformer) -> list[int]:
    """Rows that reach the attention of the first, frozen layer, call by call."""
    calls: list[int] = []
    attention: Any = encoder_parts(model).layers[0].attention
    attention.register_forward_hook(lambda module, args, output: calls.append(len(args[0])))
    return calls


def encode(model: ChunkedSentenceTransformer, texts: list[str] = TEXTS) -> torch.Tensor:
    return model.encode(texts, batch_size=8, convert_to_tensor=True)


def test_embeddings_are_the_same_without_with_and_after_the_states(
    tiny_model: ChunkedSentenceTransformer, states: FrozenStates, tmp_path: Path
) -> None:
    plain = encode(tiny_model)
    fill(states, tiny_model, tmp_path)
    torch.testing.assert_close(encode(tiny_model), plain)
    states.free()
    assert torch.equal(encode(tiny_model), plain)


def test_each_text_passes_the_frozen_layers_once(
    tiny_model: ChunkedSentenceTransformer, states: FrozenStates, tmp_path: Path
) -> None:
    calls = count_rows(tiny_model)
    fill(states, tiny_model, tmp_path, TEXTS + TEXTS)
    assert (sum(calls), len(states)) == (20, 20)
    encode(tiny_model)
    encode(tiny_model, TEXTS[3:11])
    assert sum(calls) == 20


def test_of_a_batch_only_the_unknown_texts_are_computed(
    tiny_model: ChunkedSentenceTransformer, states: FrozenStates, tmp_path: Path
) -> None:
    plain = encode(tiny_model, [*TEXTS[:4], "valve motor"])
    fill(states, tiny_model, tmp_path)
    calls = count_rows(tiny_model)
    torch.testing.assert_close(encode(tiny_model, [*TEXTS[:4], "valve motor"]), plain)
    assert calls == [1]


def test_gradients_of_the_free_layers_are_the_same_from_the_states(
    tiny_model: ChunkedSentenceTransformer, states: FrozenStates, tmp_path: Path
) -> None:
    def gradients() -> list[torch.Tensor]:
        tiny_model.zero_grad()
        tiny_model(tiny_model.preprocess(TEXTS[:4]))["sentence_embedding"].square().sum().backward()
        layers = encoder_parts(tiny_model).layers
        return [torch.as_tensor(p.grad).clone() for p in layers[FROZEN:].parameters()]

    tiny_model.eval()
    plain = gradients()
    fill(states, tiny_model, tmp_path)
    for gradient, expected in zip(gradients(), plain, strict=True):
        torch.testing.assert_close(gradient, expected)


def test_states_beyond_the_memory_lie_in_a_file_that_nobody_sees(
    tiny_model: ChunkedSentenceTransformer, states: FrozenStates, tmp_path: Path
) -> None:
    plain = encode(tiny_model)
    fill(states, tiny_model, tmp_path, memory=1)
    assert len(states) == 20
    assert list(tmp_path.iterdir()) == []
    torch.testing.assert_close(encode(tiny_model), plain)


def test_on_a_full_disk_the_texts_that_fit_into_the_memory_are_kept_and_the_log_says_so(
    tiny_model: ChunkedSentenceTransformer,
    states: FrozenStates,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(file: int, size: int) -> None:
        raise OSError("No space left on device")

    plain = encode(tiny_model)
    monkeypatch.setattr(frozen_states, "_reserve", full)
    monkeypatch.setattr(frozen_states, "CPU_TOKENS", 16)
    one_text = 32 * 4 * 9
    with caplog.at_level(logging.WARNING):
        fill(states, tiny_model, tmp_path, memory=3 * one_text)
    assert 0 < len(states) < 20
    assert f"kept for {len(states)} of 20 texts" in caplog.text
    torch.testing.assert_close(encode(tiny_model), plain)


def test_states_in_half_precision_serve_under_autocast_alone(
    tiny_model: ChunkedSentenceTransformer, tmp_path: Path
) -> None:
    freeze(tiny_model, FROZEN)
    plain = encode(tiny_model)
    states = FrozenStates(tiny_model, FROZEN, torch.bfloat16)
    fill(states, tiny_model, tmp_path)
    assert torch.equal(encode(tiny_model), plain)
    tiny_model.run_in(torch.bfloat16)
    calls = count_rows(tiny_model)
    half = encode(tiny_model)
    assert calls == []
    assert half.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(half, plain).min() > 0.999


def test_the_states_serve_another_model_with_the_same_frozen_layers_and_no_other(
    tiny_model: ChunkedSentenceTransformer,
    states: FrozenStates,
    tiny_model_folder: Path,
    tmp_path: Path,
) -> None:
    fill(states, tiny_model, tmp_path)
    other = ChunkedSentenceTransformer(str(tiny_model_folder), device="cpu")
    plain = encode(other)
    states.attach(other)
    calls = count_rows(other)
    torch.testing.assert_close(encode(other), plain)
    assert calls == []
    with torch.no_grad():
        next(iter(encoder_parts(other).layers[1].parameters())).add_(1)
    with pytest.raises(UserError, match="frozen layers of the saved model"):
        states.attach(other)


def test_no_states_are_kept_below_a_parameter_that_is_trained(
    tiny_model: ChunkedSentenceTransformer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    freeze(tiny_model, FROZEN)
    assert why_not_kept(tiny_model, FROZEN) is None
    encoder_parts(tiny_model).embeddings.requires_grad_(True)
    with caplog.at_level(logging.INFO):
        assert keep_frozen_states(tiny_model, FROZEN, TEXTS_IN_FP32, 4.0, tmp_path) == []
    assert "word_embeddings.weight is trained and comes before a frozen layer" in caplog.text


def test_no_states_are_kept_of_nothing_or_in_no_memory(
    tiny_model: ChunkedSentenceTransformer, tmp_path: Path
) -> None:
    freeze(tiny_model, FROZEN)
    assert keep_frozen_states(tiny_model, 0, TEXTS_IN_FP32, 4.0, tmp_path) == []
    assert keep_frozen_states(tiny_model, FROZEN, TEXTS_IN_FP32, 0, tmp_path) == []


def test_states_of_two_precisions_serve_one_model(
    tiny_model: ChunkedSentenceTransformer, tmp_path: Path
) -> None:
    freeze(tiny_model, FROZEN)
    plain = encode(tiny_model)
    texts: dict[torch.dtype, PromptedTexts] = {**TEXTS_IN_FP32, torch.bfloat16: {None: TEXTS}}
    kept = keep_frozen_states(tiny_model, FROZEN, texts, 1.0, tmp_path)
    assert [len(states) for states in kept] == [20, 20]
    calls = count_rows(tiny_model)
    torch.testing.assert_close(encode(tiny_model), plain)
    tiny_model.run_in(torch.bfloat16)
    assert not torch.equal(encode(tiny_model), plain)
    assert calls == []


def test_each_of_two_processes_keeps_the_states_of_its_own_texts(
    tiny_model: ChunkedSentenceTransformer, tmp_path: Path
) -> None:
    freeze(tiny_model, FROZEN)
    plain = tiny_model.encode(TEXTS, convert_to_tensor=True)
    kept = []
    for rank in (0, 1):
        tiny_model.sharing = Sharing(rank, 2)
        kept += keep_frozen_states(tiny_model, FROZEN, TEXTS_IN_FP32, 1.0, tmp_path)
    tiny_model.sharing = None
    assert 0 < len(kept[0]) < len(TEXTS)
    assert len(kept[0]) + len(kept[1]) == len(TEXTS)
    # A text of the other process is computed when it comes, as in the final report.
    calls = count_rows(tiny_model)
    kept[1].detach()
    kept[0].attach(tiny_model)
    torch.testing.assert_close(encode(tiny_model), plain)
    assert sum(calls) == len(kept[1])
