"""What a search will do: its space, the settings of its first trial, and its number of trials."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.trials import Setting, Settings
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from training.command.arguments import TrainingArguments
from training.command.parser import check_reports_on_test_part
from training.command.run_arguments import RunArguments
from training.command.search_arguments import SearchArguments
from training.run_data import RunData
from training.search.settings import apply_settings, present_setting
from training.search.space import Space, check_space, default_space, describe_space, read_space

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """A search that can be run.

    Attributes:
        trials: Number of trials.
        space: What is searched.
        first: The settings of the first trial: those of the run.
    """

    trials: int
    space: Space
    first: Settings

    def values(self, name: str, fixed: Setting) -> list[Setting]:
        """Returns the values that a setting takes in the trials; `fixed` where it is not searched.

        Args:
            name: One of `FIELDS`, which no range searches.
            fixed: The value of the run.
        """
        return [*self.space[name].corners] if name in self.space else [fixed]

    def describe(self) -> dict[str, Any]:
        """Returns what a resumed search must share."""
        return {"trials": self.trials, "space": describe_space(self.space)}


def read_given_space(
    search: SearchArguments, run: RunArguments, arguments: TrainingArguments
) -> tuple[Space | None, RunArguments, TrainingArguments]:
    """Returns the space of `--space`, and the arguments with the settings that it fixes.

    The space is None where no file is given.

    Raises:
        UserError: The file does not fit, or the report would have no queries of its own.
    """
    check_reports_on_test_part(run.folds, run.test_ratio, run.split, run.resume)
    if search.space is None:
        return None, run, arguments
    space, fixed = read_space(Path(search.space))
    try:
        return space, *apply_settings(run, arguments, fixed)
    except UserError as error:
        raise UserError(f"{search.space}: {error}") from error


def plan_search(
    search: SearchArguments,
    given: Space | None,
    run: RunArguments,
    arguments: TrainingArguments,
    model: ChunkedSentenceTransformer,
    data: RunData,
) -> Plan:
    """Returns what a search will do.

    Args:
        search: The arguments of the search.
        given: The space of its file; None for the default one.
        run: The arguments of the run.
        arguments: The Trainer's arguments.
        model: The base model.
        data: The data of the run.

    Raises:
        UserError: The split has no test part, or a value of the space makes a training impossible.
    """
    if not data.split.test:
        raise UserError(
            f"{run.split or arguments.output_dir}: the split has no test part, and the validation "
            "queries choose the settings; give one that has, or --test-ratio"
        )
    rows = len(data.split.train)
    space = default_space(run, arguments, model, rows) if given is None else given
    check_space(space, search.space or "--space", run, arguments, model, rows)
    first = {name: present_setting(name, run, arguments, model) for name in space}
    return Plan(search.trials, space, first)
