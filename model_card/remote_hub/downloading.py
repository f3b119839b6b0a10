"""Downloading a revision from a remote hub, without any cache and atomically."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import RevisionNotFoundError

from model_card.hubs import IntegrityError
from model_card.remote_hub.repository import Repository
from model_card.remote_hub.repository_files import (
    HUBS_OWN,
    digest_folder,
    find_differences,
    list_revision,
)
from nic.errors import UserError


def download_revision(repository: Repository, revision: str, folder: Path) -> Path:
    """Downloads a revision, and compares the bytes with the digests that the hub lists.

    Args:
        repository: The repository.
        revision: A tag, a branch, a pull request or a commit.
        folder: Where to put the files; it must not exist or be empty.

    Returns:
        The folder.

    Raises:
        UserError: There is no such revision, or it holds no files.
        IntegrityError: The bytes that arrived are not those that the hub lists.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
        staging = Path(place) / "files"
        listed = _download(repository, revision, staging, Path(place) / "cache")
        if differences := find_differences(listed, digest_folder(staging)):
            raise IntegrityError(
                f"the hub sent other bytes than it lists: {', '.join(differences)}"
            )
        if folder.exists():
            folder.rmdir()
        staging.rename(folder)
    return folder


def _download(repository: Repository, revision: str, folder: Path, cache: Path) -> dict[str, str]:
    """Returns the digests of the files as the hub lists them, by name."""
    try:
        commit = repository.commit_of(revision) or revision
        listed = list_revision(repository.api, repository.repo_id, commit)
        if not listed:
            raise UserError(f"{repository}, {revision}: holds no files")
        snapshot_download(
            repository.repo_id,
            revision=commit,
            cache_dir=cache,
            local_dir=folder,
            ignore_patterns=[HUBS_OWN],
            endpoint=repository.api.endpoint,
            token=repository.api.token,
        )
    except RevisionNotFoundError as error:
        raise UserError(f"{repository}: has no version {revision}") from error
    shutil.rmtree(folder / ".cache")
    return listed
