"""What a model's configuration files say of its steps, in the old spelling and the new one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nic_encoder.cache import MODULES
from nic_encoder.dense import EMBEDDING, Dense, read_dense
from nic_encoder.errors import EncoderError
from nic_encoder.pooling import MODES

SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")
# The names under which models store the prompt of passages.
DOCUMENT_NAMES = ("document", "passage", "corpus")
# A tokenizer without a length states 1e30.
NO_LENGTH = 1_000_000
STEPS = re.compile(r"Transformer Pooling(?: Dense)*(?: Normalize)?(?: Router)?")
QUERY_STEPS = re.compile(r"(?:Dense ?)+(?:Normalize)?")
ROUTES = "router_config.json"


@dataclass(frozen=True)
class ModelConfig:
    """The steps of a model.

    Attributes:
        max_seq_length: Longest input in tokens, [CLS] and [SEP] counted.
        pooling: How the tokens' vectors become one: keys of `pooling.MODES`.
        dense: The dense layers behind the pooling.
        normalize: Whether the model's last step is to unit length.
        query_dense: Dense layers that queries alone pass after all of this.
        query_normalize: Whether queries are brought to unit length behind them.
        truncate_dim: Numbers of an embedding that are kept, the first ones; None keeps all.
        pad_token: What fills up short texts.
        truncation_side: Which end of a long text is cut, "right" or "left".
        query_prompt: What `encode_query` puts before a text; empty for nothing.
        document_prompt: What `encode_document` puts before a text; empty for nothing.
        default_prompt: What `encode` puts before a text; empty for nothing.
        include_prompt: Whether the pooling counts the tokens of the prompt.
        similarity: What embeddings are compared by: "cosine", "dot", "euclidean" or "manhattan".
    """

    max_seq_length: int
    pooling: tuple[str, ...]
    dense: tuple[Dense, ...]
    normalize: bool
    truncate_dim: int | None
    pad_token: str
    truncation_side: str
    query_prompt: str = ""
    document_prompt: str = ""
    default_prompt: str = ""
    include_prompt: bool = True
    similarity: str = "cosine"
    query_dense: tuple[Dense, ...] = ()
    query_normalize: bool = False


def read_config(folder: Path) -> ModelConfig:
    """Read and check the configuration of a model.

    Raises:
        EncoderError: A file is missing or damaged, or the model has a step or setting that this
            encoder does not have: it would give other embeddings.
    """
    steps = _steps(folder / MODULES)
    names = [name for name, _ in steps]
    if not STEPS.fullmatch(" ".join(names)):
        raise EncoderError(
            f"{folder / MODULES}: steps {', '.join(names)}; this encoder has "
            "Transformer, Pooling, Dense and Normalize in this order, and a Router for queries"
        )
    query_steps = _query_steps(folder / steps.pop()[1]) if names[-1] == "Router" else []
    for name, path in (*steps, *query_steps):
        if name == "Normalize":
            _check_normalize(folder / path / "config.json")
    tokenizer = read_json(folder / "tokenizer_config.json")
    pooling = folder / steps[1][1] / "config.json"
    return ModelConfig(
        max_seq_length=_max_seq_length(folder, tokenizer),
        pooling=_pooling(pooling),
        dense=_dense(folder, steps),
        normalize=steps[-1][0] == "Normalize",
        truncate_dim=_truncate_dim(folder / "config_sentence_transformers.json"),
        pad_token=tokenizer.get("pad_token", "[PAD]"),
        truncation_side=tokenizer.get("truncation_side", "right"),
        include_prompt=bool(read_json(pooling).get("include_prompt", True)),
        query_dense=_dense(folder, query_steps),
        query_normalize="Normalize" in dict(query_steps),
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
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"{path}: damaged ({error})") from error


def _steps(path: Path) -> list[tuple[str, str]]:
    """Class name and folder of each module."""
    try:
        return [(m["type"].rsplit(".", 1)[-1], m["path"]) for m in read_json(path)]
    except (KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"{path}: no list of modules with type and path") from error


def _query_steps(folder: Path) -> list[tuple[str, str]]:
    """Class name and folder of each module behind a Router for queries; passages have none."""
    config = read_json(folder / ROUTES)
    try:
        routes, types = config["structure"], config["types"]
        steps = [
            (types[name].rsplit(".", 1)[-1], f"{folder.name}/{name}") for name in routes["query"]
        ]
        known = set(routes) == {"query", "document"} and not routes["document"]
    except (KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"{folder / ROUTES}: no list of modules by route") from error
    if foreign := [n for n in routes["query"] if Path(n).name != n or n in ("", ".", "..")]:
        raise EncoderError(f"{folder / ROUTES}: names the folder {foreign[0]}, outside of its own")
    names = " ".join(name for name, _ in steps)
    if not known or not QUERY_STEPS.fullmatch(names):
        raise EncoderError(
            f"{folder / ROUTES}: routes {', '.join(routes)} with steps {names}; this encoder has "
            "Dense and Normalize for queries, and nothing for passages"
        )
    return steps


def _dense(folder: Path, steps: list[tuple[str, str]]) -> tuple[Dense, ...]:
    return tuple(
        read_dense(folder / path, read_json(folder / path / "config.json"))
        for name, path in steps
        if name == "Dense"
    )


def _truncate_dim(path: Path) -> int | None:
    length = read_json(path).get("truncate_dim") if path.is_file() else None
    if length is not None and (not isinstance(length, int) or length < 1):
        raise EncoderError(f"{path}: truncate_dim {length} is no number of dimensions")
    return length


def _pooling(path: Path) -> tuple[str, ...]:
    config = read_json(path)
    mode = config.get("pooling_mode")
    if mode is None:
        chosen = {key.removeprefix("pooling_mode_") for key, value in config.items() if value}
        mode = [name for name in MODES if chosen & {name, f"{name}_token", f"{name}_tokens"}]
    modes = [mode] if isinstance(mode, str) else list(mode)
    if not modes or not MODES.keys() >= set(modes):
        raise EncoderError(
            f"{path}: pooling {', '.join(modes) or 'none'}; this encoder has {', '.join(MODES)}"
        )
    return tuple(modes)


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
    known = [int(length) for length in longest if length and length < NO_LENGTH]
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
