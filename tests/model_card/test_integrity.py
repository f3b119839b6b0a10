"""Hashes of what is published, and the search for training text."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from model_card.integrity import find_training_text, hash_files


def test_the_models_files_are_hashed_and_nothing_else(tmp_path: Path) -> None:
    published = ["README.md", "model.safetensors", "1_Pooling/config.json"]
    beside = ["metadata.json", "training.log", "split.json", "checkpoint-best/model.safetensors"]
    for name in published + beside:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert hash_files(tmp_path) == {
        name: hashlib.sha256(name.encode()).hexdigest() for name in published
    }


@pytest.mark.parametrize(
    ("text", "sentence", "found"),
    [
        ("He said: check the   oil\nlevel daily.", "check the oil level", True),
        ("check the oil", "check the oil level", False),
        ("Recall and oil pump", "oil pump", False),
        ("", "check the oil level", False),
    ],
)
def test_a_sentence_of_four_words_is_found_whatever_its_white_space(
    text: str, sentence: str, found: bool
) -> None:
    assert (find_training_text(text, [sentence]) == sentence) is found
