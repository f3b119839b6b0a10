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
from training.loop.frozen_cache import GIB, FrozenCache

logger = logging.getLogger(__name__)

# Where encoders keep their layers and embeddings, by the name of the attribute.
LAYER_PATHS = {
    "encoder.layer": "BERT, RoBERTa and MPNet",
    "transformer.layer": "DistilBERT",
    "layers": "ModernBERT",
}
TRAINABLE_LAYERS_AT_LEAST = 2


@dataclass(frozen=True)
class Freezing:
    """The freezing that was asked for, and that was done.

    Attributes:
        asked: Value of `--freeze-layers`.
        frozen_layers: Number of bottom layers that are frozen; the embeddings are with them.
        layers: Number of layers of the encoder.
        trainable_parameters: Number of parameters that training changes.
        parameters: Number of all parameters.
    """

    asked: int
    frozen_layers: int
    layers: int
    trainable_parameters: int
    parameters: int


def encoder_layers(model: SentenceTransformer) -> tuple[nn.Module, list[nn.Module]]:
    """Returns the embeddings and the layers, bottom first, of the model's encoder.

    Raises:
        UserError: The architecture of the encoder is not known.
    """
    encoder = getattr(model[0], "auto_model", None) if len(model) else None
    embeddings = getattr(encoder, "embeddings", None)
    for path in LAYER_PATHS:
        layers: Any = encoder
        for part in path.split("."):
            layers = getattr(layers, part, None)
        if isinstance(layers, nn.ModuleList) and isinstance(embeddings, nn.Module):
            return embeddings, list(layers)
    known = "; ".join(f"{names}: {path}" for path, names in LAYER_PATHS.items())
    raise UserError(
        f"--freeze-layers: cannot find the layers of {type(encoder).__name__} ({known}); "
        "use --freeze-layers 0 to train all of it"
    )


def check_freezable(model: SentenceTransformer, asked: int) -> None:
    """Refuses a model whose layers cannot be found, before anything is written.

    Raises:
        UserError: `asked` > 0 and the architecture of the encoder is not known.
    """
    if asked > 0:
        encoder_layers(model)


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
    if asked > 0:
        embeddings, blocks = encoder_layers(model)
        layers = len(blocks)
        frozen = layers_to_freeze(asked, layers)
        _freeze_parameters([embeddings, *blocks[:frozen]])
    parameters = list(model.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    return Freezing(asked, frozen, layers, trainable, sum(p.numel() for p in parameters))


def log_freezing(freezing: Freezing) -> None:
    """Logs what was frozen, with a warning if it differs from what was asked."""
    if freezing.asked > freezing.frozen_layers:
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
        cache_gib: Memory for the outputs of the frozen layers, in GiB; 0: no cache. Used on a CPU
            in full precision only: elsewhere, computing them is cheaper than fetching them.

    Attributes:
        result: What was done; all zeros before the Trainer is built.
        cache: The cache of their outputs, or None.
    """

    def __init__(self, freeze_layers: int, cache_gib: float = 0) -> None:
        self.freeze_layers = freeze_layers
        self.cache_gib = cache_gib
        self.result = Freezing(freeze_layers, 0, 0, 0, 0)
        self.cache: FrozenCache | None = None

    def on_init_end(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """Freezes, and logs what was done."""
        self.result = freeze(model, self.freeze_layers)
        log_freezing(self.result)
        in_full_precision_on_cpu = args.device.type == "cpu" and not (args.bf16 or args.fp16)
        if self.result.frozen_layers and self.cache_gib and in_full_precision_on_cpu:
            embeddings, layers = encoder_layers(model)
            self.cache = FrozenCache(
                embeddings,
                layers[: self.result.frozen_layers],
                model.tokenizer.pad_token_id,
                int(self.cache_gib * GIB),
            )
            logger.info("Keeping the outputs of the frozen layers, up to %g GiB", self.cache_gib)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Frees the memory of the cache."""
        if self.cache:
            self.cache.remove()


def _freeze_parameters(modules: Iterable[nn.Module]) -> None:
    """Stops gradient and dropout: a frozen layer gives the same output for a text each time."""
    for module in modules:
        module.requires_grad_(False)
        module.register_forward_pre_hook(_without_dropout)


def _without_dropout(module: nn.Module, _: Any) -> None:
    module.eval()
