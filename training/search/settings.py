"""Which settings a search may vary, and how a run takes them."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from sentence_transformers import SentenceTransformer

from evaluation.trials import Setting, Settings
from training.command.arguments import TrainingArguments
from training.command.run_arguments import RunArguments
from training.frozen.encoder_parts import encoder_parts
from training.frozen.freezing import layers_to_freeze
from training.loop.losses import loss_directions, loss_temperature

# The settings by their names in a file for `--config`, with the fields that hold them.
FIELDS = {
    "learning_rate": "learning_rate",
    "epochs": "num_train_epochs",
    "batch_size": "per_device_train_batch_size",
    "freeze_layers": "freeze_layers",
    "layer_lr_decay": "layer_lr_decay",
    "dropout": "dropout",
    "weight_decay": "weight_decay",
    "max_grad_norm": "max_grad_norm",
    "loss": "loss",
    "temperature": "temperature",
    "directions": "directions",
    "partition_mode": "partition_mode",
    "hardness": "hardness",
    "negatives": "negatives",
    "negatives_per_row": "negatives_per_row",
    "guide_margin": "guide_margin",
    "guide_margin_strategy": "guide_margin_strategy",
}
OF_THE_RUN = {field.name for field in dataclasses.fields(RunArguments)}


def apply_settings(
    run: RunArguments, arguments: TrainingArguments, settings: Settings
) -> tuple[RunArguments, TrainingArguments]:
    """Returns the arguments of a run with other settings.

    Raises:
        UserError: A value is out of its range, or contradicts another argument.
    """
    given = {FIELDS[name]: value for name, value in settings.items()}
    ours: dict[str, Any] = {name: given[name] for name in given if name in OF_THE_RUN}
    # A copy: to make them anew would end the processes' common state.
    theirs = copy.copy(arguments)
    for name in given.keys() - ours.keys():
        setattr(theirs, name, given[name])
    theirs.num_train_epochs = float(theirs.num_train_epochs)
    theirs.check_ranges()
    theirs.check_processes()
    return dataclasses.replace(run, **ours), theirs


def present_setting(
    name: str, run: RunArguments, arguments: TrainingArguments, model: SentenceTransformer
) -> Setting:
    """Returns what a run would do with a setting, where a flag asks for it in other words.

    Args:
        name: One of `FIELDS`.
        run: The arguments of the run.
        arguments: The Trainer's arguments.
        model: The base model; its layers and its similarity decide.
    """
    if name == "freeze_layers" and run.freeze_layers:
        return layers_to_freeze(run.freeze_layers, len(encoder_parts(model).layers))
    if name == "temperature":
        return loss_temperature(model, run.loss, vars(run))
    if name == "directions":
        return loss_directions(run.loss, vars(run))
    field = FIELDS[name]
    value: Setting = getattr(run if field in OF_THE_RUN else arguments, field)
    whole = name == "epochs" and isinstance(value, float) and value.is_integer()
    return int(value) if whole and isinstance(value, float) else value
