"""The parser of `nic-train`: this project's flags, the Trainer's, and a YAML file of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from transformers import HfArgumentParser

from nic.devices import check_device
from nic.errors import UserError, one_line
from nic.files import read_mapping
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments

RECIPES = Path(__file__).resolve().parents[1] / "recipes"


class CommandParser(HfArgumentParser):
    """An `HfArgumentParser` that takes a YAML file and reports a mistake on one line."""

    def __init__(self) -> None:
        super().__init__(
            [RunArguments, TrainingArguments],
            prog="nic-train",
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("--config")

    def error(self, message: str) -> NoReturn:
        """Raises what `one_line_errors` shows, instead of printing the usage of 200 flags."""
        raise UserError(f"{message}; --help lists the flags, --help-all also the Trainer's")

    def read_config(self, path: str | None) -> list[str]:
        """Returns the flags that a YAML file stands for.

        Args:
            path: The file, or the name of a recipe; None gives no flags.

        Raises:
            UserError: The file cannot be read, is no mapping, or holds a key that is no flag.
        """
        if path is None:
            return []
        flags: list[str] = []
        for key, value in read_mapping(find_recipe(path), "--config").items():
            flag = f"--{str(key).replace('-', '_')}"
            if flag not in self._option_string_actions or flag == "--config":
                raise UserError(f'{path}: unknown key "{key}"; keys are the names of the flags')
            if value is not None:
                flags += [flag, *as_words(value)]
        return flags


def parse_arguments(argv: Sequence[str] | None = None) -> tuple[RunArguments, TrainingArguments]:
    """Reads the command line and the YAML file that it names.

    Args:
        argv: The arguments without the program's name; None takes those of the process.

    Raises:
        UserError: A flag is unknown, or its value has the wrong type or is impossible.
    """
    from evaluation.report.output import evaluation_folder
    from training.output.output_folder import refuse_inputs

    parser = CommandParser()
    given = list(sys.argv[1:] if argv is None else argv)
    config = _config_path(given)
    given = parser.read_config(config) + given
    asked = parser.parse_args(given)
    check_device(asked.device)
    if asked.device == "cpu":
        given += ["--use_cpu", "true"]
    try:
        parsed = parser.parse_args_into_dataclasses(given, look_for_args_file=False)
    except (ValueError, ImportError) as error:
        raise UserError(one_line(error)) from error
    folder = Path(parsed[1].output_dir)
    refuse_inputs(folder, evaluation_folder(folder), {"--config": config})
    return parsed[0], parsed[1]


def find_recipe(named: str) -> Path:
    """Returns the file of a recipe.

    Args:
        named: A file, or the name of a recipe of this project, such as "runbook".

    Raises:
        UserError: There is no such file, and no recipe of this name.
    """
    recipe = RECIPES / f"{named}.yaml"
    if Path(named).exists():
        return Path(named)
    if recipe.parent != RECIPES or not recipe.is_file():
        names = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
        raise UserError(f"--config {named}: no such file, and no recipe ({names})")
    return recipe


def as_words(value: Any) -> list[str]:
    """Returns a value as the words that follow its flag: a list as several, a mapping as JSON."""
    if isinstance(value, list):
        return [str(item) for item in value]
    return [json.dumps(value) if isinstance(value, dict) else str(value)]


def _config_path(argv: list[str]) -> str | None:
    for position, argument in enumerate(argv):
        if argument.startswith("--config="):
            return argument.removeprefix("--config=")
        if argument == "--config" and position + 1 < len(argv):
            return argv[position + 1]
    return None
