"""SHA-256 of the files of a model, and a check that no training text is published."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from training.pairs import sha256_of

METADATA = "metadata.json"
CARD = "README.md"
# Written beside a model and never part of it.
NOT_PUBLISHED = ("checkpoint-", "training.log", "split.json", "eval", METADATA)
# Shorter texts ("Recall", "Oil pump") stand in a card by chance.
WORDS_OF_A_SENTENCE = 4


def published_files(folder: Path) -> list[Path]:
    """The files of a model folder that belong to the model, in alphabetical order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        path for path in files if not path.relative_to(folder).parts[0].startswith(NOT_PUBLISHED)
    ]


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 by name, with forward slashes, of each published file."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path) for path in published_files(folder)
    }


def find_training_text(text: str, sentences: Iterable[str]) -> str | None:
    """The first sentence of four words or more that stands in a text, white space aside."""
    flat = " ".join(text.split())
    for sentence in sentences:
        words = sentence.split()
        if len(words) >= WORDS_OF_A_SENTENCE and " ".join(words) in flat:
            return sentence
    return None
