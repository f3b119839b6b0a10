"""The output folder: what a run may write there, and what `--force` deletes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from nic.errors import UserError
from nic.logs import LOG_NAME
from nic.model_files import (
    CHECKPOINT,
    MANIFEST,
    MODULES,
    SPLIT,
    TRIALS,
    checkpoint_folders,
    is_name_of_a_run,
)
from training.output.manifest import checkpoint_entry, owned_names, record

INCOMPLETE = ".incomplete"
ELSEWHERE = "move it, or give another folder with --output-dir"


def refuse_taken(folder: Path, resume: bool, force: bool) -> None:
    """Refuses an output folder that a run may not write to; nothing is changed.

    Raises:
        UserError: It is a file; it holds a model, and both `resume` and `force` are false; or the
            run would replace or delete what no run wrote.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; give a folder with --output-dir")
    folder = _existing(folder)
    if holds_model(folder) and not (resume or force):
        raise UserError(
            f"{folder}: already holds a model or checkpoints; go on with --resume, delete them "
            "with --force, or give another folder with --output-dir"
        )
    refuse_foreign(folder)


def refuse_inputs(
    folder: Path, replaced: Path, inputs: Mapping[str, str | list[str] | None]
) -> None:
    """Refuses an input of the run that the run would replace or delete.

    Args:
        folder: The output folder.
        replaced: A folder that the run replaces as a whole.
        inputs: Files and folders that the run reads, by the flag that names them; other values,
            such as the name of a model on the Hub, are ignored.

    Raises:
        UserError: It names the flag.
    """
    named = [
        (flag, given)
        for flag, value in inputs.items()
        for given in (value if isinstance(value, list) else [value])
    ]
    for flag, given in named:
        path = Path(given) if given else None
        if path is None or not path.exists():
            continue
        first = _first_part(path.resolve(), folder)
        if first == "" or (first and is_name_of_a_run(first)):
            raise UserError(
                f"{flag} {given}: the run writes to {folder} and would replace it; give another "
                "folder with --output-dir"
            )
        if _first_part(path.resolve(), replaced) is not None:
            raise UserError(
                f"{flag} {given}: lies in {replaced}, which the run replaces; move it, or give "
                "another folder with --output-dir"
            )


def open_output_dir(folder: Path, force: bool) -> None:
    """Creates the output folder; with `force` deletes what an earlier run wrote there.

    Raises:
        UserError: It cannot be created, or the run would replace what no run wrote.
    """
    refuse_foreign(_existing(folder))
    if force:
        delete_run(_existing(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        record(folder, {*owned_names(folder), LOG_NAME, SPLIT})
    except OSError as error:
        raise UserError(f"{folder}: cannot be created ({error.strerror})") from error


def holds_model(folder: Path) -> bool:
    """Whether a folder holds a model, checkpoints or the trials of a search."""
    held = (folder / MODULES).exists() or (folder / TRIALS).exists()
    return held or any(checkpoint_folders(folder))


def refuse_foreign(folder: Path) -> None:
    """Refuses a folder in which a run would replace or delete what no run wrote.

    Raises:
        UserError: It names the first such file, folder or link.
    """
    owned = owned_names(folder) if folder.is_dir() else set()
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not is_name_of_a_run(path.name):
            continue
        if path.is_symlink():
            raise UserError(f"{path}: is a link, which a run would replace; {ELSEWHERE}")
        for file in _foreign_files(path, folder, owned):
            raise UserError(
                f"{file}: no training wrote it, and this one would replace or delete it; "
                f"{ELSEWHERE}"
            )


def delete_run(folder: Path) -> None:
    """Deletes what a run wrote in its output folder; other files stay.

    Nothing outside of the folder is deleted, whatever a file in it says, and no link is followed.
    """
    owned = owned_names(folder)
    for checkpoint in checkpoint_folders(folder):
        if checkpoint_entry(checkpoint.name) in owned:
            shutil.rmtree(checkpoint)
    # The record goes last: an interrupted deletion can be done again.
    for name in sorted(owned, key=lambda name: (name == MANIFEST, name)):
        if not name.endswith("/"):
            _delete_file(folder / name, folder)


def _existing(folder: Path) -> Path:
    """Returns a folder by a name that finds it, even if the given name goes through a missing one.

    Making the folders of `missing/../model` would make `model` be found only afterwards.
    """
    return folder if folder.exists() else folder.resolve()


def _delete_file(path: Path, folder: Path) -> None:
    for file in (path, path.with_name(path.name + INCOMPLETE)):
        if file.is_file() and not file.is_symlink():
            file.unlink()
    if path.parent != folder:
        with suppress(OSError):
            path.parent.rmdir()


def _foreign_files(path: Path, folder: Path, owned: set[str]) -> Iterator[Path]:
    """Yields the files at a path of the output folder that the run did not write."""
    if path.is_dir() and CHECKPOINT.fullmatch(path.name):
        if checkpoint_entry(path.name) not in owned and any(path.iterdir()):
            yield path
        return
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        name = file.relative_to(folder).as_posix().removesuffix(INCOMPLETE)
        if name not in owned and (file.is_symlink() or not file.is_dir()):
            yield file


def _first_part(path: Path, folder: Path) -> str | None:
    """Returns the first part of a path below a folder; "" for the folder, None if outside."""
    folder = _existing(folder)
    if not folder.is_dir():
        return None
    below = ""
    for parent in (path, *path.parents):
        if parent.samefile(folder):
            return below
        below = parent.name
    return None
