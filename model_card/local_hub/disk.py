"""Free space of the disk that is written to, and its errors in one line."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nic.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
NOT_A_FOLDER = (errno.EEXIST, errno.ENOTDIR)
NOT_A_FILE = (errno.EISDIR, errno.ENOTEMPTY)
# The smallest unit of a disk that a file takes, and room for references, history and plan.
CLUSTER = 1 << 12
BOOKKEEPING = 1 << 16


class DiskFullError(UserError):
    """The disk has no room for what is to be written; nothing was changed."""

    exit_code = 1


@contextmanager
def explained_errors(place: Path, needed: int = BOOKKEEPING) -> Iterator[None]:
    """Turns a full disk and missing permissions into one-line errors.

    Args:
        place: A folder on the disk that is written to.
        needed: Upper bound of the bytes that are written.

    Raises:
        UserError: A file may not be read or written.
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
        if error.errno in NOT_A_FILE:
            raise UserError(f"{where}: is a folder where a file is needed") from error
        raise


def check_space(place: Path, needed: int) -> None:
    """Refuses to begin what does not fit on the disk.

    Raises:
        DiskFullError: The message says how much is needed, free and missing.
    """
    if needed > free_bytes(place):
        raise _disk_full(place, needed)


def disk_usage_of(sizes: Iterable[int]) -> int:
    """Returns an upper bound of the disk space, in bytes, of files of these sizes."""
    return BOOKKEEPING + sum(-(-size // CLUSTER) * CLUSTER for size in sizes)


def free_bytes(place: Path) -> int:
    """Returns the free bytes on the disk of a folder, which need not exist yet."""
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def readable_size(size: int) -> str:
    """Returns a number of bytes with a unit, such as "90.9 MB"."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def _disk_full(place: Path, needed: int) -> DiskFullError:
    free = free_bytes(place)
    missing = f"{readable_size(needed - free)} missing" if needed > free else "full on the way"
    return DiskFullError(
        f"{place}: {readable_size(needed)} needed, {readable_size(free)} free, {missing}; "
        "nothing was changed, free some space and run it again"
    )
