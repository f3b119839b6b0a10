"""`nic-trials.jsonl`: every finished trial of a search, one to a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.serialization import from_json, to_json
from evaluation.trials import Trial
from nic.errors import UserError, one_line
from nic.files import parse_json, write_jsonl
from nic.model_files import TRIALS
from training.output.manifest import record


def write_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Writes the trials of a search into its output folder, atomically."""
    record(folder, [TRIALS])
    write_jsonl(folder / TRIALS, map(to_json, trials))


def read_trials(folder: Path) -> list[Trial]:
    """Returns the finished trials of a search; none where no trial is finished yet.

    Raises:
        UserError: The file was damaged.
    """
    path = folder / TRIALS
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        trials = [from_json(Trial, parse_json(line)) for line in lines]
    except (OSError, ValueError) as error:
        reason = one_line(error, 200)
        raise UserError(f"{path}: cannot be read ({reason}); start anew with --force") from error
    if [trial.number for trial in trials] != list(range(len(trials))):
        raise UserError(f"{path}: lacks trials; start anew with --force")
    return trials
