"""The losses that `--loss` offers, one entry each; importing this imports no PyTorch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

logger = logging.getLogger(__name__)

LIBRARY = "sentence_transformers.sentence_transformer.losses"


@dataclass(frozen=True)
class Loss:
    """One entry of the table.

    Attributes:
        class_name: Name of the class; it takes the model, then keyword arguments.
        help: What it is, for the help of `--loss`.
        settings: Keyword arguments with a fixed value.
        arguments: Fields of `RunArguments` that it takes under the same names.
        module: The module that defines the class.
    """

    class_name: str
    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    module: str = LIBRARY


# A scale of 20 is a temperature of 0.05, as in the library's default.
LOSSES = {
    # Henderson et al., arXiv:1705.00652.
    "mnrl": Loss(
        "MultipleNegativesRankingLoss",
        "in-batch ranking",
        settings={"scale": 20.0},
    ),
    # Gao et al., arXiv:2101.06983.
    "cached_mnrl": Loss(
        "CachedMultipleNegativesRankingLoss",
        "in less memory",
        settings={"scale": 20.0},
        arguments=("mini_batch_size",),
    ),
}
DEFAULT_LOSS = "mnrl"


def loss_help() -> str:
    """Returns the help of `--loss`: each key with what it means."""
    return "; ".join(f"{key}: {loss.help}" for key, loss in LOSSES.items())


def build_loss(model: SentenceTransformer, key: str, values: Mapping[str, Any]) -> nn.Module:
    """Builds a loss of the table.

    Args:
        model: The model to train.
        key: Its key in `LOSSES`.
        values: Values by name, from which the loss takes its arguments.

    Returns:
        The loss over the columns query, positive and negative.
    """
    entry = LOSSES[key]
    loss_class = getattr(import_module(entry.module), entry.class_name)
    loss: nn.Module = loss_class(
        model, **entry.settings, **{name: values[name] for name in entry.arguments}
    )
    logger.info("Initialized %s", entry.class_name)
    return loss


def describe_loss(key: str) -> dict[str, Any]:
    """Returns the class name of a loss and its scale, None without one, for the metadata."""
    entry = LOSSES[key]
    return {"loss": entry.class_name, "scale": entry.settings.get("scale")}
