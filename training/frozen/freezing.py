"""Freezing: the embeddings and the bottom layers of the encoder keep their weights."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import TrainerCallback

from nic.errors import UserError
from nic.query_adapter import has_query_adapter
from training.frozen.encoder_parts import encoder_parts

logger = logging.getLogger(__name__)

TRAINABLE_LAYERS_AT_LEAST = 2


@dataclass(frozen=True)
class Freezing:
    """The freezing that was asked for, and that was done.

    Attributes:
        asked: Value of `--freeze-layers`.
        frozen_layers: Number of bottom layers that are frozen; the embeddings and what all
            layers share are with them.
        layers: Number of layers of the encoder.
        trainable_parameters: Number of parameters that training changes.
        parameters: Number of all parameters.
    """

    asked: int
    frozen_layers: int
    layers: int
    trainable_parameters: int
    parameters: int


def check_freezable(model: SentenceTransformer, asked: int) -> None:
    """Refuses a model whose layers cannot be found, before anything is written.

    Raises:
        UserError: `asked` > 0 and the architecture of the encoder is not known.
    """
    if asked > 0:
        encoder_parts(model)


def layers_to_freeze(asked: int, layers: int) -> int:
    """Returns the number of bottom layers to freeze.

    A number below the number of layers is taken as it is. The default of 10 is meant for a model of
    12 layers ("train the top two"), so any larger number leaves the top two trainable.
    """
    if asked < layers:
        return asked
    return max(layers - TRAINABLE_LAYERS_AT_LEAST, 0)


def freeze(model: SentenceTransformer, asked: int) -> Freezing:
    """Freezes the unused pooler and, if `asked` > 0, the embeddings and the bottom layers.

    In front of a query adapter it freezes everything, whatever was asked.

    Args:
        model: The model to train.
        asked: As `--freeze-layers`: number of bottom layers; 0 freezes nothing.

    Returns:
        What was asked and what was done.

    Raises:
        UserError: `asked` > 0 and the architecture of the encoder is not known.
    """
    pooler = getattr(getattr(model[0], "auto_model", None), "pooler", None)
    if isinstance(pooler, nn.Module):
        _freeze_parameters([pooler])
    frozen = layers = 0
    if has_query_adapter(model):
        _freeze_parameters(list(model)[:-1])
        frozen = layers = count_layers(model)
    elif asked > 0:
        parts = encoder_parts(model)
        layers = len(parts.layers)
        frozen = layers_to_freeze(asked, layers)
        shared = parts.shared if frozen else []
        _freeze_parameters([parts.embeddings, *shared, *parts.layers[:frozen]])
    parameters = list(model.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    return Freezing(asked, frozen, layers, trainable, sum(p.numel() for p in parameters))


def count_layers(model: SentenceTransformer) -> int:
    """Returns the number of layers of the encoder; 0 where its architecture is not known."""
    try:
        return len(encoder_parts(model).layers)
    except UserError:
        return 0


def log_freezing(freezing: Freezing) -> None:
    """Logs what was frozen, with a warning if it differs from what was asked."""
    if freezing.asked > freezing.frozen_layers < freezing.layers:
        logger.warning(
            "--freeze-layers %d: the encoder has %d layers; the bottom %d are frozen, "
            "the top %d stay trainable",
            freezing.asked,
            freezing.layers,
            freezing.frozen_layers,
            freezing.layers - freezing.frozen_layers,
        )
    if freezing.layers:
        logger.info(
            "Froze bottom %d/%d transformer layers", freezing.frozen_layers, freezing.layers
        )
    else:
        logger.info("Froze no transformer layers")
    logger.info(
        "Trainable params: %s / %s",
        f"{freezing.trainable_parameters:,}",
        f"{freezing.parameters:,}",
    )


class FreezeLayersCallback(TrainerCallback):
    """Freezes the bottom of the encoder after the Trainer is built, before its optimizer is.

    Args:
        freeze_layers: As `--freeze-layers`.

    Attributes:
        result: What was done; all zeros before the Trainer is built.
    """

    def __init__(self, freeze_layers: int) -> None:
        self.freeze_layers = freeze_layers
        self.result = Freezing(freeze_layers, 0, 0, 0, 0)

    def on_init_end(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """Freezes, and logs what was done."""
        self.result = freeze(model, self.freeze_layers)
        log_freezing(self.result)


def _freeze_parameters(modules: Iterable[nn.Module]) -> None:
    """Stops gradient and dropout: a frozen layer gives the same output for a text each time."""
    for module in modules:
        module.requires_grad_(False)
        module.register_forward_pre_hook(_without_dropout)


def _without_dropout(module: nn.Module, _: Any) -> None:
    module.eval()
