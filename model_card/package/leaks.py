"""Checks that no path of this machine and no training text is published."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from model_card.card.training_text import find_training_text
from model_card.package.integrity import packaged_files
from nic.errors import UserError
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
    texts = set(pairs.texts())
    metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    pages = {
        CARD: (folder / CARD).read_text(encoding="utf-8"),
        METADATA: "\n".join(_strings(metadata)),
    }
    for name, page in pages.items():
        if found := find_training_text(page, texts):
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


def _strings(content: Any) -> Iterator[str]:
    """Yields all keys and strings of a JSON value."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from _strings(value)
