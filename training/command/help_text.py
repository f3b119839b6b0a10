"""The help of `nic-train` and `nic-tune`, grouped; only `--help-all` waits for PyTorch."""

from __future__ import annotations

import argparse
import copy
import dataclasses
import shutil
import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin, get_type_hints

from nic import __version__
from nic.command_line import exit_code_text, say
from training.command.run_arguments import RunArguments, TrainerDefaults
from training.command.search_arguments import TEST_RATIO, SearchArguments

PROGRAM = "nic-train"
TUNE = "nic-tune"
# Every flag of this project, in the order of the help.
GROUPS = {
    "data": (
        "data_file",
        "columns",
        "domain",
        "val_ratio",
        "test_ratio",
        "folds",
        "split",
        "drop_flagged",
        "small_domains",
        "hold_out_made",
        "known_passages",
        "split_by",
        "date_field",
    ),
    "training": (
        "base_model",
        "base_revision",
        "pooling",
        "query_prompt",
        "document_prompt",
        "num_train_epochs",
        "per_device_train_batch_size",
        "learning_rate",
        "freeze_layers",
        "loss",
        "negatives",
        "dropout",
        "weight_decay",
        "max_grad_norm",
        "lr_scheduler_type",
        "batch_sampler",
        "dataloader_drop_last",
        "seed",
        "device",
        "precision",
        "frozen_cache_gb",
        "matryoshka",
        "mix",
    ),
    "evaluation": (
        "eval_strategy",
        "eval_steps",
        "eval_corpus_limit",
        "patience",
        "probe",
        "speed",
        "gates",
        "gate",
    ),
    "output": (
        "output_dir",
        "license",
        "language",
        "resume",
        "force",
        "save_strategy",
        "keep_checkpoints",
        "logging_steps",
    ),
    "publishing": ("publish_to", "repo_id", "revision_tag", "allow_failed_gates"),
}
# Shown by --help-all alone.
FURTHER = {
    "how the data is read": ("domain_from", "sheet"),
    "what is trained, the loss, its batches and its rates": (
        "query_adapter",
        "keep_apart",
        "temperature",
        "directions",
        "partition_mode",
        "hardness",
        "negatives_per_row",
        "guide_margin",
        "guide_margin_strategy",
        "mini_batch_size",
        "layer_lr_decay",
    ),
}
# The help of nic-tune names these and leaves the others to that of nic-train.
TUNE_GROUPS = {
    "search": ("trials", "space"),
    "data": ("data_file", "val_ratio", "test_ratio", "split", "probe"),
    "training": ("base_model", "patience", "seed", "device", "precision"),
    "output": ("output_dir", "resume", "force"),
}
CONFIG_HELP = "YAML file of flags, or the name of a recipe; flags win"
GATE_CODE = {3: "a gate failed (with --gate or --publish-to)"}
Fields = dict[str, "dataclasses.Field[Any]"]


def answer_help(argv: Sequence[str]) -> None:
    """Prints the help or the version and exits, if the command line asks for either.

    Args:
        argv: The arguments without the program's name.
    """
    if "--version" in argv:
        text = f"{PROGRAM} {__version__}"
    elif "--help-all" in argv:
        text = help_text(_trainer_fields())
    elif {"-h", "--help"} & set(argv):
        text = help_text()
    else:
        return
    say([text.rstrip()])
    sys.exit(0)


def answer_tune_help(argv: Sequence[str]) -> None:
    """Prints the help or the version of `nic-tune` and exits, if the command line asks for either.

    Args:
        argv: The arguments without the program's name.
    """
    if "--version" in argv:
        text = f"{TUNE} {__version__}"
    elif {"-h", "--help"} & set(argv):
        text = tune_help_text()
    else:
        return
    say([text.rstrip()])
    sys.exit(0)


def own_fields() -> Fields:
    """Returns the fields behind this project's flags, by name."""
    classes = (RunArguments, TrainerDefaults)
    return {field.name: field for kind in classes for field in dataclasses.fields(kind)}


def help_text(trainer: Iterable[dataclasses.Field[Any]] = ()) -> str:
    """Returns the help.

    Args:
        trainer: The Trainer's fields, for the whole help, which lists `FURTHER` too; none of them
            gives the help of one screen.
    """
    parser = _parser(PROGRAM, "Fine-tune a sentence-embedding model.")
    fields, hints = own_fields(), get_type_hints(RunArguments)
    theirs = list(trainer)
    for title, names in {**GROUPS, **(FURTHER if theirs else {})}.items():
        group = parser.add_argument_group(title)
        for name in names:
            _add(group, fields[name], hints.get(name))
    _add_general(parser)
    if theirs:
        group = parser.add_argument_group("the Trainer's own")
        for field in theirs:
            _add(group, field)
    return parser.format_help()


def tune_help_text() -> str:
    """Returns the help of `nic-tune`, on one screen."""
    parser = _parser(
        TUNE,
        "Search training settings on the validation queries, train with the best ones, and report "
        "on a test part. Takes every flag of nic-train (nic-train --help); they are the settings "
        "of the first trial, and of all trials where they are not searched.",
    )
    fields = own_fields() | {field.name: field for field in dataclasses.fields(SearchArguments)}
    test_ratio = copy.copy(fields["test_ratio"])
    test_ratio.default = TEST_RATIO
    test_ratio.metadata = {
        **test_ratio.metadata,
        "help": "share for the final report, which no trial is scored on",
    }  # type: ignore[assignment]
    fields["test_ratio"] = test_ratio
    hints = get_type_hints(RunArguments)
    for title, names in TUNE_GROUPS.items():
        group = parser.add_argument_group(title)
        for name in names:
            _add(group, fields[name], hints.get(name))
    add = parser.add_argument_group("general").add_argument
    add("--config", metavar="FILE", help=CONFIG_HELP)
    add("-h", "--help", action="store_true", help="show this help")
    add("--version", action="store_true", help="show the version")
    return parser.format_help()


def _parser(program: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog=program,
        usage=f"{program} [--flag value ...]",
        description=f"{description} Defaults stand in brackets.",
        epilog=exit_code_text(GATE_CODE),
        add_help=False,
        formatter_class=_formatter,
    )


def shown_names(field: dataclasses.Field[Any]) -> list[str]:
    """Returns the spellings of a flag in the help: one in dashes, and `--no-...` if it is on."""
    name = field.name.replace("_", "-")
    aliases = field.metadata.get("aliases")
    if aliases:
        return [str(aliases[0])]
    return [f"--{name}", f"--no-{name}"] if field.default is True else [f"--{name}"]


def _add(group: Any, field: dataclasses.Field[Any], hint: Any = None) -> None:
    """Adds the lines of a field to a group."""
    text = " ".join(str(field.metadata.get("help", "")).split()) + _default_text(field)
    # The Trainer's help texts are written for argparse, where "%%" stands for "%".
    options: dict[str, Any] = {"help": text.replace("%%", "%").replace("%", "%%")}
    if isinstance(field.default, bool):
        options["action"] = "store_true"
    else:
        literals = get_args(hint) if get_origin(hint) is Literal else ()
        choices = ",".join(field.metadata.get("choices", literals))
        options["metavar"] = field.metadata.get("metavar") or (
            f"{{{choices}}}" if choices else "VALUE"
        )
    group.add_argument(*shown_names(field), **options)


def _add_general(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("general").add_argument
    add("--config", metavar="FILE", help=CONFIG_HELP)
    add("-h", "--help", action="store_true", help="show this help")
    trainers = "show those of the loss and of the Trainer too: --temperature, --report-to, ..."
    add("--help-all", action="store_true", help=trainers)
    add("--version", action="store_true", help="show the version")


def _default_text(field: dataclasses.Field[Any]) -> str:
    """Returns the default in brackets; nothing for a switch that is off or no default."""
    value = "on" if field.default is True else field.default
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        value = (" ".join(map(str, made)) or None) if isinstance(made, list) else value
    if isinstance(value, Enum):
        value = value.value
    if value is None or value is dataclasses.MISSING or value is False:
        return ""
    return f" [{value}]"


def _formatter(prog: str) -> argparse.HelpFormatter:
    columns = shutil.get_terminal_size(fallback=(100, 24)).columns
    return argparse.HelpFormatter(prog, max_help_position=33, width=max(80, min(100, columns)))


def _trainer_fields() -> list[dataclasses.Field[Any]]:
    from sentence_transformers import SentenceTransformerTrainingArguments

    ours = own_fields()
    fields = dataclasses.fields(SentenceTransformerTrainingArguments)
    return [field for field in fields if field.init and field.name not in ours]
