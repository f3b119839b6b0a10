"""Checks that no path of this machine and no training text is published."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from model_card.card.card import render_card
from model_card.card.facts import holds_card_facts
from model_card.card.training_text import (
    find_quotation,
    find_training_text,
    secret_texts,
    strings,
)
from model_card.package.integrity import packaged_files
from nic.errors import UserError
from nic.files import load_json
from nic.model_files import CARD, METADATA
from pairs.loading import Pairs

# Folders that hold users' files, with what follows; "https://host/home" does not match.
ABSOLUTE = re.compile(
    r"(?<![\w.:/\\-])/(?:home|Users|root|tmp|var|opt|mnt|media|srv|data|workspace|private|usr)"
    r"/[\w.~-]+"
    r"|(?<!\w)[A-Za-z]:(?:\\{1,2}|/)(?!/)[\w.~-]+"
    r"|(?<![\w\\])\\{2,4}\w[\w.-]*\\{1,2}\w+"
    r"|file:/{2,3}\S+"
)
# Their entries are pieces of words, which may look like a path.
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "added_tokens.json")
TEXT_SUFFIXES = (".json", ".md", ".txt", "")


def check_no_machine_paths(folder: Path, model: Path) -> None:
    """Refuses a folder whose files contain an absolute path.

    All files except weights are searched for the folders of this machine; files that people read
    are also searched for what looks like an absolute path.

    Args:
        folder: What is to be published.
        model: The folder that it was made from.

    Raises:
        UserError: Names the file and the path in it.
    """
    places = list(_places(model))
    for name in [METADATA, *packaged_files(folder)]:
        path = folder / name
        if path.suffix == ".safetensors":
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        found = next((place for place in places if place in text), None)
        if not found and path.suffix in TEXT_SUFFIXES and path.name not in VOCABULARIES:
            match = ABSOLUTE.search(text)
            found = match.group() if match else None
        if found:
            raise UserError(
                f"{name}: names a folder of this machine ({found}); not packaged. Take it out of "
                "the file in the model's folder"
            )


def check_no_training_text(folder: Path, pairs: Pairs) -> None:
    """Refuses a folder whose card or metadata quotes the training data.

    Raises:
        UserError: Names the file; the sentence itself is not shown.
    """
    metadata = load_json(folder / METADATA)
    card = (folder / CARD).read_text(encoding="utf-8")
    own = render_card(metadata) if holds_card_facts(metadata) else ""
    quotations = {
        CARD: find_quotation(card, own, metadata, pairs),
        METADATA: find_training_text("\n".join(strings(metadata)), secret_texts(pairs)),
    }
    for name, found in quotations.items():
        if found:
            raise UserError(
                f"{name}: quotes the training data (a sentence of {len(found.split())} words); "
                "not packaged. Take it out"
            )


def _places(model: Path) -> Iterator[str]:
    """Yields the folders of this machine in their spellings, but none directly below the root."""
    folders: Iterable[Path] = (Path.home(), Path.cwd(), model.resolve(), Path(sys.prefix))
    for folder in folders:
        if len(folder.parts) > 2:
            yield from {str(folder), folder.as_posix(), json.dumps(str(folder))[1:-1]}
