"""The search for training text in what is to be published."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Shorter texts ("Recall", "Oil pump") stand in a card by chance.
WORDS_OF_A_SENTENCE = 4
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def find_training_text(text: str, passages: Iterable[str]) -> str | None:
    """Returns the first training text, or sentence of one, in a text; None if there is none.

    White space is ignored.

    Args:
        text: What is to be published.
        passages: The texts of the training data. Sentences of fewer than four words don't count.
    """
    flat = " ".join(text.split())
    for passage in passages:
        for part in SENTENCE_END.split(passage):
            words = part.split()
            if len(words) >= WORDS_OF_A_SENTENCE and " ".join(words) in flat:
                return part
    return None
