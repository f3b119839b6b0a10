"""The parser of `nic-train` and `nic-tune`: flags of this project and the Trainer, and YAML."""

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
from training.command.search_arguments import TEST_RATIO, SearchArguments

RECIPES = Path(__file__).resolve().parents[1] / "recipes"


class CommandParser(HfArgumentParser):
    """An `HfArgumentParser` that takes a YAML file and reports a mistake on one line.

    Args:
        program: The command.
        more: Dataclasses of the flags that it has beside those of a training.
    """

    def __init__(self, program: str = "nic-train", *more: type) -> None:
        super().__init__(
            [RunArguments, TrainingArguments, *more],
            prog=program,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("--config")

    def error(self, message: str) -> NoReturn:
        """Raises what `one_line_errors` shows, instead of printing the usage of 200 flags."""
        everything = "--help-all" if self.prog == "nic-train" else "nic-train --help-all"
        raise UserError(f"{message}; --help lists the flags, {everything} also the Trainer's")

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
                flags += self._as_flags(flag, value, f'{path}: "{key}"')
        return flags

    def _as_flags(self, flag: str, value: Any, place: str) -> list[str]:
        """Returns the words of a flag; no value is taken for another flag."""
        words = _columns_as_words(flag, value)
        takes_several = self._option_string_actions[flag].nargs in ("+", "*")
        if not isinstance(value, list) and not takes_several:
            return [f"{flag}={words[0]}"]
        if not takes_several:
            raise UserError(f"{place} is a list; give one value")
        if wrong := [word for word in words if word.startswith("-")]:
            raise UserError(f"{place}: {wrong[0]} is no value; it begins with a dash")
        return [flag, *words]


def parse_arguments(argv: Sequence[str] | None = None) -> tuple[RunArguments, TrainingArguments]:
    """Reads the command line and the YAML file that it names.

    Args:
        argv: The arguments without the program's name; None takes those of the process.

    Raises:
        UserError: A flag is unknown, or its value has the wrong type or is impossible.
    """
    run, arguments = _parse(CommandParser(), argv)
    return run, arguments


def parse_search(
    argv: Sequence[str] | None = None,
) -> tuple[RunArguments, TrainingArguments, SearchArguments]:
    """Reads the command line of `nic-tune`; arguments and errors as in `parse_arguments`.

    Raises:
        UserError: Besides, there is to be no test part, or a cross-validation.
    """
    parser = CommandParser("nic-tune", SearchArguments)
    parser.set_defaults(test_ratio=TEST_RATIO)
    run, arguments, search = _parse(parser, argv)
    return run, arguments, search


def _parse(parser: CommandParser, argv: Sequence[str] | None) -> tuple[Any, ...]:
    from evaluation.report.output import evaluation_folder
    from training.output.output_folder import refuse_inputs

    given = list(sys.argv[1:] if argv is None else argv)
    config = _config_path(given)
    given = parser.read_config(config) + given
    asked = parser.parse_args(given)
    check_device(asked.device)
    if hasattr(asked, "trials"):
        check_reports_on_test_part(asked.folds, asked.test_ratio, asked.split, asked.resume)
    if asked.device == "cpu":
        given += ["--use_cpu", "true"]
    try:
        parsed = parser.parse_args_into_dataclasses(given, look_for_args_file=False)
    # What the Trainer's own checks raise, be it for a file of settings that is not there.
    except (ValueError, ImportError, TypeError, OSError, OverflowError) as error:
        raise UserError(one_line(error)) from error
    folder = Path(parsed[1].output_dir)
    refuse_inputs(folder, evaluation_folder(folder), {"--config": config})
    # What follows is the flag that belongs to no dataclass.
    return tuple(parsed[: len(parser.dataclass_types)])


def check_reports_on_test_part(
    folds: int, test_ratio: float, split: str | None, resume: bool
) -> None:
    """Refuses a search whose report would ask the queries that chose the settings.

    Args:
        folds: As `--folds`.
        test_ratio: As `--test-ratio`.
        split: As `--split`; a split that is given says itself what the test part is.
        resume: As `--resume`; the split is that of the output folder.

    Raises:
        UserError: There is no test part.
    """
    if folds:
        raise UserError("--folds: nic-tune reports on a test part of its own; leave it out")
    if test_ratio <= 0 and not split and not resume:
        raise UserError(
            f"--test-ratio {test_ratio:g}: the validation queries choose the settings, so the "
            f"report needs others; give a share above 0, as {TEST_RATIO:g}"
        )


def find_recipe(named: str) -> Path:
    """Returns the file of a recipe.

    Args:
        named: A file, or the name of a recipe of this project, such as "runbook".

    Raises:
        UserError: There is no such file, and no recipe of this name.
    """
    recipe = RECIPES / f"{named}.yaml"
    is_recipe = recipe.parent == RECIPES and recipe.is_file()
    # A folder may have the name of a recipe, such as "manuals".
    if Path(named).is_file() or (Path(named).exists() and not is_recipe):
        return Path(named)
    if not is_recipe:
        names = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
        raise UserError(f"--config {named}: no such file, and no recipe ({names})")
    return recipe


def _columns_as_words(flag: str, value: Any) -> list[str]:
    """Returns the words of a flag; the columns may be a mapping in YAML."""
    if flag == "--columns" and isinstance(value, dict):
        return [f"{role}={name}" for role, name in value.items()]
    return as_words(value)


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
