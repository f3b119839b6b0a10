"""How many tokens a saved model reads: one number in each of its files that names one.

sentence-transformers, transformers, tokenizers, FastEmbed and transformers.js each take it from
another file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nic.files import atomic_write_text, load_json
from nic.model_files import MODULES

MODULE = "sentence_bert_config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
CONFIG = "config.json"
MODULE_KEY = "max_seq_length"
# transformers writes the second beside the first where tokenizer.json truncates.
TOKENIZER_KEYS = ("model_max_length", "max_length")
# Tokenizers without a limit name 1e30.
NO_LIMIT = 1_000_000


def read_length(folder: Path) -> int | None:
    """Returns how many tokens of a text sentence-transformers reads, special tokens counted.

    Args:
        folder: A saved model.

    Returns:
        The number; None for a model without a transformer, or whose files name no limit.
    """
    place = _transformer(folder)
    if place is None:
        return None
    asked = _read(place / MODULE).get(MODULE_KEY)
    limits = [
        asked or _read(place / TOKENIZER_CONFIG).get(TOKENIZER_KEYS[0]),
        _read(place / CONFIG).get("max_position_embeddings"),
    ]
    known = [int(limit) for limit in limits if limit and 0 < limit < NO_LIMIT]
    return min(known, default=None)


def stated_length(folder: Path) -> int | None:
    """Returns the length that the files of a transformer state, in tokens; None for no limit.

    Args:
        folder: The folder of the transformer itself.
    """
    settings = (
        _read(folder / MODULE).get(MODULE_KEY),
        _read(folder / TOKENIZER_CONFIG).get(TOKENIZER_KEYS[0]),
    )
    return next((int(n) for n in settings if isinstance(n, int | float) and n < NO_LIMIT), None)


def named_lengths(folder: Path) -> dict[str, int | None]:
    """Returns the length that each file of a saved model names, by file and key.

    The value is None where a file names none. config.json is left out: its number of positions is
    a bound.
    """
    place = _transformer(folder)
    if place is None:
        return {}
    tokenizer = _read(place / TOKENIZER_CONFIG)
    named = {f"{MODULE} {MODULE_KEY}": _read(place / MODULE).get(MODULE_KEY)}
    for key in _tokenizer_keys(tokenizer):
        named[f"{TOKENIZER_CONFIG} {key}"] = tokenizer.get(key)
    if (place / TOKENIZER).is_file():
        truncation = _read(place / TOKENIZER).get("truncation") or {}
        named[f"{TOKENIZER} truncation"] = truncation.get("max_length")
    return named


def write_length(folder: Path) -> int | None:
    """Writes the length that the model reads into every file that names one.

    Padding to a fixed length in tokenizer.json becomes padding to the longest text of a batch.

    Args:
        folder: A saved model.

    Returns:
        The length; None where the model has none and nothing was written.
    """
    place, length = _transformer(folder), read_length(folder)
    if place is None or length is None:
        return None
    _write(place / MODULE, {**_read(place / MODULE), MODULE_KEY: length})
    if settings := _read(place / TOKENIZER_CONFIG):
        lengths = dict.fromkeys(_tokenizer_keys(settings), length)
        _write(place / TOKENIZER_CONFIG, {**settings, **lengths})
    if content := _read(place / TOKENIZER):
        side = str(settings.get("truncation_side", "right")).capitalize()
        usual = {"direction": side, "strategy": "LongestFirst", "stride": 0}
        truncation = {**usual, **(content.get("truncation") or {}), "max_length": length}
        padding = content.get("padding")
        if padding:
            padding = {**padding, "strategy": "BatchLongest"}
        _write(place / TOKENIZER, {**content, "truncation": truncation, "padding": padding})
    return length


def _tokenizer_keys(settings: dict[str, Any]) -> list[str]:
    return [key for key in TOKENIZER_KEYS if key == TOKENIZER_KEYS[0] or key in settings]


def _transformer(folder: Path) -> Path | None:
    """Returns the folder of the transformer of a model; None if it has none."""
    path = folder / MODULES
    modules = load_json(path) if path.is_file() else []
    places = [m["path"] for m in modules if m["type"].rsplit(".", 1)[-1] == "Transformer"]
    return folder / places[0] if places else None


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    return dict(load_json(path))


def _write(path: Path, content: dict[str, Any]) -> None:
    atomic_write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
