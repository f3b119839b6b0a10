"""Learning rates that fall from layer to layer: the lower a layer, the less it changes."""

from __future__ import annotations

import re

from sentence_transformers import SentenceTransformer
from torch import nn

from training.frozen.encoder_parts import encoder_parts


def layer_learning_rates(model: SentenceTransformer, rate: float, decay: float) -> dict[str, float]:
    """Returns the learning rates of the trainable parts of an encoder (ULMFiT, arXiv:1801.06146).

    The top layer has the learning rate, each layer below it `decay` times that of the layer above;
    the embeddings and what all layers share come below the lowest layer.

    Args:
        model: The model, frozen already.
        rate: The highest learning rate.
        decay: In (0, 1]; 1: no part has a rate of its own.

    Returns:
        Rates by name of the module, bottom first; empty for a decay of 1.

    Raises:
        UserError: The layers of the encoder are not known.
    """
    if decay == 1:
        return {}
    parts = encoder_parts(model, "--layer-lr-decay")
    below = len(parts.layers)
    modules: list[tuple[nn.Module, int]] = [(parts.embeddings, below)]
    modules += [(module, below) for module in parts.shared]
    modules += [(layer, below - 1 - number) for number, layer in enumerate(parts.layers)]
    names = {id(module): name for name, module in model.named_modules()}
    return {
        names[id(module)]: rate * decay**depth
        for module, depth in modules
        if any(parameter.requires_grad for parameter in module.parameters())
    }


def as_patterns(rates: dict[str, float]) -> dict[str, float]:
    """Returns rates by module as the `learning_rate_mapping` of the library: by pattern."""
    return {rf"(?:^|\.){re.escape(name)}\.": rate for name, rate in rates.items()}
