"""Where a stopped run goes on, and what its last line says about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from nic.errors import Interrupted, UserError
from nic.model_files import FOLD, SPLIT
from nic.signals import name_of, signal_of
from training.command.run_arguments import RunArguments
from training.command.search_arguments import SearchArguments
from training.loop import checkpoints
from training.loop.trainer import GO_ON


def checkpoint_to_resume(
    folder: Path, run: RunArguments, search: SearchArguments | None
) -> Path | None:
    """Returns the checkpoint that a resumed run goes on from; None for a new run.

    A cross-validation or a search may have been stopped before the model itself had one.

    Raises:
        UserError: The run is to be resumed, and there is none.
    """
    if not run.resume:
        return None
    if search and (folder / SPLIT).is_file():
        return checkpoints.find_newest_checkpoint(folder)
    if run.folds and (folder / FOLD.format(1)).is_dir():
        return checkpoints.find_newest_checkpoint(folder)
    return checkpoints.newest_checkpoint(folder)


@contextmanager
def say_how_to_go_on(
    folder: Path, run: RunArguments, search: SearchArguments | None
) -> Iterator[None]:
    """Turns an interruption outside of the training itself into what a user can do next.

    Raises:
        Interrupted: The block was interrupted.
    """
    before = _split_written(folder)
    try:
        yield
    except KeyboardInterrupt as error:
        # A run that was to replace another one may have been stopped before it did.
        begun = run.resume or _split_written(folder) != before
        then = "nothing was trained yet: run the same command again"
        if begun and _can_resume(folder, run, search):
            then = f"its state is saved in {folder.as_posix()}: {GO_ON}"
        number = signal_of(error)
        raise Interrupted(f"stopped by {name_of(number)}; {then}", number) from error


def _split_written(folder: Path) -> int:
    """Returns when the split of a run was written; 0 where there is none."""
    path = folder / SPLIT
    return path.stat().st_mtime_ns if path.is_file() else 0


def _can_resume(folder: Path, run: RunArguments, search: SearchArguments | None) -> bool:
    try:
        checkpoint_to_resume(folder, replace(run, resume=True, force=False), search)
    except UserError:
        return False
    return True
