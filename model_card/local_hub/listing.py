"""The versions that a local hub holds."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from model_card.local_hub.history import PUBLISH, read_history
from model_card.local_hub.layout import (
    RepoFolder,
    check_hub_folder,
    find_repo,
    list_repos,
    read_references,
    read_tags,
)
from model_card.names import MAIN
from model_card.versions import Version, publishing_order, read_outcome
from nic.model_files import METADATA


def list_versions(hub: Path, repo_id: str | None = None) -> list[Version]:
    """Returns the tagged versions of a hub, by repository and in the order of publishing.

    Args:
        hub: Folder of the hub.
        repo_id: Name of the repository; None lists all of them.

    Raises:
        UserError: There is no such hub or repository.
    """
    check_hub_folder(hub)
    repos = [find_repo(hub, repo_id)] if repo_id else list_repos(hub)
    versions = [
        _describe(repo, tag, revision)
        for repo in repos
        for tag, revision in read_tags(repo).items()
    ]
    return sorted(versions, key=publishing_order)


def _describe(repo: RepoFolder, tag: str, revision: str) -> Version:
    folder = repo.snapshot(revision)
    outcome = read_outcome(folder / METADATA)
    return Version(
        repo_id=repo.repo_id,
        tag=tag,
        revision=revision,
        date=_date_of(repo, tag),
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        is_main=read_references(repo).get(MAIN) == revision,
        gates_passed=outcome.gates_passed,
        recall_at_5=outcome.recall_at_5,
    )


def _date_of(repo: RepoFolder, tag: str) -> datetime:
    for move in read_history(repo):
        if move.action == PUBLISH and move.tag == tag:
            return datetime.fromisoformat(move.time)
    changed = repo.reference(tag).stat().st_mtime
    return datetime.fromtimestamp(int(changed), timezone.utc)
