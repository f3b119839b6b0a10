"""What a model's configuration files say of its steps, in the old spelling and the new one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nic_encoder.cache import MODULES
from nic_encoder.errors import EncoderError

POOLING_MODES = ("mean", "cls")
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
# The names under which models store the prompt of passages.
DOCUMENT_NAMES = ("document", "passage", "corpus")
EMBEDDING = "sentence_embedding"


@dataclass(frozen=True)
class ModelConfig:
    """The steps of a model.

    Attributes:
        max_seq_length: Longest input in tokens, [CLS] and [SEP] counted.
        pooling: How the tokens' vectors become one: "mean" or "cls".
        normalize: Whether the model's last step is to unit length.
        pad_token: What fills up short texts.
        truncation_side: Which end of a long text is cut, "right" or "left".
        query_prompt: What `encode_query` puts before a text; empty for nothing.
        document_prompt: What `encode_document` puts before a text; empty for nothing.
        default_prompt: What `encode` puts before a text; empty for nothing.
        include_prompt: Whether the pooling counts the tokens of the prompt.
        similarity: What embeddings are compared by: "cosine", "dot", "euclidean" or "manhattan".
    """

    max_seq_length: int
    pooling: str
    normalize: bool
    pad_token: str
    truncation_side: str
    query_prompt: str = ""
    document_prompt: str = ""
    default_prompt: str = ""
    include_prompt: bool = True
    similarity: str = "cosine"


def read_config(folder: Path) -> ModelConfig:
    """Read and check the configuration of a model.

    Raises:
        EncoderError: A file is missing or damaged, or the model has a step or setting that this
            encoder does not have: it would give other embeddings.
    """
    steps = _steps(folder / MODULES)
    names = [name for name, _ in steps]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise EncoderError(
            f"{folder / MODULES}: steps {', '.join(names)}; this encoder has "
            "Transformer, Pooling and Normalize in this order"
        )
    if len(names) == 3:
        _check_normalize(folder / steps[2][1] / "config.json")
    tokenizer = read_json(folder / "tokenizer_config.json")
    pooling = folder / steps[1][1] / "config.json"
    return ModelConfig(
        max_seq_length=_max_seq_length(folder, tokenizer),
        pooling=_pooling(pooling),
        normalize=len(names) == 3,
        pad_token=tokenizer.get("pad_token", "[PAD]"),
        truncation_side=tokenizer.get("truncation_side", "right"),
        include_prompt=bool(read_json(pooling).get("include_prompt", True)),
        **_retrieval(folder / "config_sentence_transformers.json"),
    )


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        EncoderError: It is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EncoderError(f"{path}: missing; the model is not whole") from error
    except ValueError as error:
        raise EncoderError(f"{path}: damaged ({error})") from error


def _steps(path: Path) -> list[tuple[str, str]]:
    """Class name and folder of each module."""
    try:
        return [(m["type"].rsplit(".", 1)[-1], m["path"]) for m in read_json(path)]
    except (KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"{path}: no list of modules with type and path") from error


def _pooling(path: Path) -> str:
    config = read_json(path)
    mode = config.get("pooling_mode")
    if mode is None:
        mode = [
            key.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
            for key, chosen in config.items()
            if key.startswith("pooling_mode_") and chosen
        ]
    modes = [mode] if isinstance(mode, str) else list(mode)
    if len(modes) != 1 or modes[0] not in POOLING_MODES:
        raise EncoderError(
            f"{path}: pooling {', '.join(modes) or 'none'}; this encoder has "
            f"{' or '.join(POOLING_MODES)}"
        )
    return str(modes[0])


def _max_seq_length(folder: Path, tokenizer: dict[str, Any]) -> int:
    path = folder / "sentence_bert_config.json"
    settings = read_json(path) if path.is_file() else {}
    if settings.get("do_lower_case"):
        raise EncoderError(f"{path}: do_lower_case is true, which this encoder does not have")
    if length := settings.get("max_seq_length"):
        return int(length)
    longest = [
        tokenizer.get("model_max_length"),
        read_json(folder / "config.json").get("max_position_embeddings"),
    ]
    known = [int(length) for length in longest if length]
    if not known:
        raise EncoderError(f"{folder}: no configuration file says how long an input may be")
    return min(known)


def _check_normalize(path: Path) -> None:
    config = read_json(path) if path.is_file() else {}
    keys = {config.get(key, EMBEDDING) for key in ("module_input_name", "module_output_name")}
    if keys != {EMBEDDING}:
        raise EncoderError(f"{path}: normalises {', '.join(sorted(keys))}, not {EMBEDDING} alone")


def _retrieval(path: Path) -> dict[str, str]:
    """Prompts and similarity."""
    config = read_json(path) if path.is_file() else {}
    prompts = config.get("prompts") or {}
    name = config.get("default_prompt_name")
    if name and name not in prompts:
        raise EncoderError(f'{path}: its default prompt "{name}" is not among its prompts')
    similarity = config.get("similarity_fn_name") or SIMILARITIES[0]
    if similarity not in SIMILARITIES:
        raise EncoderError(
            f"{path}: compares by {similarity}; this encoder has {', '.join(SIMILARITIES)}"
        )
    passages = [prompts.get(key) for key in DOCUMENT_NAMES]
    return {
        "query_prompt": prompts.get("query") or "",
        "document_prompt": next((prompt for prompt in passages if prompt), ""),
        "default_prompt": (prompts.get(name) or "") if name else "",
        "similarity": similarity,
    }
