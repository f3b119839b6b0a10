"""The files of a folder and of a revision, compared by their hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

# Belongs to the hub, which writes one into each new repository.
HUBS_OWN = ".gitattributes"


@dataclass(frozen=True)
class Digests:
    """The two hashes by which hubs name a file.

    Attributes:
        git_sha1: Git's object name, for files kept in git itself.
        sha256: SHA-256, for large files.
    """

    git_sha1: str
    sha256: str


def digest_folder(folder: Path) -> dict[str, Digests]:
    """Returns the digests of each file of a folder, by name with forward slashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): digest_file(path) for path in files}
    digests.pop(HUBS_OWN, None)
    return digests


def digest_file(path: Path) -> Digests:
    """Returns both digests of a file, which is read once."""
    git = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            git.update(block)
            sha256.update(block)
    return Digests(git.hexdigest(), sha256.hexdigest())


def list_revision(api: HfApi, repo_id: str, revision: str) -> dict[str, str]:
    """Returns the digest of each file of a revision as the hub lists it, by name."""
    entries = api.list_repo_tree(repo_id, recursive=True, revision=revision)
    files = [entry for entry in entries if isinstance(entry, RepoFile)]
    return {
        file.path: file.lfs.sha256 if file.lfs else file.blob_id
        for file in files
        if file.path != HUBS_OWN
    }


def find_differences(found: Mapping[str, str], wanted: Mapping[str, Digests]) -> list[str]:
    """Returns one message per file that is missing, added or changed.

    Args:
        found: Digest of either kind by name, of the files that exist.
        wanted: Digests by name, of the files that should exist.
    """
    differences = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    differences += [f"{name} was added" for name in found.keys() - wanted.keys()]
    for name in wanted.keys() & found.keys():
        if found[name] not in (wanted[name].git_sha1, wanted[name].sha256):
            differences.append(f"{name} holds other bytes")
    return sorted(differences)
