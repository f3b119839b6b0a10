"""Whether a model can be exported to ONNX, told from its modules before anything is exported."""

from __future__ import annotations

from sentence_transformers import SentenceTransformer

from nic.encoding import QUERY
from nic.errors import UserError
from nic.query_adapter import has_query_adapter

QUERY_ROUTES = (["Dense"], ["Dense", "Normalize"])
ORDER = ("Transformer", "Pooling", "Dense", "Normalize")
# What nic-encoder computes itself, on the token vectors that the ONNX file gives.
ACTIVATIONS = ("Tanh", "Identity", "ReLU", "Sigmoid")


def onnx_problem(model: SentenceTransformer) -> str | None:
    """Returns why a model has no ONNX variant; None if it can have one."""
    adapted = has_query_adapter(model)
    own = list(model)[: -1 if adapted else None]
    kinds = [type(module).__name__ for module in own]
    known = set(kinds) <= set(ORDER)
    if (
        kinds[:2] != ["Transformer", "Pooling"]
        or not known
        or kinds != sorted(kinds, key=ORDER.index)
    ):
        return f"its modules are {', '.join(kinds)}; {', '.join(ORDER)} in this order have one"
    routed = [type(module).__name__ for module in (model[-1].sub_modules[QUERY] if adapted else ())]
    if routed and routed not in QUERY_ROUTES:
        return f"its queries pass {', '.join(routed)}; Dense with or without Normalize have one"
    for module in [*own, *(model[-1].sub_modules[QUERY] if adapted else ())]:
        if type(module).__name__ == "Dense":
            activation = type(module.activation_function).__name__
            keys = {module.module_input_name, module.module_output_name}
            if activation not in ACTIVATIONS or keys != {"sentence_embedding"}:
                return f"its Dense module with {activation} is not among {', '.join(ACTIVATIONS)}"
            if module.use_residual:
                return "its Dense module adds its input (use_residual)"
    return None


def require_exportable(model: SentenceTransformer, name: str) -> None:
    """Refuses a model that has no ONNX variant.

    Args:
        model: The model.
        name: What the user calls it, for the message.

    Raises:
        UserError: It says why.
    """
    if problem := onnx_problem(model):
        raise UserError(f"{name}: no ONNX file can be made of it: {problem}; package it without")
