"""A model repository on a remote hub, and what is uploaded to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import ModelInfo

from model_card.remote_hub.repository_files import Digests, find_differences, list_revision


@dataclass(frozen=True)
class Upload:
    """What is to be published.

    Attributes:
        folder: The packaged model.
        files: The digests of its files, by name.
        tag: Name of the version.
    """

    folder: Path
    files: dict[str, Digests]
    tag: str


@dataclass(frozen=True)
class Repository:
    """A model repository on a hub.

    Attributes:
        api: The connected client.
        repo_id: Name of the repository, "organisation/name".
    """

    api: HfApi
    repo_id: str

    def __str__(self) -> str:
        """Returns the name and the hub, for messages."""
        return f"{self.repo_id} at {self.api.endpoint}"

    def info(self) -> ModelInfo | None:
        """Returns what the hub says of the repository; None if there is no such repository."""
        try:
            return self.api.model_info(self.repo_id)
        except RepositoryNotFoundError:
            return None

    def commit_of(self, revision: str) -> str | None:
        """Returns the commit that a revision names; None in an empty repository."""
        return self.api.model_info(self.repo_id, revision=revision).sha

    def tags(self) -> dict[str, str]:
        """Returns the commit of each tag, by name."""
        refs = self.api.list_repo_refs(self.repo_id).tags
        return {ref.name: ref.target_commit for ref in refs}

    def differences(self, revision: str, files: Mapping[str, Digests]) -> list[str]:
        """Returns how the files that the hub lists for a revision differ from others."""
        return find_differences(list_revision(self.api, self.repo_id, revision), files)

    def holds(self, revision: str | None, files: Mapping[str, Digests]) -> bool:
        """Whether a revision holds exactly these files."""
        return revision is not None and not self.differences(revision, files)
