"""Verifies that a remote hub gives back what was sent, by bytes and by embeddings."""

from __future__ import annotations

import tempfile
from pathlib import Path

from model_card.hubs import IntegrityError
from model_card.remote_hub.downloading import download_revision
from model_card.remote_hub.load_back import largest_difference
from model_card.remote_hub.repository import Repository, Upload
from model_card.remote_hub.repository_files import digest_folder, find_differences

# Equal files give equal embeddings; another order of summation stays below this.
TOLERANCE = 1e-6


def verify_commit(repository: Repository, upload: Upload, commit: str, state: str) -> None:
    """Downloads a commit without any cache, and compares its files and its embeddings.

    Args:
        repository: The repository.
        upload: What the commit should hold.
        commit: The commit.
        state: The state that the hub is left in if the commit is damaged, for the message.

    Raises:
        IntegrityError: The files or the embeddings differ from those of the upload.
    """
    with tempfile.TemporaryDirectory(prefix="nic-publish-") as folder:
        try:
            copy = download_revision(repository, commit, Path(folder) / "published")
            fetched = {name: file.sha256 for name, file in digest_folder(copy).items()}
            if differences := find_differences(fetched, upload.files):
                raise IntegrityError(f"the hub gives back other files: {', '.join(differences)}")
            difference = largest_difference(upload.folder, copy)
            if not difference <= TOLERANCE:
                raise IntegrityError(f"embeddings differ by {difference:.2g}")
        except IntegrityError as error:
            raise IntegrityError(f"{repository}, commit {commit[:12]}: {error}; {state}") from error
