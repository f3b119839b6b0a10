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
    """What was asked, and what was done.

    Attributes:
        asked: Value of `--freeze-layers`.
        frozen_layers: Number of bottom layers that are frozen; the embeddings are with them.
        layers: Number of layers of the encoder.
        trainable_parameters: Number of parameters that training may move.
        parameters: Number of all parameters.
    """

    asked: int
    frozen_layers: int
    layers: int
    trainable_parameters: int
    parameters: int


def encoder_layers(model: SentenceTransformer) -> tuple[nn.Module, list[nn.Module]]:
    """Find the embeddings and the layers, bottom first, of the model's encoder.

    Raises:
        UserError: The encoder has none of the shapes that we know.
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
    """Refuse a model whose layers cannot be found, before anything is written.

    Raises:
        UserError: `asked` > 0 and the encoder's shape is not known.
    """
    if asked > 0:
        encoder_layers(model)


def layers_to_freeze(asked: int, layers: int) -> int:
    """The number of bottom layers to freeze.

    A number below the number of layers is taken as it is. The runbook's 10 speaks of a model of 12
    layers and means "train the top two", so any larger number leaves the top two trainable.
    """
    if asked < layers:
        return asked
    return max(layers - TRAINABLE_LAYERS_AT_LEAST, 0)


def freeze(model: SentenceTransformer, asked: int) -> Freezing:
    """Freeze the unused pooler and, where `asked` > 0, the embeddings and the bottom layers.

    Returns:
        What was asked and what was done.

    Raises:
        UserError: `asked` > 0 and the encoder's shape is not known.
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
    """Write the runbook's two lines, and a warning where it was done otherwise than asked."""
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
    """Freezes the bottom of the encoder once the Trainer is built, before its optimizer is.

    Args:
        freeze_layers: As `--freeze-layers`.
        cache_gib: Memory for the outputs of the frozen layers, in GiB; 0 keeps none. Used on a CPU
            in full precision only: elsewhere computing them again costs less than fetching them.

    Attributes:
        result: What was done, nothing before the Trainer is built.
        cache: The kept outputs, None where none are kept.
    """

    def __init__(self, freeze_layers: int, cache_gib: float = 0) -> None:
        self.freeze_layers = freeze_layers
        self.cache_gib = cache_gib
        self.result = Freezing(freeze_layers, 0, 0, 0, 0)
        self.cache: FrozenCache | None = None

    def on_init_end(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """Freeze, and log what was done."""
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
        """Free the memory of the kept outputs."""
        if self.cache:
            self.cache.remove()


def _freeze_parameters(modules: Iterable[nn.Module]) -> None:
    """Stop the gradient, and the dropout: what is frozen gives one output for one text."""
    for module in modules:
        module.requires_grad_(False)
        module.register_forward_pre_hook(_without_dropout)


def _without_dropout(module: nn.Module, _: Any) -> None:
    module.eval()
