"""What a folder and a revision of a repository hold, told by hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

# Belongs to the hub: it writes one into each new repository.
HUBS_OWN = ".gitattributes"


@dataclass(frozen=True)
class Digests:
    """A file by the two names that hubs have for it.

    Attributes:
        git_sha1: Git's object name, for files kept in git itself.
        sha256: For large files.
    """

    git_sha1: str
    sha256: str


def digest_folder(folder: Path) -> dict[str, Digests]:
    """The digests of each file of a folder, by name with forward slashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): digest_file(path) for path in files}
    digests.pop(HUBS_OWN, None)
    return digests


def digest_file(path: Path) -> Digests:
    """Both digests in one reading."""
    git = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            git.update(block)
            sha256.update(block)
    return Digests(git.hexdigest(), sha256.hexdigest())


def list_revision(api: HfApi, repo_id: str, revision: str) -> dict[str, str]:
    """The digest of each file of a revision as the hub lists it, by name."""
    entries = api.list_repo_tree(repo_id, recursive=True, revision=revision)
    files = [entry for entry in entries if isinstance(entry, RepoFile)]
    return {
        file.path: file.lfs.sha256 if file.lfs else file.blob_id
        for file in files
        if file.path != HUBS_OWN
    }


def find_differences(found: Mapping[str, str], wanted: Mapping[str, Digests]) -> list[str]:
    """Each file that is missing, added or changed, in words.

    Args:
        found: Name and digest of either kind of what is there.
        wanted: What should be there.
    """
    differences = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    differences += [f"{name} was added" for name in found.keys() - wanted.keys()]
    for name in wanted.keys() & found.keys():
        if found[name] not in (wanted[name].git_sha1, wanted[name].sha256):
            differences.append(f"{name} holds other bytes")
    return sorted(differences)
