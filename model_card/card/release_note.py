"""What a card learns when it is published: its name, and the reason if its gates failed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from model_card.card.sentences import as_text
from nic.errors import UserError

UNPUBLISHED = 'SentenceTransformer("path/to/this/folder")'
HEADING = re.compile(r"^# .+$", re.MULTILINE)
HEADER = re.compile(r"\A---\n.*?^---$", re.MULTILINE | re.DOTALL)


def insert_release_note(card: str, problem: str, reason: str) -> str:
    """Put a note right after a card's heading; what it says is shown and never interpreted.

    Args:
        card: The card, with or without a YAML header.
        problem: Why it should not have been published.
        reason: Why it was.

    Raises:
        UserError: The card has no heading.
    """
    header = HEADER.match(card)
    heading = HEADING.search(card, header.end() if header else 0)
    if not heading:
        raise UserError("README.md: has no heading to put the note of its gates under")
    note = f"> **Published although {as_text(problem)}.** Reason given: {as_text(reason)}"
    return f"{card[: heading.end()]}\n\n{note}{card[heading.end() :]}"


@dataclass(frozen=True)
class Publication:
    """Where a model is published.

    Attributes:
        repo_id: "organisation/name".
        tag: Name of the version.
        endpoint: URL of a private hub; None for a local one.
    """

    repo_id: str
    tag: str
    endpoint: str | None = None


def name_publication(card: str, publication: Publication) -> str:
    """Let a card's example load the published version, and link to the hub that it is on.

    A card without the example of a fresh training is left as it is.
    """
    name, tag = json.dumps(publication.repo_id), json.dumps(publication.tag)
    named = card.replace(UNPUBLISHED, f"SentenceTransformer({name}, revision={tag})")
    if publication.endpoint is None or "## Load it\n" not in named:
        return named
    url = f"{publication.endpoint.rstrip('/')}/{publication.repo_id}"
    settings = f"Set `HF_ENDPOINT={publication.endpoint}` and put a token into `HF_TOKEN`."
    return named.replace("## Load it\n", f"## Load it\n\nFrom <{url}>. {settings}\n", 1)
