"""The losses that `--loss` offers, one entry each; importing this imports no PyTorch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any

from nic.encoding import COSINE, Encoding
from nic.errors import UserError, one_line
from nic.query_adapter import has_query_adapter
from training.loop.loss_options import (
    BOTH_WAYS,
    GUIDED_DIRECTIONS,
    TEMPERATURE,
    UNBOUNDED_TEMPERATURE,
    Convert,
    LossOptions,
    contrasts,
    directions,
    hardness,
    read_dimensions,
    read_directions,
    same,
)

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
        options: Fields of `LossOptions` that it takes, each with what makes keyword arguments of
            it.
        temperature: Its keyword argument for the temperature, or for "scale", one divided by it;
            None for a loss without.
        guided: Whether it takes a guide: the embeddings of the base model, see `learn_guide`.
        module: The module that defines the class.
    """

    class_name: str
    help: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Convert] = field(default_factory=dict)
    temperature: str | None = None
    guided: bool = False
    module: str = LIBRARY


RANKING: dict[str, Convert] = {
    "directions": directions,
    "partition_mode": same("partition_mode"),
    "hardness": hardness,
}
GUIDED: dict[str, Convert] = {
    "directions": contrasts,
    "guide_margin": same("guide_margin", "margin"),
    "guide_margin_strategy": same("guide_margin_strategy", "margin_strategy"),
}
LOSSES = {
    # Henderson et al., arXiv:1705.00652.
    "mnrl": Loss(
        "MultipleNegativesRankingLoss",
        "in-batch ranking",
        options=RANKING,
        temperature="scale",
    ),
    # Gao et al., arXiv:2101.06983.
    "cached_mnrl": Loss(
        "CachedMultipleNegativesRankingLoss",
        "in less memory",
        options={**RANKING, "mini_batch_size": same("mini_batch_size")},
        temperature="scale",
    ),
    # Solatorio, arXiv:2402.16829.
    "guided": Loss(
        "GISTEmbedLoss",
        "masks false negatives",
        options=GUIDED,
        temperature="temperature",
        guided=True,
    ),
    "cached_guided": Loss(
        "CachedGISTEmbedLoss",
        "both",
        options={**GUIDED, "mini_batch_size": same("mini_batch_size")},
        temperature="temperature",
        guided=True,
    ),
}
DEFAULT_LOSS = "mnrl"
# An option that may be given to any loss: recipes state it beside the loss.
FOR_ANY_LOSS = {"mini_batch_size"}


def loss_help() -> str:
    """Returns the help of `--loss`: each key with what it means."""
    return "; ".join(f"{key}: {loss.help}" for key, loss in LOSSES.items())


def check_loss_options(key: str, values: Mapping[str, Any]) -> None:
    """Refuses what no loss takes, or this one does not.

    Args:
        key: Key of the loss in `LOSSES`.
        values: Values by name, as of `RunArguments`.

    Raises:
        UserError: A value is out of its range, or the loss does not take it.
    """
    options = LossOptions.of(values)
    for name in options.changed():
        if name not in FOR_ANY_LOSS and not _takes(key, name):
            others = ", ".join(other for other in LOSSES if _takes(other, name))
            raise UserError(
                f"--{name.replace('_', '-')}: --loss {key} does not take it; use --loss {others}"
            )
    for convert in LOSSES[key].options.values():
        convert(options)


def build_loss(model: SentenceTransformer, key: str, values: Mapping[str, Any]) -> nn.Module:
    """Builds a loss of the table.

    Args:
        model: The model to train.
        key: Its key in `LOSSES`.
        values: Values by name, as of `RunArguments`; options that are missing have their defaults.

    Returns:
        The loss over the columns query, positive and negative, by the model's own similarity.

    Raises:
        UserError: The loss cannot train this model, or does not take these values.
    """
    loss = check_loss(model, key, values)
    logger.info("Initialized %s", LOSSES[key].class_name)
    if dimensions := matryoshka_dimensions(model, values):
        logger.info("Training embeddings of %s numbers", ", ".join(map(str, dimensions)))
    return loss


def check_loss(model: SentenceTransformer, key: str, values: Mapping[str, Any]) -> nn.Module:
    """Returns what `build_loss` returns, and logs nothing; arguments and errors are the same."""
    entry = LOSSES[key]
    loss_class: type[nn.Module] = getattr(import_module(entry.module), entry.class_name)
    keywords = {**_keywords(model, key, values), **_similarity(model, key, loss_class)}
    if entry.guided:
        from training.loop.guide import BaseGuide

        keywords["guide"] = BaseGuide(model)
    dimensions = matryoshka_dimensions(model, values)
    try:
        loss = loss_class(model, **keywords)
        if not dimensions:
            return loss
        around: type[nn.Module] = import_module(LIBRARY).MatryoshkaLoss
        return around(model, loss, dimensions)
    except ValueError as error:
        raise UserError(f"--loss {key}: {one_line(error)}") from error


def matryoshka_dimensions(model: SentenceTransformer, values: Mapping[str, Any]) -> list[int]:
    """Returns the lengths of embedding that are trained, the longest first; empty for one length.

    Whole embeddings are always among them.

    Raises:
        UserError: The model has shorter embeddings, or does not compare by cosine.
    """
    asked = read_dimensions(values.get("matryoshka"))
    if not asked:
        return []
    whole = int(model.get_embedding_dimension())
    if max(asked) > whole:
        raise UserError(f"--matryoshka {max(asked)}: the model's embeddings have {whole} numbers")
    if model.similarity_fn_name != COSINE:
        raise UserError(
            f"--matryoshka: is for models that compare by cosine, and this one compares by its "
            f"{Encoding.of(model).compared_by}"
        )
    return sorted({whole, *asked}, reverse=True)


def describe_loss(
    key: str, model: SentenceTransformer, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Returns what a loss does, for the metadata.

    Returns:
        Class name, scale (None for a loss without), similarity, the keyword arguments of the
        options under `loss_options`, and the lengths of embedding that are trained.
    """
    entry = LOSSES[key]
    heat = loss_temperature(model, key, values)
    return {
        "loss": entry.class_name,
        "scale": None if heat is None else 1 / heat,
        "similarity": str(model.similarity_fn_name),
        "loss_options": _options(key, values),
        "matryoshka": matryoshka_dimensions(model, values),
    }


def loss_temperature(
    model: SentenceTransformer, key: str, values: Mapping[str, Any]
) -> float | None:
    """Returns what a loss divides similarities by; None for a loss without temperature.

    Args:
        model: The model to train; its similarity decides where no temperature is given.
        key: Key of the loss.
        values: Values by name.
    """
    if LOSSES[key].temperature is None:
        return None
    given = LossOptions.of(values).temperature
    if given is not None:
        return given
    return TEMPERATURE if _is_bounded(model) else UNBOUNDED_TEMPERATURE


def loss_directions(key: str, values: Mapping[str, Any]) -> str:
    """Returns the directions that a loss compares in, with commas between them."""
    default = GUIDED_DIRECTIONS if LOSSES[key].guided else BOTH_WAYS
    return ",".join(read_directions(LossOptions.of(values).directions, default))


def _takes(key: str, name: str) -> bool:
    entry = LOSSES[key]
    return name in entry.options or (name == "temperature" and entry.temperature is not None)


def _keywords(model: SentenceTransformer, key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keyword arguments of a loss but for its similarity."""
    entry = LOSSES[key]
    heat = loss_temperature(model, key, values)
    keywords = {**entry.settings, **_options(key, values)}
    if entry.temperature and heat is not None:
        keywords[entry.temperature] = 1 / heat if entry.temperature == "scale" else heat
    return keywords


def _options(key: str, values: Mapping[str, Any]) -> dict[str, Any]:
    options = LossOptions.of(values)
    keywords: dict[str, Any] = {}
    for convert in LOSSES[key].options.values():
        keywords |= convert(options)
    return keywords


def _similarity(
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

    return {"similarity_fct": SimilarityFunction.to_similarity_fn(model.similarity_fn_name)}


def _is_bounded(model: SentenceTransformer) -> bool:
    """Whether similarities span about [-1, 1], for which the default temperature is meant."""
    if model.similarity_fn_name == COSINE:
        return True
    last = model[-2] if has_query_adapter(model) else model[-1]
    has_unit_length = type(last).__name__ == "Normalize"
    return has_unit_length and model.similarity_fn_name in ("dot", "euclidean")
