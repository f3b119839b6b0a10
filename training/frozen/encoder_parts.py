"""Where the encoders of each family keep their embeddings and layers, and what layers share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sentence_transformers import SentenceTransformer
from torch import nn
from transformers import PreTrainedModel

from nic.errors import UserError

FREEZE = "--freeze-layers"


@dataclass(frozen=True)
class Family:
    """Encoders that keep their parts in the same places.

    Attributes:
        names: The families, for messages.
        layers: Path of the list of layers, from the encoder.
        embeddings: Path of the embeddings.
        shared: Parts beside the list that every layer uses, such as relative positions.
        model_types: Values of `model_type` whose layers depend on nothing but the output of the
            layer below and what is shared, so that the lower ones can be left out.
    """

    names: str
    layers: str
    embeddings: str = "embeddings"
    shared: tuple[str, ...] = ()
    model_types: frozenset[str] = field(default_factory=frozenset)


FAMILIES = (
    Family(
        "BERT, RoBERTa, XLM-R, MPNet and DeBERTa",
        "encoder.layer",
        shared=("relative_attention_bias", "rel_embeddings", "LayerNorm", "conv"),
        model_types=frozenset(
            {"bert", "roberta", "xlm-roberta", "camembert", "mpnet", "deberta-v2"}
        ),
    ),
    Family("DistilBERT", "transformer.layer", model_types=frozenset({"distilbert"})),
    Family("ModernBERT", "layers", model_types=frozenset({"modernbert"})),
    # The first layer computes the position bias of all layers.
    Family("T5", "encoder.block", embeddings="shared"),
)


@dataclass(frozen=True)
class EncoderParts:
    """The parts of one encoder.

    Attributes:
        encoder: The encoder, called with ids and mask.
        embeddings: Its embeddings.
        parent: The module that holds the list of layers.
        attribute: The name of the list in it.
        layers: The layers, bottom first.
        shared: Modules that all layers use.
        family: Its family.
    """

    encoder: PreTrainedModel
    embeddings: nn.Module
    parent: nn.Module
    attribute: str
    layers: nn.ModuleList
    shared: list[nn.Module]
    family: Family


def encoder_parts(model: SentenceTransformer, flag: str = FREEZE) -> EncoderParts:
    """Returns the parts of a model's encoder.

    Args:
        model: The model.
        flag: The flag that asks for its layers, for the message.

    Raises:
        UserError: The architecture of the encoder is not known.
    """
    encoder: Any = getattr(model[0], "auto_model", None) if len(model) else None
    for family in FAMILIES:
        path, _, attribute = family.layers.rpartition(".")
        parent = _part(encoder, path)
        layers, embeddings = _part(parent, attribute), _part(encoder, family.embeddings)
        if isinstance(layers, nn.ModuleList) and isinstance(embeddings, nn.Module):
            found = [getattr(parent, name, None) for name in family.shared]
            shared = [module for module in found if isinstance(module, nn.Module)]
            return EncoderParts(encoder, embeddings, parent, attribute, layers, shared, family)
    known = "; ".join(f"{family.names}: {family.layers}" for family in FAMILIES)
    name = type(model[0] if encoder is None and len(model) else encoder).__name__
    advice = "use --freeze-layers 0 to train all of it" if flag == FREEZE else "leave it out"
    raise UserError(f"{flag}: cannot find the layers of {name} ({known}); {advice}")


def _part(module: Any, path: str) -> Any:
    for name in path.split(".") if path else ():
        module = getattr(module, name, None)
    return module
