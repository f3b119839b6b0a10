"""Publishing into a local hub: all of a version, or nothing."""

from __future__ import annotations

import logging
import os
from pathlib import Path, PurePosixPath

from model_card.hubs import Published, check_repo_id, check_tag
from model_card.local_hub.content import (
    Content,
    Facts,
    blob_id,
    commit_of,
    copy_checked,
    folder_content,
    is_whole,
    read_facts,
    tree_json,
)
from model_card.local_hub.history import PUBLISH, move_main
from model_card.local_hub.layout import RepoFolder, read_references
from model_card.local_hub.writing import (
    check_space,
    disk_usage_of,
    exists,
    finish_file,
    make_folder,
    move,
    publisher_lock,
    write_plan,
    write_texts,
)
from nic.errors import UserError

logger = logging.getLogger(__name__)

NAMES_SHOWN = 5


def publish_content(
    content: Content, facts: Facts, hub: Path, repo_id: str, tag: str, copy: bool
) -> Published:
    """Publish files from wherever they come.

    Args:
        content: The files.
        facts: Their hashes, which the copies must have.
        hub: The hub's folder; made where it is missing.
        repo_id: "organisation/name".
        tag: The version.
        copy: Keep plain files instead of links.

    Raises:
        UserError: A bad name, or the tag stands for other content.
        DiskFullError: No room; the hub is as it was.
        IntegrityError: A file changed while it was copied; the hub is as it was.
    """
    check_repo_id(repo_id)
    check_tag(tag)
    repo, revision = RepoFolder(hub, repo_id), commit_of(facts)
    with publisher_lock(repo, disk_usage_of(file.size for file in facts.values())):
        published = read_references(repo).get(tag)
        if published not in (None, revision):
            raise UserError(_other_content(repo, tag, str(published), facts))
        if not _snapshot_is_whole(repo, revision, facts):
            _add_snapshot(repo, tag, revision, content, facts, copy)
        elif published is None:
            write_plan(repo, tag, revision, [])
        if published is None:
            move_main(repo, PUBLISH, tag, revision)
    return Published(repo_id, tag, revision, str(hub), already_there=published is not None)


def _other_content(repo: RepoFolder, tag: str, published: str, facts: Facts) -> str:
    there = read_facts(folder_content(repo.snapshot(published)))
    names = [name for name in sorted({*there, *facts}) if there.get(name) != facts.get(name)]
    shown = ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
    return (
        f"{repo.repo_id} {tag} is published in {repo.hub} with other content ({len(names)} files "
        f"differ: {shown}); a version never changes, give this one a new --revision-tag"
    )


def _snapshot_is_whole(repo: RepoFolder, revision: str, facts: Facts) -> bool:
    return read_facts(folder_content(repo.snapshot(revision))) == facts


def _add_snapshot(
    repo: RepoFolder, tag: str, revision: str, content: Content, facts: Facts, copy: bool
) -> None:
    make_folder(repo.incomplete)
    plain = copy or not _links_work(repo.incomplete)
    missing = dict(facts) if plain else _missing_blobs(repo, facts)
    check_space(repo.hub, disk_usage_of(file.size for file in missing.values()))
    blobs = [repo.blobs / blob_id(name, file) for name, file in missing.items() if not plain]
    places = [repo.snapshot(revision), *blobs, repo.tree(revision)]
    write_plan(repo, tag, revision, places if exists(repo.folder) else [repo.folder])
    _make_repository(repo)
    staged = repo.incomplete / "snapshot"
    if plain:
        _copy_files(content, facts, staged)
    else:
        _add_blobs(repo, content, missing)
        _link_files(facts, staged)
    if exists(repo.snapshot(revision)):
        logger.warning("%s was damaged and is replaced", repo.snapshot(revision))
        move(repo.snapshot(revision), repo.incomplete / "damaged")
    move(staged, repo.snapshot(revision))
    write_texts(repo, {repo.tree(revision): tree_json(facts)})


def _links_work(folder: Path) -> bool:
    probe = folder / "probe"
    try:
        probe.symlink_to("nothing")
    except (OSError, NotImplementedError):
        logger.info("%s takes no symbolic links: files are copied", folder)
        return False
    probe.unlink()
    return True


def _missing_blobs(repo: RepoFolder, facts: Facts) -> Facts:
    blobs = {name: repo.blobs / blob_id(name, file) for name, file in facts.items()}
    return {name: file for name, file in facts.items() if not is_whole(blobs[name], file)}


def _make_repository(repo: RepoFolder) -> None:
    # A repository without snapshots/ is a broken one to whoever scans the hub at that moment.
    if not exists(repo.folder):
        make_folder(repo.incomplete / "repository" / "snapshots")
        move(repo.incomplete / "repository", repo.folder)
    make_folder(repo.snapshots)


def _add_blobs(repo: RepoFolder, content: Content, missing: Facts) -> None:
    make_folder(repo.blobs)
    staged = repo.incomplete / "blob"
    for name, facts in missing.items():
        copy_checked(name, content[name], facts, staged)
        finish_file(staged)
        move(staged, repo.blobs / blob_id(name, facts))


def _copy_files(content: Content, facts: Facts, folder: Path) -> None:
    for name, file in facts.items():
        make_folder((folder / name).parent)
        copy_checked(name, content[name], file, folder / name)
        finish_file(folder / name)


def _link_files(facts: Facts, folder: Path) -> None:
    for name, file in facts.items():
        make_folder((folder / name).parent)
        # From snapshots/<revision>/<name>, where it is going to stand.
        up = [".."] * (len(PurePosixPath(name).parts) + 1)
        (folder / name).symlink_to(os.path.join(*up, "blobs", blob_id(name, file)))
