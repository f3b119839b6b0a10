"""Training text is found in what is to be published."""

from __future__ import annotations

import pytest

from model_card.card.training_text import find_training_text


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


def test_one_sentence_of_a_passage_is_found() -> None:
    passage = "Open the lid. Tighten the hose clamp by hand. Close it."
    card = "As the manual says: Tighten the hose\nclamp by hand."
    assert find_training_text(card, ["no", passage]) == "Tighten the hose clamp by hand."
    assert find_training_text("Open the lid.", [passage]) is None
