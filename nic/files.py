"""Atomic writes, hashes and YAML settings."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from nic.errors import UserError, no_space_left, one_line


def check_writable(path: Path, flag: str) -> None:
    """Refuses, before any work is done, a file that could not be written afterwards.

    Args:
        path: The file to write.
        flag: The flag that names it.

    Raises:
        UserError: Its folder is missing or read-only, or the path is not a regular file.
    """
    if not path.parent.is_dir():
        raise UserError(f"{path.parent}: no such folder; create it, or change {flag}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path.parent}: may not be written to; change its permissions or {flag}")
    _refuse_special_file(path)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to; it replaces `path` if the block succeeds.

    The content is on the disk before it does, so that a power cut leaves the one or the other.

    If the block fails, for example by a full disk or Ctrl-C, `path` is unchanged and the temporary
    file is deleted. If `path` is a link, the file that it points to is replaced.

    Raises:
        UserError: The system refuses to write there, or the path is not a regular file.
    """
    _refuse_special_file(path)
    path = path.resolve()
    staged = path.with_name(f"{path.stem}.incomplete{path.suffix}")
    try:
        yield staged
        _sync_file(staged)
        staged.replace(path)
        _sync_names(path.parent)
    except OSError as error:
        if error.filename != str(staged) or no_space_left(error):
            raise
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        staged.unlink(missing_ok=True)


def _refuse_special_file(path: Path) -> None:
    """A device or a pipe must not be replaced by a regular file."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is not a file that can be replaced; give another name")


def atomic_write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 text file atomically."""
    with atomic_write(path) as staged:
        staged.write_text(text, encoding="utf-8", newline="\n")


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes one JSON object a line in UTF-8, atomically; the rows may come one by one."""
    with atomic_write(path) as staged, staged.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def sync_folder(folder: Path) -> None:
    """Has the system write the files of a folder, and its names, to the disk.

    Without it a power cut can leave a folder under its last name with empty or cut files.
    """
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            _sync_file(path)
    for path in (folder, folder.parent):
        _sync_names(path)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file, suppress(OSError):
        os.fsync(file.fileno())


def _sync_names(folder: Path) -> None:
    """Syncs the names in a folder; Windows opens no folder, and needs none to be synced."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def replace_folder(source: Path, target: Path) -> None:
    """Moves a folder to `target`; a folder that is already there is deleted last.

    No other folder is touched, whatever its name.
    """
    if not target.exists():
        source.rename(target)
        return
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}.old-"))
    try:
        target.rename(old / target.name)
        source.rename(target)
    finally:
        # Where it was interrupted in between, what was there before is put back.
        if not target.exists():
            (old / target.name).rename(target)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def atomic_folder(target: Path, staged: Path) -> Iterator[Path]:
    """Yields a folder to write to; it replaces `target` if the block succeeds.

    If the block fails, `target` is unchanged and the folder is deleted.

    Args:
        target: The folder to write or replace.
        staged: Path of the folder that is yielded, on the same disk; an old one is deleted.
    """
    shutil.rmtree(staged, ignore_errors=True)
    try:
        yield staged
        sync_folder(staged)
        replace_folder(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def read_mapping(path: Path, flag: str) -> dict[str, Any]:
    """Reads a YAML file of settings.

    Args:
        path: The file.
        flag: The flag that names it, for messages.

    Returns:
        The values by name; none for an empty file.

    Raises:
        UserError: It cannot be read, is not valid YAML, or is not a mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {flag} needs it") from error
    except RecursionError as error:
        raise UserError(f"{path}: not valid YAML (nested too deeply)") from error
    # A number of more than 4,300 digits is a ValueError of Python's own.
    except (yaml.YAMLError, ValueError) as error:
        reason = one_line(error)
        raise UserError(f"{path}: not valid YAML ({reason})") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a mapping of names to values; {flag} needs one")
    return content


def load_json(path: Path) -> Any:
    """Returns what a JSON file holds.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not valid JSON, or nested more deeply than Python reads.
    """
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str | bytes) -> Any:
    """Returns what JSON holds.

    Raises:
        ValueError: It is not valid, or nested more deeply than Python reads.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json_object(path: Path) -> dict[str, Any]:
    """Returns the object in a JSON file; an empty one if the file is missing or damaged."""
    try:
        content = load_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
