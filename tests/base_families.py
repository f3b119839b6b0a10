"""Tiny base models, one of each family, and what this project does with a family.

`SUPPORT` is the table of docs/base-models.md: the tests check every cell, and the page against it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    StaticEmbedding,
    Transformer,
)
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5EncoderModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

COLUMNS = ("train", "freeze", "cache", "evaluate", "package", "ONNX", "int8", "nic-encoder")
ALL = dict.fromkeys(COLUMNS, True)
NO_LAYERS = {"freeze": False, "cache": False}
NO_ONNX = {"ONNX": False, "int8": False, "nic-encoder": False}
SUPPORT: dict[str, dict[str, bool]] = {
    "BERT": ALL,
    "MPNet": ALL,
    "RoBERTa": ALL,
    "XLM-R": ALL,
    "DistilBERT": ALL,
    "ModernBERT": ALL,
    "DeBERTa-v2, v3": ALL,
    "T5 encoder": ALL | {"cache": False},
    "StaticEmbedding": ALL | NO_LAYERS | NO_ONNX,
    "with Dense": ALL,
    "with truncate_dim": ALL,
    "CLS pooling": ALL,
    "fp16": ALL,
}
# The encoder of the first is that of the second, and so is its ONNX file.
SAME_ENCODER = {
    "XLM-R": "RoBERTa",
    **dict.fromkeys(("with Dense", "with truncate_dim", "CLS pooling", "fp16"), "BERT"),
}


WIDTH, LAYERS, LENGTH = 32, 2, 48
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
WORDS = (
    "pump valve motor belt brake chain mast fork fan coil relay fuse antenna filter sensor hose "
    "leaks noisy hot cold slow dead loose worn check replace tighten clean the is of why how"
).split()
SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "bos_token_id": 0,
    "pad_token_id": 1,
    "eos_token_id": 2,
}
USUAL = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    **SIZES,
}


def support_table() -> str:
    """Returns `SUPPORT` as the table of docs/base-models.md."""
    rows = [["base family", *COLUMNS], ["---", *(":-:" for _ in COLUMNS)]]
    rows += [
        [name, *("yes" if cells[c] else "no" for c in COLUMNS)] for name, cells in SUPPORT.items()
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def build_family(family: str, folder: Path) -> Path:
    """Saves the tiny model of a family; the same numbers each time.

    Args:
        family: A key of `SUPPORT`.
        folder: Where to save it; it is created.
    """
    torch.manual_seed(0)
    _BUILDERS[family]().save_pretrained(str(folder), create_model_card=False)
    return folder


def save_encoder(encoder: PreTrainedModel, folder: Path, length: int = LENGTH) -> Path:
    """Saves an encoder with a tokenizer of some dozens of words, without `modules.json`."""
    # The same weights in half precision and in full.
    encoder.half().float().save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(),
        **{"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"},
        **{"pad_token": "<pad>", "unk_token": "<unk>", "model_max_length": length},
        model_input_names=["input_ids", "attention_mask"],
    ).save_pretrained(folder)
    return folder


def tiny_bert_encoder() -> BertModel:
    """Returns a BERT of two layers."""
    return BertModel(BertConfig(max_position_embeddings=LENGTH, **USUAL))


def _tokenizer() -> Tokenizer:
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=ends)
    return tokenizer


def _with_modules(
    encoder: Callable[[], PreTrainedModel],
    length: int = LENGTH,
    mode: str = "mean",
    dense: tuple[int, ...] = (),
    half: bool = False,
    **options: Any,
) -> SentenceTransformer:
    with tempfile.TemporaryDirectory() as folder:
        transformer = Transformer(str(save_encoder(encoder(), Path(folder), length)))
    layers = [Dense(*sizes) for sizes in pairwise((WIDTH, *dense))]
    modules = [transformer, Pooling(WIDTH, mode), *layers, Normalize()]
    model = SentenceTransformer(modules=modules, device="cpu", **options)
    return model.half() if half else model


def _static() -> SentenceTransformer:
    return SentenceTransformer(modules=[StaticEmbedding(_tokenizer(), embedding_dim=WIDTH)])


def _roberta(config: type, encoder: type) -> PreTrainedModel:
    """The positions of the family begin behind the padding: two rows more than tokens."""
    built: PreTrainedModel = encoder(
        config(max_position_embeddings=LENGTH + 2, type_vocab_size=1, **USUAL)
    )
    return built


def _distilbert() -> PreTrainedModel:
    return DistilBertModel(
        DistilBertConfig(
            **{"dim": WIDTH, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": 64},
            **{"max_position_embeddings": LENGTH, **SIZES},
        )
    )


def _modernbert() -> PreTrainedModel:
    ids = {"cls_token_id": 0, "sep_token_id": 2}
    return ModernBertModel(ModernBertConfig(max_position_embeddings=LENGTH, **ids, **USUAL))


def _deberta() -> PreTrainedModel:
    return DebertaV2Model(
        DebertaV2Config(
            **{"max_position_embeddings": LENGTH, "type_vocab_size": 0, "position_buckets": 16},
            **{"relative_attention": True, "share_att_key": True, "norm_rel_ebd": "layer_norm"},
            **{"position_biased_input": False, "pos_att_type": ["p2c", "c2p"]},
            **USUAL,
        )
    )


def _t5() -> PreTrainedModel:
    sizes = {"d_model": WIDTH, "num_layers": LAYERS, "num_heads": 4, "d_ff": 64, "d_kv": 8}
    return T5EncoderModel(T5Config(feed_forward_proj="gated-gelu", **sizes, **SIZES))


def _mpnet() -> PreTrainedModel:
    # As large as in trained models: with the usual 0.02 a bias of attention changes nothing.
    config = MPNetConfig(max_position_embeddings=LENGTH + 2, initializer_range=0.3, **USUAL)
    return MPNetModel(config)


NO_LENGTH = int(1e30)
_roberta_encoder = partial(_roberta, RobertaConfig, RobertaModel)
_xlmr_encoder = partial(_roberta, XLMRobertaConfig, XLMRobertaModel)
_BUILDERS: dict[str, Callable[[], SentenceTransformer]] = {
    "BERT": partial(_with_modules, tiny_bert_encoder),
    "MPNet": partial(_with_modules, _mpnet),
    "RoBERTa": partial(_with_modules, _roberta_encoder, NO_LENGTH),
    "XLM-R": partial(_with_modules, _xlmr_encoder, NO_LENGTH),
    "DistilBERT": partial(_with_modules, _distilbert),
    "ModernBERT": partial(_with_modules, _modernbert),
    "DeBERTa-v2, v3": partial(_with_modules, _deberta, NO_LENGTH),
    "T5 encoder": partial(_with_modules, _t5, NO_LENGTH),
    "StaticEmbedding": _static,
    "with Dense": partial(_with_modules, tiny_bert_encoder, dense=(24, 16)),
    "with truncate_dim": partial(_with_modules, tiny_bert_encoder, truncate_dim=16),
    "CLS pooling": partial(_with_modules, tiny_bert_encoder, mode="cls"),
    "fp16": partial(_with_modules, tiny_bert_encoder, half=True),
}
