"""Compatibility of a saved model with sentence-transformers 5.2 and later, and with other tools.

sentence-transformers 6 moved its modules and renamed their settings. It reads both forms, earlier
versions only the earlier one. Other tools read the length of the input and the special tokens from
files that sentence-transformers leaves out or does not read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_card.package.allow_list import read_json, read_modules
from nic.encoding import DOCUMENT, QUERY, find_document_prompt
from nic.errors import UserError
from nic.files import atomic_write_text
from nic.model_checks import ROUTER, ROUTES
from nic.model_files import MODULES
from nic.model_length import write_length
from nic.query_adapter import has_query_adapter

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LIBRARY = "sentence_transformers"
OLDEST_VERSION = "5.2"
# Earlier versions do not read `truncate_dim`, and give all numbers of an embedding.
TRUNCATING_VERSION = "5.4"
SENTENCE_TRANSFORMERS = "config_sentence_transformers.json"
SPECIAL_TOKENS = "special_tokens_map.json"
# Where the settings of a module are, unless in config.json.
SETTINGS = {"Transformer": "sentence_bert_config.json"}
# All that such a module is stands in its weights and its tokenizer.
WITHOUT_SETTINGS = ("StaticEmbedding",)
POOLING_MODES = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
TEXT_ONLY = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
# The settings that earlier versions do not know, with the only values that they imply.
IMPLIED: dict[str, dict[str, Any]] = {
    "Transformer": {
        "transformer_task": "feature-extraction",
        "modality_config": TEXT_ONLY,
        "module_output_name": "token_embeddings",
    },
    "Normalize": {
        "module_input_name": "sentence_embedding",
        "module_output_name": "sentence_embedding",
    },
    "Dense": {
        "module_input_name": "sentence_embedding",
        "module_output_name": "sentence_embedding",
        "use_residual": False,
    },
}


def write_compatible(folder: Path) -> None:
    """Rewrites the module types and settings of a saved model in place, and adds what it lacks.

    Raises:
        UserError: A module or a setting has no compatible form.
    """
    modules = read_modules(folder)
    for module in modules:
        place = folder / module["path"]
        module["type"] = _write_module(str(folder / MODULES), module["type"], place)
    _write_json(folder / MODULES, modules)
    _rewrite_model_config(folder / SENTENCE_TRANSFORMERS)
    _rename_tokenizer(folder / "tokenizer_config.json")
    _write_special_tokens(folder)
    write_length(folder)


def oldest_version(folder: Path) -> str:
    """Returns the oldest version in which a packaged model gives the same embeddings."""
    path = folder / SENTENCE_TRANSFORMERS
    cuts = path.is_file() and read_json(path).get("truncate_dim")
    return TRUNCATING_VERSION if cuts else OLDEST_VERSION


def check_packageable(model: SentenceTransformer, name: str) -> None:
    """Refuses a model that `write_compatible` would refuse once it is saved.

    Args:
        model: The model.
        name: What the user calls it, for the message.

    Raises:
        UserError: A module or a setting has no compatible form.
    """
    adapter = model[-1] if has_query_adapter(model) else None
    own = [module for module in model if module is not adapter]
    for module in own if adapter is None else [*own, *adapter.sub_modules[QUERY]]:
        kind = type(module)
        _kind(name, f"{kind.__module__}.{kind.__qualname__}")
        if kind.__name__ not in WITHOUT_SETTINGS:
            settings = json.loads(json.dumps(module.get_config_dict()))
            _compatible(f"{name} ({kind.__name__})", kind.__name__, settings)


def _write_module(named_in: str, dotted: str, place: Path) -> str:
    """Rewrites the settings of a module, and returns its type as earlier versions name it."""
    if (dotted.split(".")[0], dotted.split(".")[-1]) == (LIBRARY, ROUTER):
        _write_router(place)
        return f"{LIBRARY}.models.{ROUTER}"
    kind = _kind(named_in, dotted)
    if kind not in WITHOUT_SETTINGS:
        path = place / SETTINGS.get(kind, "config.json")
        _write_json(path, _compatible(str(path), kind, read_json(path)))
    return f"{LIBRARY}.models.{kind}"


def _write_router(place: Path) -> None:
    """Rewrites the settings of a query adapter and of the modules in it."""
    path = place / ROUTES
    config = read_json(path)
    config["types"] = {
        name: _write_module(str(path), dotted, place / name)
        for name, dotted in config["types"].items()
    }
    if config["parameters"].pop("route_mappings", None):
        raise UserError(f"{path}: route_mappings has no form that {LIBRARY} {OLDEST_VERSION} loads")
    _write_json(path, config)


def _kind(place: str, dotted: str) -> str:
    """Returns the name of the class of a module.

    Raises:
        UserError: It is not a class of this library that earlier versions load the same way.
    """
    library, kind = dotted.split(".")[0], dotted.split(".")[-1]
    known = sorted((*IMPLIED, *WITHOUT_SETTINGS, "Pooling"))
    if library != LIBRARY or kind not in known:
        raise UserError(
            f"{place}: the module {dotted} has no form that {LIBRARY} {OLDEST_VERSION} "
            f"loads, so it cannot be packaged; {', '.join(known)} have"
        )
    return kind


def _compatible(place: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of a module as earlier versions have them."""
    if kind == "Pooling":
        return _pooling(place, config)
    given = _implied(place, kind, config)
    return _transformer(place, given) if kind == "Transformer" else given


def _transformer(place: str, given: dict[str, Any]) -> dict[str, Any]:
    # With null all versions use the shorter limit of tokenizer and encoder.
    config = {"max_seq_length": None, "do_lower_case": False}
    if unknown := sorted(set(given) - set(config)):
        raise UserError(f"{place}: {unknown[0]} has no form that {LIBRARY} {OLDEST_VERSION} loads")
    return {**config, **given}


def _pooling(place: str, config: dict[str, Any]) -> dict[str, Any]:
    if "pooling_mode" not in config:
        return dict(config)
    given = config["pooling_mode"]
    active = [given] if isinstance(given, str) else list(given)
    # Earlier versions concatenate the parts in this order, whatever order was given.
    if active != [mode for mode in POOLING_MODES if mode in active]:
        raise UserError(f"{place}: pooling_mode {given} has no form that older versions load")
    return {
        "word_embedding_dimension": config["embedding_dimension"],
        **{key: mode in active for mode, key in POOLING_MODES.items()},
        "include_prompt": config.get("include_prompt", True),
    }


def _implied(place: str, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the settings of a module without those that earlier versions imply.

    Raises:
        UserError: One of them does not have the implied value.
    """
    config = dict(given)
    for key, value in IMPLIED[kind].items():
        if config.pop(key, value) != value:
            raise UserError(
                f"{place}: {key} is not {json.dumps(value)}, the only value that {LIBRARY} "
                f"{OLDEST_VERSION} knows"
            )
    return config


def _rewrite_model_config(path: Path) -> None:
    """Removes the version that saved the model, and names the prompt of passages.

    `metadata.json` states the version; earlier ones would warn that they may not read it, although
    they do. Each version looks for the prompt of passages under "document" first.
    """
    if path.is_file():
        config = read_json(path)
        config.pop("__version__", None)
        prompts = config.get("prompts") or {}
        if prompt := find_document_prompt(prompts):
            config["prompts"] = {**prompts, DOCUMENT: prompt}
        _write_json(path, config)


def _rename_tokenizer(path: Path) -> None:
    """Writes the settings of a tokenizer as transformers 4 does, without its origin."""
    if path.is_file():
        config = read_json(path)
        if config.get("tokenizer_class") == "TokenizersBackend":
            config["tokenizer_class"] = "PreTrainedTokenizerFast"
        if isinstance(config.get("extra_special_tokens"), list):
            config["additional_special_tokens"] = config.pop("extra_special_tokens")
        for key in ("is_local", "local_files_only", "name_or_path"):
            config.pop(key, None)
        _write_json(path, config)


def _write_special_tokens(folder: Path) -> None:
    """Writes the special tokens into a file of their own, which FastEmbed 0.7 asks for."""
    path, settings = folder / SPECIAL_TOKENS, folder / "tokenizer_config.json"
    if path.is_file() or not settings.is_file():
        return
    config = read_json(settings)
    names = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
    tokens = {f"{name}_token": config.get(f"{name}_token") for name in names}
    _write_json(path, {name: _plain_token(token) for name, token in tokens.items() if token})


def _plain_token(token: Any) -> Any:
    """Returns a token without the class that transformers notes beside its flags."""
    if not isinstance(token, dict):
        return token
    return {key: value for key, value in token.items() if key != "__type"}


def _write_json(path: Path, content: Any) -> None:
    atomic_write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
