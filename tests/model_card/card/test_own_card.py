"""A card of the publisher's own is kept, with what packaging adds above and below it."""

from __future__ import annotations

import pytest
import yaml
from card_facts import VARIANTS

from evaluation.serialization import from_json
from model_card.card.added_facts import AddedFacts, Publication, ReleaseNote
from model_card.card.own_card import complete_own_card
from model_card.card.sentences import UNPUBLISHED
from nic.errors import UserError

EXAMPLE = f"```python\nmodel = {UNPUBLISHED}\n```\n"
CARD = f"# nic\n\n## Load it\n\n{EXAMPLE}"


def published(card: str, endpoint: str | None = None) -> str:
    added = AddedFacts(publication=Publication("org/nic", "v1.0", endpoint))
    return complete_own_card(card, added)


def test_the_example_loads_the_published_version() -> None:
    named = published(CARD)
    assert 'model = SentenceTransformer("org/nic", revision="v1.0")' in named
    assert "path/to" not in named
    assert "HF_ENDPOINT" not in named


def test_a_private_hub_is_linked_and_the_public_one_is_not() -> None:
    named = published(CARD, "https://hub.example/")
    assert "From <https://hub.example/org/nic>." in named
    assert "huggingface.co" not in named


def test_a_card_of_ones_own_is_left_as_it_is() -> None:
    assert published("# mine\n", "https://h") == "# mine\n"
    assert complete_own_card("---\na: 1\n---\ntext", AddedFacts()) == "---\na: 1\n---\ntext"


def test_the_example_of_a_rendered_card_is_the_one_that_is_replaced() -> None:
    from model_card.card.sentences import usage

    assert UNPUBLISHED in usage(None)
    assert UNPUBLISHED not in usage(Publication("org/nic", "v1.0"))


def test_the_note_stands_above_the_text_even_without_a_heading() -> None:
    added = AddedFacts(release=ReleaseNote("a gate failed", "a *pilot*"))
    note = "> **Published although a gate failed.** Reason given: a \\*pilot\\*\n"
    assert complete_own_card("no heading\n", added) == f"{note}\nno heading\n"
    header = "---\nlicense: mit\n---\n"
    assert complete_own_card(f"{header}\n# mine\n", added) == f"{header}\n{note}\n# mine\n"


def test_headings_in_the_text_attract_nothing() -> None:
    text = "# mine\n\n## Load it\n\nmy way\n\n## Data\n\nmy data\n"
    added = AddedFacts(
        release=ReleaseNote("a gate failed", "a pilot"),
        variants=from_json(AddedFacts, {"variants": VARIANTS}).variants,
        publication=Publication("org/nic", "v1.0", "https://h"),
    )
    card = complete_own_card(text, added)
    assert text in card
    assert card.index(text) < card.index("## Small and fast variants")


def test_a_stated_licence_goes_into_the_header_and_leaves_the_rest() -> None:
    card = "---\nlicense: mit\ntags:\n- mine\n---\n\n# mine\n"
    stated = complete_own_card(card, AddedFacts(license="cc-by-4.0", language=["de"]))
    header = yaml.safe_load(stated.split("---\n")[1])
    assert header == {"license": "cc-by-4.0", "tags": ["mine"], "language": "de"}
    assert stated.endswith("---\n\n# mine\n")
    without = complete_own_card("# mine\n", AddedFacts(license="mit"))
    assert without == "---\nlicense: mit\n---\n# mine\n"


def test_a_header_that_cannot_be_read_is_one_line_that_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"README\.md: its YAML header cannot be read \(.*\); mend"):
        complete_own_card("---\na: [\n---\n# mine\n", AddedFacts(license="mit"))
