"""A card that the publisher wrote or edited: kept as it is, with what packaging adds around it."""

from __future__ import annotations

import re
from typing import Any

from huggingface_hub import ModelCard

from model_card.card.added_facts import AddedFacts
from model_card.card.licensing import header_value
from model_card.card.sentences import UNPUBLISHED, how_to_load
from model_card.card.templates import fill_template
from nic.errors import UserError, one_line
from nic.model_files import CARD

HEADER = re.compile(r"\A---\n.*?^---$\n?", re.MULTILINE | re.DOTALL)


def complete_own_card(card: str, added: AddedFacts) -> str:
    """Returns the publisher's card with the note on its gates above and the variants below.

    Its text is not searched for places to insert anything. Only the example of a rendered card,
    which loads `path/to/this/folder`, is replaced by one that loads the published version.

    Args:
        card: The card, with or without a YAML header.
        added: What packaging adds; licence and languages go into the header.

    Raises:
        UserError: The header cannot be read, and a licence or language has to be put into it.
    """
    if added.license or added.language:
        card = _state_terms(card, added)
    header, body = _split_header(card)
    blocks = []
    if added.release:
        blocks.append(fill_template("release_note.md.jinja", release=added.release))
    if added.publication and UNPUBLISHED in body:
        body = body.replace(UNPUBLISHED, how_to_load(added.publication))
        if added.publication.url:
            blocks.append(fill_template("hub.md.jinja", publication=added.publication))
    if blocks:
        start = "\n" if header else ""
        body = start + "\n".join([*blocks, body.lstrip("\n")])
    if added.variants:
        body = f"{body.rstrip()}\n\n" + fill_template("variants.md.jinja", variants=added.variants)
    return header + body


def _split_header(card: str) -> tuple[str, str]:
    """Returns the YAML header with its fences, empty if there is none, and the rest."""
    header = HEADER.match(card)
    end = header.end() if header else 0
    return card[:end], card[end:]


def _state_terms(card: str, added: AddedFacts) -> str:
    """Returns the card with a licence and languages in its header."""
    try:
        parsed = ModelCard(card)
    except Exception as error:  # the header is the user's: YAML and the Hub's checks may refuse it
        reason = one_line(error)
        raise UserError(
            f"{CARD}: its YAML header cannot be read ({reason}); mend it, or state the licence and "
            "language in it and leave out --license and --language"
        ) from error
    header: Any = parsed.data
    if added.license:
        header.license = added.license
    if added.language:
        header.language = header_value(added.language)
    return str(parsed)
