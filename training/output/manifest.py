"""`nic-run.json`: what a run wrote in its output folder, and with which settings.

A name is recorded before it is written, so that the record is complete after a crash. A name that
ends in a slash is a checkpoint, which belongs to the run as a whole; any other name is a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from nic.files import atomic_write_text, read_json_object
from nic.logs import LOG_NAME
from nic.model_files import (
    CHECKPOINT,
    LICENSE_FILES,
    MANIFEST,
    METADATA,
    SPLIT,
    UNFINISHED,
    checkpoint_folders,
    is_name_of_a_run,
    matches,
)

BEST = "checkpoint-best"
FILES = "files"
SETTINGS = "settings"


def record(folder: Path, names: Iterable[str]) -> None:
    """Adds names to the record of an output folder, before anything is written under them.

    Args:
        folder: The output folder.
        names: Paths relative to it, with forward slashes; a checkpoint ends in a slash.
    """
    content = _read(folder)
    known = content.get(FILES, [])
    added = sorted({MANIFEST, *names} - set(known))
    if added:
        _write(folder, {**content, FILES: [*known, *added]})


def record_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Records the settings that a resumed run must share."""
    _write(folder, {**_read(folder), SETTINGS: settings})


def recorded_settings(folder: Path) -> dict[str, Any] | None:
    """Returns the settings of the run; None if an earlier version wrote the folder."""
    settings = _read(folder).get(SETTINGS)
    return settings if isinstance(settings, dict) else None


def owned_names(folder: Path) -> set[str]:
    """Returns what the run wrote; for a folder of an earlier version, what is surely its own.

    The record is input, not truth: a name that leads out of the folder or through a link, or that
    no run writes, is left out.
    """
    names = _read(folder).get(FILES) if (folder / MANIFEST).is_file() else _names_before(folder)
    listed = names if isinstance(names, list) else []
    return {name for name in listed if isinstance(name, str) and _is_inside(folder, name)}


def checkpoint_entry(name: str) -> str:
    """Returns the entry of a checkpoint folder, be it complete or not."""
    return UNFINISHED.sub("", name) + "/"


def _names_before(folder: Path) -> list[str]:
    """Returns what a run of an earlier version wrote; it kept no record.

    A run wrote its log and its split first. A finished one lists its model in the metadata; the
    model of an unfinished one is the copy of its best checkpoint.
    """
    if not all((folder / name).is_file() for name in (LOG_NAME, SPLIT)):
        return []
    metadata = read_json_object(folder / METADATA)
    model, plots = metadata.get("files"), metadata.get("figures")
    names = [LOG_NAME, SPLIT, *([METADATA] if isinstance(model, dict) else [])]
    names += [f"{p.name}/" for p in checkpoint_folders(folder) if p.name.startswith("checkpoint-")]
    if not isinstance(model, dict):
        best = folder / BEST
        return names + [p.relative_to(best).as_posix() for p in best.rglob("*") if p.is_file()]
    drawn = [f"plots/{name}" for name in plots] if isinstance(plots, list) else []
    beside = ("plots/*", LICENSE_FILES)
    return names + drawn + [name for name in model if not matches(name, beside)]


def _is_inside(folder: Path, name: str) -> bool:
    """Whether an entry names a path of a run inside the folder that no link leads out of."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or set(name) & set("\\:\0"):
        return False
    above = [folder / Path(*path.parts[:end]) for end in range(1, len(path.parts))]
    is_checkpoint = len(path.parts) == 1 and bool(CHECKPOINT.fullmatch(path.parts[0]))
    return (
        is_name_of_a_run(path.parts[0])
        and not any(part.is_symlink() for part in above)
        and name.endswith("/") == is_checkpoint
    )


def _read(folder: Path) -> dict[str, Any]:
    return read_json_object(folder / MANIFEST)


def _write(folder: Path, content: dict[str, Any]) -> None:
    atomic_write_text(folder / MANIFEST, json.dumps(content, indent=1) + "\n")
