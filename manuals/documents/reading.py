"""Reads the documents of a folder; what cannot be read is told and the rest goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from manuals.documents.blocks import Document, Heading
from manuals.documents.unreadable import Unreadable
from nic.errors import UserError, one_line

logger = logging.getLogger(__name__)

EVERYTHING = "all"
LARGEST_MEGABYTES = 500
LONGEST_REASON = 200
# The module of a reader is imported with the first document that needs it.
READERS = {
    ".docx": "marked_up.read_word",
    ".htm": "marked_up.read_html",
    ".html": "marked_up.read_html",
    ".markdown": "marked_up.read_markdown",
    ".md": "marked_up.read_markdown",
    ".pdf": "pdf.read_pdf",
    ".text": "plain_text.read_plain_text",
    ".txt": "plain_text.read_plain_text",
    ".xhtml": "marked_up.read_html",
}
SUFFIXES = tuple(sorted(READERS))


@dataclass
class LeftOut:
    """Files of a folder that were not read.

    Attributes:
        unreadable: Why each document could not be read, by its name.
        other_files: Files whose suffix is none of a document, by their suffix.
    """

    unreadable: dict[str, str] = field(default_factory=dict)
    other_files: dict[str, int] = field(default_factory=dict)


def find_documents(folder: Path, left_out: LeftOut) -> list[Path]:
    """Returns the documents of a folder and of all folders in it, sorted by their names.

    Hidden files and folders and the lock files of Word are passed over.

    Args:
        folder: The folder of manuals.
        left_out: Where other files are counted.

    Raises:
        UserError: There is no such folder, or no document in it.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; --manuals needs a folder of documents")
    found = []
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        hidden = any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
        if hidden or not path.is_file():
            continue
        suffix = path.suffix.lower()
        if suffix in SUFFIXES:
            found.append(path)
        else:
            left_out.other_files[suffix] = left_out.other_files.get(suffix, 0) + 1
    if not found:
        raise UserError(f"{folder}: holds no document; supported are {', '.join(SUFFIXES)}")
    return found


def read_documents(folder: Path, domain: str | None, left_out: LeftOut) -> Iterator[Document]:
    """Yields the documents of a folder, one at a time.

    A document's domain is the name of the folder in `folder` in which it lies, however deep.

    Args:
        folder: The folder of manuals.
        domain: Domain of the documents that lie in no folder of their own; None takes "all".
        left_out: Where what is not read is noted.

    Raises:
        UserError: The folder holds no document.
    """
    for path in find_documents(folder, left_out):
        place = path.relative_to(folder)
        own = place.parts[0] if len(place.parts) > 1 else domain or EVERYTHING
        try:
            yield read_document(path, place.as_posix(), own)
        except Unreadable as error:
            logger.warning("%s: %s", place.as_posix(), error)
            left_out.unreadable[place.as_posix()] = str(error)


def read_document(path: Path, name: str, domain: str) -> Document:
    """Reads a document by its suffix.

    Args:
        path: The file.
        name: Its name for messages and rows.
        domain: The domain of its pairs.

    Raises:
        Unreadable: It cannot be read, or holds no text.
        UserError: The package that reads its format is not installed.
    """
    megabytes = path.stat().st_size / 1e6
    if megabytes > LARGEST_MEGABYTES:
        raise Unreadable(f"has {megabytes:.0f} MB, more than {LARGEST_MEGABYTES}; split it")
    try:
        module, reader = READERS[path.suffix.lower()].split(".")
        content = getattr(import_module(f"manuals.documents.{module}"), reader)(path)
        document = Document(name, domain, content.blocks, content.pages, content.pages_without_text)
    except (Unreadable, UserError, MemoryError):
        raise
    except ModuleNotFoundError as error:
        raise UserError(
            f'{name}: needs the package {error.name}; run pip install "nic-embeddings[manuals]"'
        ) from error
    # The parsers raise whatever a broken file makes them stumble over.
    except Exception as error:
        reason = one_line(error, LONGEST_REASON)
        raise Unreadable(f"cannot be read ({reason}); is it damaged?") from error
    if all(isinstance(block, Heading) for block in document.blocks):
        raise Unreadable("holds no text")
    return document
