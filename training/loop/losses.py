"""The losses that `--loss` offers, one entry each; importing this imports no PyTorch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from nic.encoding import COSINE, Encoding
from nic.errors import UserError

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


# For dot products and distances of vectors of any length, as the library advises.
UNBOUNDED_SCALE = 1.0

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
        The loss over the columns query, positive and negative, by the model's own similarity.

    Raises:
        UserError: The model does not compare by cosine, and the loss compares by nothing else.
    """
    entry = LOSSES[key]
    loss_class = getattr(import_module(entry.module), entry.class_name)
    settings = {**entry.settings, **_similarity_settings(model, key, loss_class)}
    loss: nn.Module = loss_class(
        model, **settings, **{name: values[name] for name in entry.arguments}
    )
    logger.info("Initialized %s", entry.class_name)
    return loss


def describe_loss(key: str, model: SentenceTransformer) -> dict[str, Any]:
    """Returns class name, scale and similarity of a loss for the metadata; a scale may be None."""
    entry = LOSSES[key]
    scale = entry.settings.get("scale")
    similarity = str(model.similarity_fn_name)
    if scale is not None and not _is_bounded(model):
        scale = UNBOUNDED_SCALE
    return {"loss": entry.class_name, "scale": scale, "similarity": similarity}


def _similarity_settings(
    model: SentenceTransformer, key: str, loss_class: type[nn.Module]
) -> dict[str, Any]:
    """Returns what makes a loss compare as the model does; nothing for cosine, the default."""
    if model.similarity_fn_name == COSINE:
        return {}
    if "similarity_fct" not in signature(loss_class).parameters:
        raise UserError(
            f"--loss {key}: compares by cosine alone, and the model by its "
            f"{Encoding.of(model).compared_by}; use --loss {DEFAULT_LOSS}"
        )
    from sentence_transformers import SimilarityFunction

    function = SimilarityFunction.to_similarity_fn(model.similarity_fn_name)
    scale = {} if _is_bounded(model) else {"scale": UNBOUNDED_SCALE}
    return {"similarity_fct": function, **scale}


def _is_bounded(model: SentenceTransformer) -> bool:
    """Whether similarities span about [-1, 1], for which the table's scale is meant."""
    if model.similarity_fn_name == COSINE:
        return True
    has_unit_length = type(model[-1]).__name__ == "Normalize"
    return has_unit_length and model.similarity_fn_name in ("dot", "euclidean")
