"""Lengths of texts in tokens of the base model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from nic.encoding import find_document_prompt
from nic.errors import UserError, one_line
from nic.files import load_json
from nic.model_checks import modules_of
from nic.model_length import NO_LIMIT
from nic.model_loading import DEFAULT_LENGTH, LONGEST_REASON, table_length_of
from nic.models import SETTINGS, ModelSource, fetch_model
from pairs.checks.split_texts import SplitTexts
from pairs.checks.token_counts import WordCounter, count_in_parts, splits_at_spaces


@dataclass(frozen=True)
class TokenCounter:
    """Counts the tokens of texts.

    Attributes:
        tokenizer: The model's tokenizer.
        max_seq_length: Tokens of a text that the model reads; further ones are truncated.
        prompt: What the model puts before passages.
    """

    tokenizer: Any
    max_seq_length: int
    prompt: str = ""

    @cached_property
    def _by_words(self) -> WordCounter | None:
        return WordCounter(self.tokenizer) if splits_at_spaces(self.tokenizer) else None

    def count(self, texts: list[str]) -> np.ndarray:
        """Returns `(texts,)` lengths of passages in tokens, without truncation.

        The prompt and the special tokens count. A text of more than 100,000 letters counts as the
        sum of its parts.
        """
        return self.count_split(SplitTexts.of(texts))

    def count_split(self, texts: SplitTexts) -> np.ndarray:
        """Returns the same of texts that are split already."""
        prompted = [self.prompt + text for text in texts.texts] if self.prompt else texts.texts
        if self._by_words:
            return self._by_words.count(SplitTexts.of(prompted) if self.prompt else texts)
        special = self.tokenizer.num_special_tokens_to_add()
        return np.asarray(count_in_parts(self.tokenizer, prompted) + special, np.int32)


def load_token_counter(source: ModelSource, prompt: str | None = None) -> TokenCounter:
    """Loads the tokenizer of a model without its weights.

    Args:
        source: The model.
        prompt: What is put before passages; None takes what the model stores.

    Raises:
        UserError: The model is not found, or its folder holds no tokenizer.
    """
    location = fetch_model(source, SETTINGS).location
    folder = Path(location) / modules_of(source.name, Path(location))[0][1]
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # tokenizers raises Exception itself
        reason = one_line(error, LONGEST_REASON)
        raise UserError(f"{source.name}: holds no loadable tokenizer ({reason})") from error
    if len(tokenizer.get_vocab()) <= len(tokenizer.all_special_tokens):
        raise UserError(f"{source.name}: its tokenizer has no vocabulary; its files are missing")
    stored = _read(Path(location) / "config_sentence_transformers.json").get("prompts") or {}
    prompt = find_document_prompt(stored) if prompt is None else prompt
    return TokenCounter(tokenizer, _max_seq_length(folder, tokenizer), prompt)


def _max_seq_length(folder: Path, tokenizer: Any) -> int:
    """Returns the limit in the order of sentence-transformers: its own file, then the tokenizer."""
    asked = _read(folder / "sentence_bert_config.json").get("max_seq_length")
    positions = _read(folder / "config.json").get("max_position_embeddings")
    length = int(min(limit for limit in (asked or tokenizer.model_max_length, positions) if limit))
    if length == positions:
        return table_length_of(folder) or length
    is_transformer = (folder / "config.json").is_file()
    return DEFAULT_LENGTH if is_transformer and length > NO_LIMIT else length


def _read(path: Path) -> Any:
    return load_json(path) if path.is_file() else {}
