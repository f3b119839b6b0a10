"""Publishing into a local hub, atomically."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from model_card.hubs import Published
from model_card.local_hub.content import (
    Content,
    Hashes,
    blob_id,
    commit_of,
    copy_checked,
    folder_content,
    hash_content,
    is_whole,
    staged_content,
)
from model_card.local_hub.damage import refuse_damage
from model_card.local_hub.disk import check_space, disk_usage_of, explained_errors
from model_card.local_hub.history import PUBLISH, move_main
from model_card.local_hub.layout import RepoFolder, read_references
from model_card.local_hub.state import tree_json
from model_card.local_hub.writing import (
    exists,
    finish_file,
    make_folder,
    move,
    publisher_lock,
    write_plan,
    write_texts,
)
from model_card.names import check_repo_id, check_tag
from nic.errors import UserError

logger = logging.getLogger(__name__)

NAMES_SHOWN = 5


def check_target(hub: Path, repo_id: str, tag: str, may_exist: bool) -> None:
    """Refuses what publishing would refuse whatever the model is; nothing is written.

    Args:
        hub: Folder of the hub; it need not exist.
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version, such as "v1.0".
        may_exist: Whether the version may be there already.

    Raises:
        UserError: A name is not allowed, the hub is a file, or it has the version.
        IntegrityError: The state of the repository is damaged.
    """
    check_repo_id(repo_id)
    check_tag(tag)
    repo = RepoFolder(hub, repo_id)
    with explained_errors(hub):
        with suppress(FileNotFoundError):
            os.listdir(hub)
        refuse_damage(repo)
        if not may_exist and tag in read_references(repo):
            raise UserError(
                f"{repo_id} {tag} is published in {hub} already; a version never changes, "
                "give this one a new --revision-tag"
            )


def publish_folder(staged: Path, hub: Path, repo_id: str, tag: str, copy: bool) -> Published:
    """Publishes a packaged model as a version of a local hub, and lets main name it.

    Args:
        staged: The packaged model; every file in it is published.
        hub: Folder of the hub; created if it is missing.
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version, such as "v1.0".
        copy: Write plain files instead of symbolic links.

    Raises:
        UserError: A name is not allowed, there is nothing to publish, or the tag names other
            content.
        DiskFullError: The disk is full; the hub is unchanged.
        IntegrityError: A file changed while it was published; the hub is unchanged.
    """
    with explained_errors(staged):
        content = staged_content(staged)
        hashes = hash_content(content)
    return publish_content(content, hashes, hub, repo_id, tag, copy)


def publish_content(
    content: Content, hashes: Hashes, hub: Path, repo_id: str, tag: str, copy: bool
) -> Published:
    """Publishes files from a folder or an archive.

    Args:
        content: The files.
        hashes: Their hashes, which the copies must have.
        hub: Folder of the hub; created if it is missing.
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version.
        copy: Write plain files instead of symbolic links.

    Raises:
        UserError: A name is not allowed, or the tag names other content.
        DiskFullError: The disk is full; the hub is unchanged.
        IntegrityError: A file changed while it was copied; the hub is unchanged.
    """
    check_repo_id(repo_id)
    check_tag(tag)
    repo, revision = RepoFolder(hub, repo_id), commit_of(hashes)
    with publisher_lock(repo, disk_usage_of(file.size for file in hashes.values())):
        published = read_references(repo).get(tag)
        if published not in (None, revision):
            raise UserError(_other_content(repo, tag, str(published), hashes))
        if not _snapshot_is_whole(repo, revision, hashes):
            _add_snapshot(repo, tag, revision, content, hashes, copy)
        elif published is None:
            write_plan(repo, tag, revision, [])
        if published is None:
            move_main(repo, PUBLISH, tag, revision)
    return Published(repo_id, tag, revision, str(hub), already_there=published is not None)


def _other_content(repo: RepoFolder, tag: str, published: str, hashes: Hashes) -> str:
    there = hash_content(folder_content(repo.snapshot(published)))
    names = [name for name in sorted({*there, *hashes}) if there.get(name) != hashes.get(name)]
    shown = ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")
    return (
        f"{repo.repo_id} {tag} is published in {repo.hub} with other content ({len(names)} files "
        f"differ: {shown}); a version never changes, give this one a new --revision-tag"
    )


def _snapshot_is_whole(repo: RepoFolder, revision: str, hashes: Hashes) -> bool:
    return hash_content(folder_content(repo.snapshot(revision))) == hashes


def _add_snapshot(
    repo: RepoFolder, tag: str, revision: str, content: Content, hashes: Hashes, copy: bool
) -> None:
    make_folder(repo.incomplete)
    plain = copy or not _links_work(repo.incomplete)
    missing = dict(hashes) if plain else _missing_blobs(repo, hashes)
    check_space(repo.hub, disk_usage_of(file.size for file in missing.values()))
    blobs = [repo.blobs / blob_id(name, file) for name, file in missing.items() if not plain]
    places = [repo.snapshot(revision), *blobs, repo.tree(revision)]
    write_plan(repo, tag, revision, places if exists(repo.folder) else [repo.folder])
    _make_repository(repo)
    staged = repo.incomplete / "snapshot"
    if plain:
        copy_files(content, hashes, staged)
    else:
        _add_blobs(repo, content, missing)
        _link_files(hashes, staged)
    if exists(repo.snapshot(revision)):
        logger.warning("%s was damaged and is replaced", repo.snapshot(revision))
        move(repo.snapshot(revision), repo.incomplete / "damaged")
    move(staged, repo.snapshot(revision))
    write_texts(repo, {repo.tree(revision): tree_json(hashes)})


def _links_work(folder: Path) -> bool:
    probe = folder / "probe"
    try:
        probe.symlink_to("nothing")
    except (OSError, NotImplementedError):
        logger.info("%s takes no symbolic links: files are copied", folder)
        return False
    probe.unlink()
    return True


def _missing_blobs(repo: RepoFolder, hashes: Hashes) -> Hashes:
    blobs = {name: repo.blobs / blob_id(name, file) for name, file in hashes.items()}
    return {name: file for name, file in hashes.items() if not is_whole(blobs[name], file)}


def _make_repository(repo: RepoFolder) -> None:
    # A scan of the hub takes a repository without snapshots/ for a broken one.
    if not exists(repo.folder):
        make_folder(repo.incomplete / "repository" / "snapshots")
        move(repo.incomplete / "repository", repo.folder)
    make_folder(repo.snapshots)


def _add_blobs(repo: RepoFolder, content: Content, missing: Hashes) -> None:
    make_folder(repo.blobs)
    staged = repo.incomplete / "blob"
    for name, hashes in missing.items():
        copy_checked(name, content[name], hashes, staged)
        finish_file(staged)
        move(staged, repo.blobs / blob_id(name, hashes))


def copy_files(content: Content, hashes: Hashes, folder: Path) -> None:
    """Writes plain files into a folder, which is made, and checks each against its hash."""
    for name, file in hashes.items():
        make_folder((folder / name).parent)
        copy_checked(name, content[name], file, folder / name)
        finish_file(folder / name)


def _link_files(hashes: Hashes, folder: Path) -> None:
    for name, file in hashes.items():
        make_folder((folder / name).parent)
        # Relative to snapshots/<revision>/<name>, where the link is moved to.
        up = [".."] * (len(PurePosixPath(name).parts) + 1)
        (folder / name).symlink_to(os.path.join(*up, "blobs", blob_id(name, file)))
