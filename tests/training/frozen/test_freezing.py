"""Freezing: what is frozen stays bit-equal, what is free moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ModernBertConfig,
    MPNetConfig,
    PreTrainedConfig,
    RobertaConfig,
    T5Config,
    XLMRobertaConfig,
)

from nic.errors import UserError
from training.frozen.encoder_parts import encoder_parts
from training.frozen.freezing import (
    check_freezable,
    freeze,
    layers_to_freeze,
    log_freezing,
)

SIZES: dict[str, Any] = {"vocab_size": 80, "hidden_size": 32, "num_attention_heads": 4}
SIZES |= {"num_hidden_layers": 3, "intermediate_size": 48, "pad_token_id": 0}
DISTIL: dict[str, Any] = {
    "vocab_size": 80,
    "dim": 32,
    "n_heads": 4,
    "n_layers": 3,
    "hidden_dim": 48,
}
SHAPES: list[PreTrainedConfig] = [
    BertConfig(**SIZES),
    RobertaConfig(**SIZES),
    MPNetConfig(**SIZES),
    DistilBertConfig(**DISTIL),
    ModernBertConfig(**SIZES, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2),
    XLMRobertaConfig(**SIZES),
    DebertaV2Config(
        **SIZES, relative_attention=True, norm_rel_ebd="layer_norm", pos_att_type=["c2p", "p2c"]
    ),
    T5Config(vocab_size=80, d_model=32, d_kv=8, d_ff=48, num_layers=3, num_heads=4),
]


def model_of(config: PreTrainedConfig, tokenizer_of: Path, folder: Path) -> SentenceTransformer:
    model = AutoModel.from_config(config)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tokenizer_of / name).read_bytes())
    return SentenceTransformer(modules=[Transformer(str(folder)), Pooling(32)], device="cpu")


@pytest.mark.parametrize(
    ("asked", "layers", "frozen"),
    [(0, 6, 0), (1, 6, 1), (4, 6, 4), (5, 6, 5), (6, 6, 4), (10, 6, 4), (10, 12, 10), (3, 2, 0)],
)
def test_a_number_below_the_layers_is_exact_and_any_other_leaves_the_top_two(
    asked: int, layers: int, frozen: int
) -> None:
    assert layers_to_freeze(asked, layers) == frozen


@pytest.mark.parametrize("config", SHAPES, ids=lambda config: config.model_type)
def test_each_known_shape_freezes_embeddings_and_bottom_layers(
    config: PreTrainedConfig, tiny_model_folder: Path, tmp_path: Path
) -> None:
    model = model_of(config, tiny_model_folder, tmp_path)
    result = freeze(model, 2)
    parts = encoder_parts(model)
    assert len(parts.layers) == 3
    assert result.frozen_layers == 2
    held = [parts.embeddings, *parts.shared]
    assert not any(p.requires_grad for module in held for p in module.parameters())
    assert [any(p.requires_grad for p in layer.parameters()) for layer in parts.layers] == [
        False,
        False,
        True,
    ]


def test_an_unknown_shape_is_refused_unless_nothing_is_to_be_frozen(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    config = AlbertConfig(**SIZES, embedding_size=16)
    model = model_of(config, tiny_model_folder, tmp_path)
    with pytest.raises(UserError, match="cannot find the layers of AlbertModel.*--freeze-layers 0"):
        check_freezable(model, 1)
    check_freezable(model, 0)
    assert freeze(model, 0).frozen_layers == 0


def test_the_pooler_is_frozen_even_where_nothing_else_is(tiny_model: SentenceTransformer) -> None:
    result = freeze(tiny_model, 0)
    pooler = tiny_model[0].auto_model.pooler
    held = sum(p.numel() for p in pooler.parameters())
    assert held > 0
    assert result.trainable_parameters == result.parameters - held


def test_frozen_weights_are_bit_equal_after_steps_and_free_ones_moved(
    tiny_model: SentenceTransformer,
) -> None:
    freeze(tiny_model, 2)
    before = {name: p.detach().clone() for name, p in tiny_model.named_parameters()}
    optimizer = torch.optim.AdamW(tiny_model.parameters(), lr=0.01, weight_decay=0.5)
    loss = MultipleNegativesRankingLoss(tiny_model)
    tiny_model.train()
    for _ in range(2):
        texts = (["pump noisy", "belt loose"], ["replace pump", "tighten belt"])
        loss([tiny_model.preprocess(list(t)) for t in texts], torch.tensor([])).backward()
        optimizer.step()
        optimizer.zero_grad()
    for name, parameter in tiny_model.named_parameters():
        assert torch.equal(parameter, before[name]) != parameter.requires_grad, name


def test_frozen_layers_have_no_dropout_in_training(tiny_model: SentenceTransformer) -> None:
    freeze(tiny_model, 2)
    tiny_model.train()
    outputs: list[torch.Tensor] = []
    layer = encoder_parts(tiny_model).layers[1]
    layer.register_forward_hook(lambda module, args, output: outputs.append(output))
    for _ in range(2):
        tiny_model(tiny_model.preprocess(["pump noisy"]))
    assert torch.equal(outputs[0], outputs[1])


def test_the_log_says_what_was_done_otherwise_than_asked(
    tiny_model: SentenceTransformer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        log_freezing(freeze(tiny_model, 10))
    assert "the bottom 2 are frozen, the top 2 stay trainable" in caplog.text
    assert "Froze bottom 2/4 transformer layers" in caplog.text
    assert "Trainable params: " in caplog.text
