"""The lock of an output folder: one run at a time."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nic.errors import UserError
from nic.files import load_json
from nic.model_files import LOCK, LOCK_HOLDER

logger = logging.getLogger(__name__)


@contextmanager
def hold_output_folder(folder: Path, main_process: bool = True) -> Iterator[None]:
    """Locks an output folder for one run while the block runs.

    The system holds the lock, so that the lock of a killed process is free at once. Folders that
    are made for the lock are removed if nothing else was written.

    Args:
        folder: The output folder; it is created.
        main_process: Whether this is the main process, the only one that locks.

    Raises:
        UserError: Another run holds the lock, or the folder cannot be written to.
    """
    if not main_process:
        yield
        return
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; give a folder with --output-dir")
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with _locked(folder):
            yield
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock, holder = FileLock(folder / LOCK), folder / LOCK_HOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise UserError(
            f"{folder}: another training writes there ({_describe(holder)}); wait for it, or give "
            "another folder with --output-dir"
        ) from error
    except OSError as error:
        raise UserError(f"{folder}: cannot be created ({error.strerror})") from error
    try:
        if holder.exists():
            logger.info("The training before did not end by itself (%s)", _describe(holder))
        holder.unlink(missing_ok=True)
        content = {"process": os.getpid(), "host": socket.gethostname()}
        holder.write_text(json.dumps(content) + "\n", encoding="utf-8")
        yield
    finally:
        _release(lock, holder)


def _release(lock: FileLock, holder: Path) -> None:
    """Removes both files and releases the lock; Windows removes no locked file."""
    holder.unlink(missing_ok=True)
    if os.name == "nt":
        lock.release()
    with suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


def _describe(holder: Path) -> str:
    """Returns process and host of the run that holds a lock, as far as they are known."""
    try:
        content = load_json(holder)
        return f"process {content['process']} on {content['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "its process is not known yet"
