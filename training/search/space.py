"""The space of a search: which settings vary, and between which values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.trials import Setting, Settings
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from nic.files import read_mapping
from training.base_model import check_settings
from training.command.arguments import TrainingArguments
from training.command.parser import CommandParser, as_words
from training.command.run_arguments import AUTO, NO_NEGATIVES, RunArguments
from training.frozen.freezing import count_layers
from training.loop.loss_options import TEMPERATURE
from training.loop.losses import loss_temperature
from training.loop.trainer import check_trainable
from training.search.settings import FIELDS, apply_settings

FORMS = "{low: ..., high: ...} with log: true or without, {choices: [...]}, or one value"


@dataclass(frozen=True)
class Range:
    """Numbers between two, both included; whole ones if both are.

    Attributes:
        low: The lowest.
        high: The highest.
        log: Whether to draw evenly by the logarithm.
    """

    low: int | float
    high: int | float
    log: bool = False

    @property
    def corners(self) -> tuple[Setting, ...]:
        """The values that are checked for all."""
        return (self.low, self.high)

    def holds(self, value: Setting) -> bool:
        """Whether a value lies in the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        return self.low <= value <= self.high and (not whole or float(value).is_integer())


@dataclass(frozen=True)
class Choices:
    """Some values.

    Attributes:
        values: The values, two or more.
    """

    values: tuple[Setting, ...]

    @property
    def corners(self) -> tuple[Setting, ...]:
        """The values that are checked for all."""
        return self.values

    def holds(self, value: Setting) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Parameter = Range | Choices
Space = dict[str, Parameter]


def default_space(
    run: RunArguments, arguments: TrainingArguments, model: ChunkedSentenceTransformer, rows: int
) -> Space:
    """Returns the space that is searched where none is given.

    What the loss does not take, the model does not have or the rows do not fill is left out.

    Args:
        run: The arguments of the run.
        arguments: The Trainer's arguments.
        model: The base model.
        rows: Number of rows that are trained on.
    """
    space: Space = {"learning_rate": Range(2e-5, 3e-4, log=True)}
    if arguments.max_steps <= 0:
        space["epochs"] = Range(1, 5)
    space["batch_size"] = Choices((16, 32, 64))
    if layers := count_layers(model):
        space["freeze_layers"] = Range(0, layers - 1)
    if loss_temperature(model, run.loss, {}) == TEMPERATURE:
        space["temperature"] = Range(0.02, 0.1, log=True)
    space["directions"] = Choices(("query_to_doc", "query_to_doc,doc_to_query"))
    space["negatives"] = Choices((AUTO, NO_NEGATIVES))
    possible: Space = {}
    for name, parameter in space.items():
        fit = [
            value
            for value in parameter.corners
            if not _problem({name: value}, run, arguments, model, rows)
        ]
        if len(fit) == len(parameter.corners):
            possible[name] = parameter
        elif isinstance(parameter, Choices) and len(fit) > 1:
            possible[name] = Choices(tuple(fit))
    return possible


def read_space(path: Path) -> tuple[Space, Settings]:
    """Reads a file of settings to search.

    Returns:
        What is searched, and the settings that have one value in all trials.

    Raises:
        UserError: The file cannot be read, names what is not searched, or a value does not fit.
    """
    parser, names = CommandParser("nic-tune"), {field: name for name, field in FIELDS.items()}
    space: Space = {}
    fixed: Settings = {}
    for key, given in read_mapping(path, "--space").items():
        spelled = str(key).replace("-", "_")
        name = names.get(spelled, spelled)
        if name not in FIELDS:
            raise UserError(f'{path}: unknown setting "{key}"; a search takes {", ".join(FIELDS)}')
        if name in space or name in fixed:
            raise UserError(f'{path}: "{key}" is there twice; leave one out')
        try:
            found = _read_parameter(parser, name, given)
        except UserError as error:
            raise UserError(f"{path}: {key}: {error}") from error
        if isinstance(found, Range | Choices):
            space[name] = found
        else:
            fixed[name] = found
    if not space:
        raise UserError(f"{path}: names nothing to search; give a setting as {FORMS}")
    return space, fixed


def check_space(
    space: Space,
    path: str,
    run: RunArguments,
    arguments: TrainingArguments,
    model: ChunkedSentenceTransformer,
    rows: int,
) -> None:
    """Refuses a space with a value that alone makes a training impossible.

    Args:
        space: The space.
        path: The file that it comes from, for messages.
        run: The arguments of the run.
        arguments: The Trainer's arguments.
        model: The base model.
        rows: Number of rows that are trained on.

    Raises:
        UserError: It names the setting.
    """
    if "epochs" in space and arguments.max_steps > 0:
        raise UserError(f"{path}: epochs: --max_steps sets the length of a training; leave one out")
    for name, parameter in space.items():
        for value in parameter.corners:
            if problem := _problem({name: value}, run, arguments, model, rows):
                raise UserError(f"{path}: {name}: {problem}")


def describe_space(space: Space) -> dict[str, Any]:
    """Returns a space as JSON."""
    return {name: asdict(parameter) for name, parameter in space.items()}


def _problem(
    settings: Settings,
    run: RunArguments,
    arguments: TrainingArguments,
    model: ChunkedSentenceTransformer,
    rows: int,
) -> str:
    """Returns why a run cannot have some settings; empty where it can."""
    asked, layers = settings.get("freeze_layers"), count_layers(model)
    if isinstance(asked, int) and layers and asked >= layers:
        return f"{asked}: the encoder has {layers} layers; give at most {layers - 1}"
    if run.query_adapter and "freeze_layers" in settings:
        return "--query-adapter freezes every layer; leave it out"
    try:
        run, arguments = apply_settings(run, arguments, settings)
        check_settings(model, run)
        check_trainable(arguments, rows)
    except UserError as error:
        return str(error)
    return ""


def _read_parameter(parser: CommandParser, name: str, given: Any) -> Parameter | Setting:
    if not isinstance(given, dict):
        return _convert(parser, name, given)
    if given.keys() == {"choices"} and isinstance(given["choices"], list):
        values = tuple(_convert(parser, name, value) for value in given["choices"])
        if len(values) < 2 or len(set(values)) < len(values):
            raise UserError("choices need two or more different values")
        return Choices(values)
    if {"low", "high"} <= given.keys() <= {"low", "high", "log"}:
        return _read_range(parser, name, given)
    raise UserError(f"give {FORMS}")


def _read_range(parser: CommandParser, name: str, given: dict[str, Any]) -> Range:
    bounds = [_convert(parser, name, given[end]) for end in ("low", "high")]
    numbers = [n for n in bounds if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) < len(bounds) or not all(map(math.isfinite, numbers)):
        raise UserError("low and high need numbers; give {choices: [...]}")
    # Epochs may be parts of one; between whole numbers whole ones are meant.
    if name == "epochs" and _all_whole([given["low"], given["high"]]):
        numbers = [int(n) for n in numbers]
    log = given.get("log", False)
    if not isinstance(log, bool):
        raise UserError(f"log {log}: must be true or false")
    low, high = numbers
    if low >= high:
        raise UserError(f"low {low:g} must be less than high {high:g}")
    if log and low <= 0:
        raise UserError(f"low {low:g} must be more than 0 with log: true")
    return Range(low, high, log)


def _all_whole(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int) for value in values)


def _convert(parser: CommandParser, name: str, value: Any) -> Setting:
    """Returns a value with the type that its flag has; YAML reads 2e-5 as a word."""
    if value is None:
        return None
    if isinstance(value, list | dict):
        raise UserError(f"give {FORMS}")
    field = FIELDS[name]
    converted: Setting = vars(parser.parse_args([f"--{field}", *as_words(value)]))[field]
    return converted
