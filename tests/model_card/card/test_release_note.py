"""A published card tells its name and its hub."""

from __future__ import annotations

from model_card.card.release_note import UNPUBLISHED, Publication, name_publication

CARD = f"# nic\n\n## Load it\n\n```python\nmodel = {UNPUBLISHED}\n```\n"


def test_the_example_loads_the_published_version() -> None:
    named = name_publication(CARD, Publication("org/nic", "v1.0"))
    assert 'model = SentenceTransformer("org/nic", revision="v1.0")' in named
    assert "path/to" not in named
    assert "HF_ENDPOINT" not in named


def test_a_private_hub_is_linked_and_the_public_one_is_not() -> None:
    named = name_publication(CARD, Publication("org/nic", "v1.0", "https://hub.example/"))
    assert "From <https://hub.example/org/nic>." in named
    assert "huggingface.co" not in named


def test_a_card_of_ones_own_is_left_as_it_is() -> None:
    assert name_publication("# mine\n", Publication("org/nic", "v1", "https://h")) == "# mine\n"


def test_the_template_holds_the_example_that_is_replaced() -> None:
    from model_card.card.sentences import USAGE

    assert UNPUBLISHED in USAGE
