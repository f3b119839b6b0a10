"""One publisher at a time, and what a killed one leaves is taken away by the next.

Everything is written in a folder that no reader looks at and moved from there. A plan of what is
going to be moved is written first: whoever comes next knows what belongs to a version that never
came to be, and touches nothing else. A version has come to be once main names it.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from model_card.hubs import MAIN
from model_card.local_hub.layout import RepoFolder, read_references
from nic.errors import UserError

logger = logging.getLogger(__name__)

PLAN = "plan.json"
FILE_MODE = 0o644
FOLDER_MODE = 0o755
FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
NOT_A_FOLDER = (errno.EEXIST, errno.ENOTDIR)
# The smallest piece of a disk that a file takes, and room for references, history and plan.
CLUSTER = 1 << 12
BOOKKEEPING = 1 << 16
# A reader on Windows that has a file open keeps it from being replaced.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.01


class DiskFullError(UserError):
    """There is no room for what was to be written; nothing was changed."""

    exit_code = 1


@contextmanager
def publisher_lock(repo: RepoFolder, needed: int = BOOKKEEPING) -> Iterator[None]:
    """Hold a repository alone; leftovers are taken away before and after.

    Args:
        repo: The repository.
        needed: Bytes that are going to be written at most, for the message of a full disk.

    Raises:
        UserError: The hub can't be written to, or a file can't be read.
        DiskFullError: The disk is full.
    """
    with explained_errors(repo.hub, needed), _alone(repo):
        remove_leftovers(repo)
        try:
            yield
        finally:
            remove_leftovers(repo)


@contextmanager
def explained_errors(place: Path, needed: int = BOOKKEEPING) -> Iterator[None]:
    """Turn a full disk and missing permissions into one line.

    Args:
        place: A folder on the disk that is written to.
        needed: Bytes that are going to be written at most.

    Raises:
        UserError: Something may not be read or written.
        DiskFullError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        where = error.filename or place
        if error.errno in FULL:
            raise _disk_full(place, needed) from error
        if error.errno in FORBIDDEN:
            raise UserError(
                f"{where}: {error.strerror}; nothing was changed, "
                "change the permissions or run it as the owner"
            ) from error
        if error.errno in NOT_A_FOLDER:
            raise UserError(f"{where}: is a file where a folder is needed") from error
        raise


def check_space(place: Path, needed: int) -> None:
    """Refuse to begin what does not fit.

    Raises:
        DiskFullError: How much is needed, free and missing.
    """
    if needed > free_bytes(place):
        raise _disk_full(place, needed)


def disk_usage_of(sizes: Iterable[int]) -> int:
    """The bytes that files of these sizes take on a disk, at most."""
    return BOOKKEEPING + sum(-(-size // CLUSTER) * CLUSTER for size in sizes)


def free_bytes(place: Path) -> int:
    """What the disk of a folder, which need not be there yet, can still take."""
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def readable_size(size: int) -> str:
    """A number of bytes for people: 90.9 MB."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, readable by everybody whatever the umask."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(FOLDER_MODE)


def finish_file(path: Path) -> None:
    """Make a file readable by everybody and have its content on the disk."""
    path.chmod(FILE_MODE)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def move(source: Path, target: Path) -> None:
    """Move a file over another, or a folder to a free name, in one step."""
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
    """Replace small files of a repository one after the other, once all of them are on the disk."""
    staged = {target: repo.incomplete / target.relative_to(repo.folder) for target in texts}
    for target, text in texts.items():
        make_folder(target.parent)
        _write(staged[target], text)
    for target in texts:
        move(staged[target], target)


def write_plan(repo: RepoFolder, tag: str, revision: str, targets: Iterable[Path]) -> None:
    """Note what is going to be moved in for a version, before anything is.

    Args:
        repo: The repository.
        tag: The version, which is written last.
        revision: Its commit; once a reference names it, nothing is taken away any more.
        targets: Paths of the repository; those that are there already are left out.
    """
    creates = [target.relative_to(repo.hub).as_posix() for target in targets if not exists(target)]
    plan = {"tag": tag, "revision": revision, "creates": creates}
    _write(repo.incomplete / "plan", json.dumps(plan))
    move(repo.incomplete / "plan", repo.incomplete / PLAN)


def exists(path: Path) -> bool:
    """Whether there is anything of this name, a broken link too."""
    return os.path.lexists(path)


def remove_leftovers(repo: RepoFolder) -> None:
    """Finish a version that main names already; take away one that no reference names."""
    if (repo.incomplete / PLAN).is_file():
        plan = json.loads((repo.incomplete / PLAN).read_text(encoding="utf-8"))
        references = read_references(repo)
        staged_tag = repo.incomplete / "refs" / plan["tag"]
        if references.get(MAIN) == plan["revision"] and staged_tag.is_file():
            move(staged_tag, repo.reference(plan["tag"]))
        if plan["revision"] not in references.values():
            for number, name in enumerate(plan["creates"]):
                if exists(repo.hub / name):
                    move(repo.hub / name, repo.incomplete / f"removed-{number}")
    if repo.incomplete.is_dir():
        shutil.rmtree(repo.incomplete)


def _write(path: Path, text: str) -> None:
    make_folder(path.parent)
    path.write_text(text, encoding="utf-8", newline="\n")
    finish_file(path)


def _alone(repo: RepoFolder) -> AbstractContextManager[object]:
    make_folder(repo.lock.parent)
    lock = FileLock(repo.lock, mode=FILE_MODE)
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        logger.info("Waiting for another publisher of %s", repo.repo_id)
        return lock.acquire()


def _disk_full(place: Path, needed: int) -> DiskFullError:
    free = free_bytes(place)
    missing = f"{readable_size(needed - free)} missing" if needed > free else "full on the way"
    return DiskFullError(
        f"{place}: {readable_size(needed)} needed, {readable_size(free)} free, {missing}; "
        "nothing was changed, free some space and run it again"
    )
