"""The versions that a repository on a remote hub holds."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError
from huggingface_hub.hf_api import RepoFile

from model_card.names import MAIN
from model_card.remote_hub.endpoint import status_of
from model_card.remote_hub.repository import Repository
from model_card.versions import Outcome, Version, publishing_order, read_outcome
from nic.model_files import METADATA

# How hubs say that they keep no list of commits.
NO_COMMIT_LIST = (404, 405, 501)


def list_versions(repository: Repository) -> list[Version]:
    """Returns the tagged versions of a repository, oldest first; undated ones come first."""
    main = repository.commit_of(MAIN)
    tags = repository.tags().items()
    versions = [_describe(repository, tag, commit, commit == main) for tag, commit in tags]
    return sorted(versions, key=publishing_order)


def _describe(repository: Repository, tag: str, commit: str, is_main: bool) -> Version:
    api, repo_id = repository.api, repository.repo_id
    entries = api.list_repo_tree(repo_id, recursive=True, revision=commit)
    outcome = _outcome_of(repository, commit)
    return Version(
        repo_id=repo_id,
        tag=tag,
        revision=commit,
        date=_date_of(repository, commit),
        size_bytes=sum(entry.size for entry in entries if isinstance(entry, RepoFile)),
        is_main=is_main,
        gates_passed=outcome.gates_passed,
        recall_at_5=outcome.recall_at_5,
    )


def _outcome_of(repository: Repository, commit: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="nic-publish-") as folder:
        try:
            repository.api.hf_hub_download(
                repository.repo_id, METADATA, revision=commit, local_dir=folder
            )
        except EntryNotFoundError:
            pass
        return read_outcome(Path(folder) / METADATA)


def _date_of(repository: Repository, commit: str) -> datetime | None:
    try:
        commits = repository.api.list_repo_commits(repository.repo_id, revision=commit)
    except HfHubHTTPError as error:
        if status_of(error) not in NO_COMMIT_LIST:
            raise
        return None
    return commits[0].created_at if commits else None
