"""Loads a model from its folder, and refuses one that would not give the numbers it should."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.utils import logging as transformers_logging

from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError, no_space_left, one_line, out_of_memory
from nic.logs import on_terminal
from nic.model_checks import modules_of, stored_precisions
from nic.model_length import NO_LIMIT, stated_length

# No trained weight is as large; a damaged file holds such numbers.
LARGEST_WEIGHT = 1e6
# Cuts the texts of a model whose files name no length.
DEFAULT_LENGTH = 512
# What may be missing: pooling takes the token vectors. Heads of other tasks may be there.
UNUSED = re.compile(r"(?:\w+\.)?pooler\.|.*\bposition_ids$")
HEADS = re.compile(
    r"(?:cls|lm_head|classifier|qa_outputs|vocab_\w+|lm_predictions|mask_predictions|head|decoder"
    r"|pre_classifier|score|predictions|discriminator_predictions|generator_\w+)\."
)
# Of these, sentence-transformers takes the encoder alone.
ENCODER_ONLY = ("t5", "mt5", "umt5", "longt5", "switch_transformers")
PRECISIONS = {"F16": "float16", "BF16": "bfloat16", "F64": "float64"}
SHORT_TEXTS = ["How do I check the oil level?", "a"]
LONGEST_REASON = 200
LONG_TEXT = " ".join(["valve"] * DEFAULT_LENGTH)


def load_folder(
    name: str, folder: Path, pooling: str | None, device: torch.device | str | None
) -> ChunkedSentenceTransformer:
    """Loads a model in fp32 and checks it: weights, vocabulary, length, one encoding.

    Args:
        name: What the user calls the model, for the messages.
        folder: Its folder, checked by `check_model_files`.
        pooling: For a plain transformer: how its token vectors become one.
        device: Where to load it to; None: the best available.

    Raises:
        UserError: It does not load, or holds other weights than its configuration says.
    """
    kind, path = modules_of(name, folder)[0]
    try:
        with _quiet():
            if kind == "Transformer":
                check_keys(name, folder / path)
            model = _build(folder, pooling, device).float()
    except UserError:
        raise
    except Exception as error:  # On a damaged folder the libraries raise anything.
        raise _user_error(f"{name}: holds no loadable model", error) from error
    limit_length(model)
    _check_numbers(name, model)
    _check_vocabulary(name, model)
    _check_encoding(name, model)
    return model


def loading_notes(name: str, folder: Path, model: ChunkedSentenceTransformer) -> list[str]:
    """Returns what a user should know of a loaded model: precision, length, cut embeddings."""
    notes = []
    path = modules_of(name, folder)[0][1]
    if stored := sorted(PRECISIONS.keys() & stored_precisions(folder / path)):
        notes.append(f"{name} is stored in {PRECISIONS[stored[0]]} and used in float32")
    stated, length = stated_length(folder / path), model.max_seq_length
    if length is not None and length < NO_LIMIT and (stated is None or stated > length):
        notes.append(
            f"{name} names no length for its texts, or a longer one than it has positions; they "
            f"are cut at {length} tokens"
        )
    if model.truncate_dim:
        notes.append(
            f"{name} cuts its embeddings to {model.truncate_dim} numbers (truncate_dim); it is "
            "trained with all of them, and evaluated and used with these"
        )
    return notes


def check_keys(name: str, folder: Path) -> None:
    """Compares the weights in the files of an encoder with those of its architecture.

    Reads no weights: the encoder is built on the device "meta".

    Raises:
        UserError: Weights are missing, have another shape, or belong to no layer.
    """
    _, info = AutoModel.from_pretrained(
        folder, output_loading_info=True, ignore_mismatched_sizes=True, device_map="meta"
    )
    if shapes := sorted(info["mismatched_keys"]):
        key, stored, needed = shapes[0]
        raise UserError(
            f"{name}: weights of the wrong shape: {key} is {tuple(stored)}, config.json needs "
            f"{tuple(needed)}{_more(shapes)}; the two do not belong together"
        )
    encoder_only = AutoConfig.from_pretrained(folder).model_type in ENCODER_ONLY
    if missing := [key for key in sorted(info["missing_keys"]) if not _may_miss(key, encoder_only)]:
        raise UserError(
            f"{name}: weights are missing, which would be random: {missing[0]}{_more(missing)}; "
            "copy or download it again"
        )
    if unknown := [key for key in sorted(info["unexpected_keys"]) if not _may_be_there(key)]:
        raise UserError(
            f"{name}: weights that config.json has no place for: {unknown[0]}{_more(unknown)}; "
            "the two do not belong together"
        )


def limit_length(model: ChunkedSentenceTransformer) -> None:
    """Cuts texts where the encoder's table of positions ends, or at 512 where nothing is said."""
    length = model.max_seq_length
    if not isinstance(model[0], Transformer) or length is None:
        return
    limit = table_length(model[0].auto_model)
    if limit is None and length > NO_LIMIT:
        limit = DEFAULT_LENGTH
    if limit is not None and length > limit:
        model.max_seq_length = limit


def table_length(encoder: nn.Module) -> int | None:
    """Returns how many tokens the table of positions of an encoder holds; None without one.

    RoBERTa, XLM-R and MPNet count from the number behind the padding.
    """
    for module in encoder.modules():
        table = getattr(module, "position_embeddings", None)
        if isinstance(table, nn.Embedding):
            first = 0 if table.padding_idx is None else table.padding_idx + 1
            return table.num_embeddings - first
    return None


def table_length_of(folder: Path) -> int | None:
    """Returns the same for the encoder in a folder, without reading its weights."""
    if not (folder / "config.json").is_file():
        return None
    with torch.device("meta"):
        return table_length(AutoModel.from_config(AutoConfig.from_pretrained(folder)))


def _build(
    folder: Path, pooling: str | None, device: torch.device | str | None
) -> ChunkedSentenceTransformer:
    device = str(device) if device else None
    kwargs = {"dtype": torch.float32, "use_safetensors": True}
    if pooling is None:
        return ChunkedSentenceTransformer(str(folder), device=device, model_kwargs=kwargs)
    transformer = Transformer(str(folder), model_kwargs=kwargs)
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling)]
    return ChunkedSentenceTransformer(modules=modules, device=device)


def _may_miss(key: str, encoder_only: bool) -> bool:
    return bool(UNUSED.match(key)) or (encoder_only and key.startswith("decoder."))


def _may_be_there(key: str) -> bool:
    return bool(UNUSED.match(key) or HEADS.match(key))


def _more(keys: list[Any]) -> str:
    return f" and {len(keys) - 1} more" if len(keys) > 1 else ""


def _check_numbers(name: str, model: ChunkedSentenceTransformer) -> None:
    for key, weights in model.state_dict().items():
        if not weights.is_floating_point() or not weights.numel():
            continue
        largest = float(weights.abs().max())
        if not largest <= LARGEST_WEIGHT:
            what = "NaN" if math.isnan(largest) else f"as large as {largest:.0e}"
            raise UserError(f"{name}: holds weights that are {what} ({key}); it is damaged")


def _check_vocabulary(name: str, model: ChunkedSentenceTransformer) -> None:
    first = model[0]
    if isinstance(first, Transformer):
        if first.tokenizer is None:
            raise UserError(f"{name}: holds no tokenizer; its files are missing")
        ids = set(first.tokenizer.get_vocab().values())
        special = len(first.tokenizer.all_special_tokens)
        rows = first.auto_model.get_input_embeddings().num_embeddings
    elif hasattr(first, "num_embeddings"):
        ids, special = set(first.tokenizer.get_vocab().values()), 0
        rows = int(first.num_embeddings)
    else:
        return
    if len(ids) <= special:
        raise UserError(f"{name}: its tokenizer has no vocabulary; its files are missing")
    if max(ids) >= rows:
        raise UserError(
            f"{name}: its tokenizer has {max(ids) + 1:,} tokens and its embedding table {rows:,} "
            "rows; the two do not belong together"
        )


def _check_encoding(name: str, model: ChunkedSentenceTransformer) -> None:
    long = isinstance(model[0], Transformer) and (model.max_seq_length or 0) <= DEFAULT_LENGTH
    texts = [*SHORT_TEXTS, LONG_TEXT] if long else SHORT_TEXTS
    try:
        vectors = model.encode(texts, convert_to_tensor=True, show_progress_bar=False)
        expected = model.get_embedding_dimension()
    except Exception as error:
        if isinstance(error, KeyError) and error.args == ("sentence_embedding",):
            raise UserError(
                f"{name}: modules.json lists no Pooling, so nothing makes one vector of the token "
                "vectors; give a folder without modules.json and --pooling, or save it with one"
            ) from error
        raise _user_error(f"{name}: loads and cannot encode a text", error) from error
    if not torch.isfinite(vectors).all():
        raise UserError(f"{name}: encodes a text to what is no number; its weights are damaged")
    if expected is not None and vectors.shape[1] != expected:
        raise UserError(
            f"{name}: gives embeddings of {vectors.shape[1]} numbers where its configuration "
            f"says {expected}; the two do not belong together"
        )


def _user_error(text: str, error: Exception) -> Exception:
    """Returns an error of one line; a full memory or disk stays what it is."""
    if out_of_memory(error) or no_space_left(error):
        return error
    return UserError(f"{text} ({one_line(error, LONGEST_REASON)})")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the report on missing and left over weights: `check_keys` decides on them.

    Bars are shown on a terminal alone.
    """
    if not on_terminal():
        transformers_logging.disable_progress_bar()
    loggers = [logging.getLogger(name) for name in ("transformers", "sentence_transformers")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
