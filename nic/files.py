"""Files and folders that are there whole or not at all, their hashes, and YAML settings."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from nic.errors import UserError, no_space_left


def check_writable(path: Path, flag: str) -> None:
    """Refuse, before any work is done, a file that could not be written at its end.

    Args:
        path: The file to write.
        flag: The flag that names it.

    Raises:
        UserError: Its folder is missing or closed, or what stands there is no file.
    """
    if not path.parent.is_dir():
        raise UserError(f"{path.parent}: no such folder; create it, or change {flag}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path.parent}: may not be written to; change its permissions or {flag}")
    _refuse_what_is_no_file(path)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to, which takes its place once all is written.

    Whatever goes wrong before, a full disk or Ctrl-C, `path` stays as it was and nothing is left.
    Where `path` is a link it stays one, and what it points to is replaced.

    Raises:
        UserError: The system refuses to write there, or what stands there is no file.
    """
    _refuse_what_is_no_file(path)
    path = path.resolve()
    staged = path.with_name(f"{path.stem}.incomplete{path.suffix}")
    try:
        yield staged
        staged.replace(path)
    except OSError as error:
        if error.filename != str(staged) or no_space_left(error):
            raise
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        staged.unlink(missing_ok=True)


def _refuse_what_is_no_file(path: Path) -> None:
    """A device or a pipe would be replaced by a file of its name."""
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: is not a file that can be replaced; give another name")


def atomic_write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with atomic_write(path) as staged:
        staged.write_text(text, encoding="utf-8", newline="\n")


def replace_folder(source: Path, target: Path) -> None:
    """Move a folder to where another may stand; the other is deleted last."""
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    source.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def read_mapping(path: Path, flag: str) -> dict[str, Any]:
    """Read a YAML file of settings; an empty one gives none.

    Args:
        path: The file.
        flag: The flag that named it, for messages.

    Raises:
        UserError: It cannot be read, is no YAML, or is no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {flag} needs it") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not valid YAML ({reason})") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a mapping of names to values; {flag} needs one")
    return content


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
