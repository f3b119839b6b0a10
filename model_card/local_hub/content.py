"""The files of a version, from a folder or an archive: their hashes, commit and copies."""

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
# Hubs store such files separately and name them by SHA-256, all others by git's hash.
LARGE = (".safetensors", ".onnx")


@dataclass(frozen=True)
class FileContent:
    """The content of a file, on disk or in an archive.

    Attributes:
        size: In bytes.
        open: Opens the file for reading.
    """

    size: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class FileHashes:
    """Size and hashes of a file.

    Attributes:
        size: In bytes.
        sha256: 64 hexadecimal digits.
        git_sha1: Git's object name of the file, 40 hexadecimal digits.
    """

    size: int
    sha256: str
    git_sha1: str


# By path in the model folder, with forward slashes.
Content = Mapping[str, FileContent]
Hashes = Mapping[str, FileHashes]


def folder_content(folder: Path) -> dict[str, FileContent]:
    """Returns every file below a folder; symbolic links to files are followed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): _file_content(path) for path in files}


def staged_content(folder: Path) -> dict[str, FileContent]:
    """Returns every file of a folder that is to be published.

    Raises:
        UserError: The folder is missing, holds no file or a symbolic link, or a file name is not
            portable.
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
    """Returns the problem of the first file name that is not portable; None if all are."""
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


def hash_content(content: Content) -> dict[str, FileHashes]:
    """Reads and hashes every file.

    Raises:
        IntegrityError: A file changed its size while it was read.
    """
    return {name: _hash(name, source) for name, source in sorted(content.items())}


def commit_of(hashes: Hashes) -> str:
    """Returns the revision of a version: 40 hexadecimal digits that depend on its content alone."""
    lines = [[name, hashes[name].size, hashes[name].sha256] for name in sorted(hashes)]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()[:40]


def blob_id(name: str, hashes: FileHashes) -> str:
    """Returns the name of a file's blob, which is its ETag on a hub."""
    return hashes.sha256 if is_large(name) else hashes.git_sha1


def is_large(name: str) -> bool:
    """Whether hubs store a file of this name separately."""
    return name.endswith(LARGE)


def copy_checked(name: str, source: FileContent, hashes: FileHashes, target: Path) -> None:
    """Writes a copy of a file and checks that it is what was hashed before.

    Raises:
        IntegrityError: The file changed since.
    """
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        for block in _blocks(source):
            digest.update(block)
            copy.write(block)
    if digest.hexdigest() != hashes.sha256:
        raise IntegrityError(f"{name}: changed while it was copied; nothing was published")


def copy_blocks(source: FileContent, target: IO[bytes]) -> None:
    """Writes the bytes of a file to another, one block at a time."""
    for block in _blocks(source):
        target.write(block)


def is_whole(path: Path, hashes: FileHashes) -> bool:
    """Whether a file exists with exactly this content."""
    if not path.is_file() or path.stat().st_size != hashes.size:
        return False
    return _hash(path.name, _file_content(path)).sha256 == hashes.sha256


def _file_content(path: Path) -> FileContent:
    return FileContent(path.stat().st_size, lambda: path.open("rb"))


def _hash(name: str, source: FileContent) -> FileHashes:
    sha256 = hashlib.sha256()
    git = hashlib.sha1(f"blob {source.size}\0".encode(), usedforsecurity=False)
    size = 0
    for block in _blocks(source):
        sha256.update(block)
        git.update(block)
        size += len(block)
    if size != source.size:
        raise IntegrityError(f"{name}: {size} bytes where {source.size} were expected")
    return FileHashes(size, sha256.hexdigest(), git.hexdigest())


def _blocks(source: FileContent) -> Iterator[bytes]:
    with source.open() as file:
        while block := file.read(BLOCK):
            yield block
