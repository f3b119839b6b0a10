"""A hub that is a folder: publish a model there, and others load it by name with no network.

The folder has the layout of the Hugging Face cache, so the reader needs nothing of this project:

    HF_HUB_CACHE=/srv/hub HF_HUB_OFFLINE=1 python -c '
    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer("org/nic-embeddings-v1.0", revision="v1.0")'

Readers must set HF_HUB_OFFLINE=1. Without it the libraries ask the endpoint first, and three things
happen: a repository of the same name there wins and is loaded in place of this one, silently; an
endpoint that answers 401 or 404 makes the load fail although the files are here; and with no
network every optional file is asked for again and again, which takes minutes. A folder ./org/name
in the current directory wins over every hub, and so must not be there.

Readers take no lock and may read while a version is published: they see it whole or not at all.
A tag never moves; main is the newest version, or what `promote` and `rollback` made it. Publishers
wait for each other. The folder and its files are readable by everybody and writable by their owner.
It must not be a cache of ordinary downloads: `hf cache rm` and `prune` would delete the only copy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from evaluation.retrieval_metrics.definitions import PRIMARY
from model_card.hubs import MAIN, Published, check_tag
from model_card.local_hub.archive import export_version, import_archive
from model_card.local_hub.content import read_facts, staged_content
from model_card.local_hub.history import (
    PROMOTE,
    PUBLISH,
    ROLLBACK,
    completed_moves,
    move_main,
    read_history,
    rollback_stack,
)
from model_card.local_hub.layout import (
    RepoFolder,
    check_hub,
    find_repo,
    list_repos,
    read_references,
    read_tags,
    resolve,
)
from model_card.local_hub.publishing import publish_content
from model_card.local_hub.writing import explained_errors, publisher_lock
from nic.errors import UserError
from nic.model_files import METADATA

__all__ = [
    "Version",
    "export_version",
    "import_archive",
    "list_versions",
    "promote",
    "publish_local",
    "rollback",
    "snapshot_folder",
]


@dataclass(frozen=True)
class Version:
    """A tagged version in a local hub.

    Attributes:
        repo_id: "organisation/name".
        tag: Its name.
        revision: Its commit, 40 hexadecimal digits.
        date: When it was published, UTC.
        size_bytes: Of its files together.
        is_main: Whether it is what a reader gets who names no revision.
        gates_passed: Whether it passed the gates of its evaluation; None where none is recorded.
        recall_at_5: Of the tuned model over all queries, in [0, 1]; None where none is recorded.
    """

    repo_id: str
    tag: str
    revision: str
    date: datetime
    size_bytes: int
    is_main: bool
    gates_passed: bool | None
    recall_at_5: float | None


def publish_local(staged: Path, hub: Path, repo_id: str, tag: str, copy: bool = False) -> Published:
    """Publish a packaged model as a version of a local hub, and let main name it.

    Killed at any moment, readers see what was there before or the new version, whole; run it again
    to finish. What the folder should hold is the business of whoever packages the model.

    Args:
        staged: The packaged model; every file in it is published.
        hub: The hub's folder; made where it is missing.
        repo_id: "organisation/name".
        tag: The version, such as "v1.0".
        copy: Keep plain files instead of links, for disks and shares that know no links; done by
            itself where links are refused.

    Returns:
        What was published, or that this very content stood under this tag before.

    Raises:
        UserError: A bad name, nothing to publish, or the tag stands for other content.
        DiskFullError: No room; the hub is as it was.
        IntegrityError: A file changed while it was published; the hub is as it was.
    """
    with explained_errors(staged):
        content = staged_content(staged)
        facts = read_facts(content)
    return publish_content(content, facts, hub, repo_id, tag, copy)


def list_versions(hub: Path) -> list[Version]:
    """Every tagged version, by repository and in the order of publishing.

    Raises:
        UserError: There is no such hub.
    """
    check_hub(hub)
    versions = [
        _describe(repo, tag, revision)
        for repo in list_repos(hub)
        for tag, revision in read_tags(repo).items()
    ]
    return sorted(versions, key=lambda version: (version.repo_id, version.date, version.tag))


def promote(hub: Path, repo_id: str, tag: str) -> None:
    """Let main name a version that was published before.

    Raises:
        UserError: No such repository or version; those that are there are listed.
    """
    check_tag(tag)
    repo = find_repo(hub, repo_id)
    with publisher_lock(repo):
        revision = resolve(repo, tag)
        stack = rollback_stack(completed_moves(repo))
        present = (stack[-1].tag, stack[-1].revision) if stack else None
        if present != (tag, revision) or read_references(repo).get(MAIN) != revision:
            move_main(repo, PROMOTE, tag, revision)


def rollback(hub: Path, repo_id: str) -> str:
    """Let main name what it named before the last publish or promote.

    Returns:
        The tag that main names now.

    Raises:
        UserError: There is nothing before it, or it is no longer there.
    """
    repo = find_repo(hub, repo_id)
    with publisher_lock(repo):
        stack = rollback_stack(completed_moves(repo))
        if len(stack) < 2:
            there = ", ".join(read_tags(repo)) or "none"
            raise UserError(
                f"{repo_id}: main named nothing before in {hub}; promote a version: {there}"
            )
        before = stack[-2]
        resolve(repo, before.tag or before.revision)
        move_main(repo, ROLLBACK, before.tag, before.revision)
    return before.tag


def snapshot_folder(hub: Path, repo_id: str, revision: str = MAIN) -> Path:
    """The folder with the files of a revision: a model folder like any other.

    Args:
        hub: The hub's folder.
        repo_id: "organisation/name".
        revision: A tag, main or a commit.

    Raises:
        UserError: No such repository or revision; those that are there are listed.
        IntegrityError: The revision is named and its files are gone.
    """
    repo = find_repo(hub, repo_id)
    return repo.snapshot(resolve(repo, revision))


def _describe(repo: RepoFolder, tag: str, revision: str) -> Version:
    folder = repo.snapshot(revision)
    metadata = _read_metadata(folder / METADATA)
    return Version(
        repo_id=repo.repo_id,
        tag=tag,
        revision=revision,
        date=_date_of(repo, tag),
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        is_main=read_references(repo).get(MAIN) == revision,
        gates_passed=_look_up(metadata, "gates", "passed"),
        recall_at_5=_look_up(metadata, "metrics", "tuned", "overall", PRIMARY.key),
    )


def _date_of(repo: RepoFolder, tag: str) -> datetime:
    for move in read_history(repo):
        if move.action == PUBLISH and move.tag == tag:
            return datetime.fromisoformat(move.time)
    changed = repo.reference(tag).stat().st_mtime
    return datetime.fromtimestamp(int(changed), timezone.utc)


def _read_metadata(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _look_up(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content
