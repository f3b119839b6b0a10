"""Crash-safe writing into a repository, by one publisher at a time.

Everything is written to a folder that no reader looks at and is moved from there. A plan of what
will be moved is written first, so that the next publisher can remove what belongs to an unfinished
version and touches nothing else. A version is finished once main names it.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from model_card.local_hub.damage import read_plan, refuse_damage
from model_card.local_hub.disk import BOOKKEEPING, explained_errors
from model_card.local_hub.layout import RepoFolder, read_references
from model_card.local_hub.state import Plan, plan_text
from model_card.names import MAIN

logger = logging.getLogger(__name__)

FILE_MODE = 0o644
FOLDER_MODE = 0o755
# On Windows, a file that a reader has open cannot be replaced.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.01


@contextmanager
def publisher_lock(repo: RepoFolder, needed: int = BOOKKEEPING) -> Iterator[None]:
    """Locks a repository for one publisher, and removes leftovers before and after.

    Args:
        repo: The repository.
        needed: Upper bound of the bytes that are written, for the message of a full disk.

    Raises:
        UserError: The hub cannot be written to, or a file cannot be read.
        IntegrityError: The state of the repository is damaged; nothing was changed.
        DiskFullError: The disk is full.
    """
    with explained_errors(repo.hub, needed), repository_lock(repo):
        refuse_damage(repo)
        remove_leftovers(repo)
        try:
            yield
        finally:
            remove_leftovers(repo)


def make_folder(folder: Path) -> None:
    """Makes a folder and its parents, readable by everybody whatever the umask."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(FOLDER_MODE)


def finish_file(path: Path) -> None:
    """Makes a file readable by everybody and flushes its content to the disk."""
    path.chmod(FILE_MODE)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def move(source: Path, target: Path) -> None:
    """Moves a file over another, or a folder to a free name, atomically."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if os.name != "nt" or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)


def write_texts(repo: RepoFolder, texts: Mapping[Path, str]) -> None:
    """Replaces small files of a repository in order, once all of them are on the disk."""
    staged = {target: repo.incomplete / target.relative_to(repo.folder) for target in texts}
    for target, text in texts.items():
        make_folder(target.parent)
        _write(staged[target], text)
    for target in texts:
        move(staged[target], target)


def write_plan(repo: RepoFolder, tag: str, revision: str, targets: Iterable[Path]) -> None:
    """Writes down what will be moved in for a version, before anything is.

    Args:
        repo: The repository.
        tag: The version, whose reference is written last.
        revision: Its commit; once a reference names it, nothing is removed any more.
        targets: Paths of the repository; those that exist already are left out.
    """
    creates = [target.relative_to(repo.hub).as_posix() for target in targets if not exists(target)]
    _write(repo.incomplete / "plan", plan_text(Plan(tag, revision, creates)))
    move(repo.incomplete / "plan", repo.plan)


def exists(path: Path) -> bool:
    """Whether anything of this name exists, even a broken link."""
    return os.path.lexists(path)


def remove_leftovers(repo: RepoFolder) -> None:
    """Finishes a version that main names already, and removes one that no reference names."""
    if plan := read_plan(repo):
        references = read_references(repo)
        staged_tag = repo.incomplete / "refs" / plan.tag
        if references.get(MAIN) == plan.revision and staged_tag.is_file():
            move(staged_tag, repo.reference(plan.tag))
        if plan.revision not in references.values():
            for number, name in enumerate(plan.creates):
                if exists(repo.hub / name):
                    move(repo.hub / name, repo.incomplete / f"removed-{number}")
    if repo.incomplete.is_dir():
        shutil.rmtree(repo.incomplete)


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    path.write_text(text, encoding="utf-8", newline="\n")
    finish_file(path)


def repository_lock(repo: RepoFolder) -> AbstractContextManager[object]:
    """Locks a repository for one publisher, whatever its state; use `publisher_lock` to publish."""
    make_folder(repo.lock.parent)
    lock = FileLock(repo.lock, mode=FILE_MODE)
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        logger.info("Waiting for another publisher of %s", repo.repo_id)
        return lock.acquire()
