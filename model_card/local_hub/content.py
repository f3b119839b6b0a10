"""The files of a version, wherever they come from: their hashes, their commit, their copies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from model_card.hubs import IntegrityError
from nic.errors import UserError

BLOCK = 1 << 20
# Hubs keep such files apart and name them by their SHA-256, all others by git's hash.
LARGE = (".safetensors", ".onnx")


@dataclass(frozen=True)
class Source:
    """A file that can be read, on disk or in an archive.

    Attributes:
        size: In bytes.
        open: Opens it for reading.
    """

    size: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class FileFacts:
    """What identifies the content of a file.

    Attributes:
        size: In bytes.
        sha256: 64 hexadecimal digits.
        git_sha1: What git calls the file, 40 hexadecimal digits.
    """

    size: int
    sha256: str
    git_sha1: str


# By path in the model folder, with forward slashes.
Content = Mapping[str, Source]
Facts = Mapping[str, FileFacts]


def folder_content(folder: Path) -> dict[str, Source]:
    """Every file below a folder, through symbolic links to files."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _source(path) for path in files}


def staged_content(folder: Path) -> dict[str, Source]:
    """Every file of a folder that is to be published.

    Raises:
        UserError: It is missing, holds no file or a symbolic link, or a name is not portable.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder of a packaged model")
    links = sorted(path for path in folder.rglob("*") if path.is_symlink())
    if links:
        raise UserError(f"{links[0]}: symbolic link; publish a folder of plain files")
    content = folder_content(folder)
    if not content:
        raise UserError(f"{folder}: holds no file; give the folder of a packaged model")
    problem = find_bad_name(content)
    if problem:
        raise UserError(f"{folder}: {problem}; rename it")
    return content


def find_bad_name(names: Iterable[str]) -> str | None:
    """What is wrong with the first name that not every system can hold inside a folder."""
    seen: set[str] = set()
    for name in names:
        parts = name.split("/")
        if not name.isprintable() or any(part in ("", ".", "..") for part in parts):
            return f"{name!r} is not the name of a file inside the folder"
        if any(character in name for character in '\\:*?"<>|'):
            return f"{name!r} holds a character that Windows does not allow"
        if name.casefold() in seen:
            return f"{name!r} is there twice, or differs from another name only by case"
        seen.add(name.casefold())
    return None


def read_facts(content: Content) -> dict[str, FileFacts]:
    """Read and hash every file.

    Raises:
        IntegrityError: A file changed its size while it was read.
    """
    return {name: _hash(name, source) for name, source in sorted(content.items())}


def commit_of(facts: Facts) -> str:
    """The revision of a version: 40 hexadecimal digits that follow from its content alone."""
    lines = [[name, facts[name].size, facts[name].sha256] for name in sorted(facts)]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:40]


def blob_id(name: str, facts: FileFacts) -> str:
    """The name of a file's content among the blobs, which is its ETag on a hub."""
    return facts.sha256 if is_large(name) else facts.git_sha1


def is_large(name: str) -> bool:
    """Whether hubs keep a file of this name apart."""
    return name.endswith(LARGE)


def copy_checked(name: str, source: Source, facts: FileFacts, target: Path) -> None:
    """Write a copy of a file and make sure that it is what was hashed before.

    Raises:
        IntegrityError: It is not.
    """
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        for block in _blocks(source):
            digest.update(block)
            copy.write(block)
    if digest.hexdigest() != facts.sha256:
        raise IntegrityError(f"{name}: changed while it was copied; nothing was published")


def copy_blocks(source: Source, target: IO[bytes]) -> None:
    """Write the bytes of a file to another, a block at a time."""
    for block in _blocks(source):
        target.write(block)


def is_whole(path: Path, facts: FileFacts) -> bool:
    """Whether a file is there with this very content."""
    if not path.is_file() or path.stat().st_size != facts.size:
        return False
    return _hash(path.name, _source(path)).sha256 == facts.sha256


def tree_json(facts: Facts) -> str:
    """The list of a version's files in the form in which huggingface_hub keeps it."""
    files = {name: _tree_entry(name, facts[name]) for name in sorted(facts)}
    return json.dumps({"format_version": 1, "files": files}, indent=1)


def _tree_entry(name: str, facts: FileFacts) -> dict[str, str | int]:
    entry: dict[str, str | int] = {"size": facts.size, "blob_id": facts.git_sha1}
    large: dict[str, str | int] = {"lfs_sha256": facts.sha256, "lfs_size": facts.size}
    return entry | large if is_large(name) else entry


def _source(path: Path) -> Source:
    return Source(path.stat().st_size, lambda: path.open("rb"))


def _hash(name: str, source: Source) -> FileFacts:
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {source.size}\0".encode(), usedforsecurity=False)
    size = 0
    for block in _blocks(source):
        sha256.update(block)
        git.update(block)
        size += len(block)
    if size != source.size:
        raise IntegrityError(f"{name}: {size} bytes where {source.size} were expected")
    return FileFacts(size, sha256.hexdigest(), git.hexdigest())


def _blocks(source: Source) -> Iterator[bytes]:
    with source.open() as file:
        while block := file.read(BLOCK):
            yield block
