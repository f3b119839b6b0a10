"""The dense layers of a model, which map its pooled vectors to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from nic_encoder.errors import EncoderError

EMBEDDING = "sentence_embedding"
Values = NDArray[np.float32]
ACTIVATIONS: dict[str, Callable[[Values], Values]] = {
    "Tanh": np.tanh,
    "Identity": np.asarray,
    "ReLU": lambda values: np.maximum(values, 0),
    "Sigmoid": lambda values: np.reciprocal(1 + np.exp(-values), dtype=np.float32),
}


@dataclass(frozen=True)
class Dense:
    """A dense layer.

    Attributes:
        weight: `(outputs, inputs)`.
        bias: `(outputs,)`; zeros without one.
        activation: Key of `ACTIVATIONS`.
    """

    weight: Values
    bias: Values
    activation: str

    def __call__(self, vectors: Values) -> Values:
        """Map `(texts, inputs)` to `(texts, outputs)`."""
        values = ACTIVATIONS[self.activation](vectors @ self.weight.T + self.bias)
        return np.asarray(values, dtype=np.float32)


def read_dense(folder: Path, config: dict[str, Any]) -> Dense:
    """Read a dense layer.

    Args:
        folder: Its folder, with `model.safetensors`.
        config: Content of its `config.json`.

    Raises:
        EncoderError: The weights are missing or damaged, or it has a setting that this encoder
            does not have.
    """
    place = folder / "config.json"
    keys = {config.get("module_input_name") or EMBEDDING, config.get("module_output_name")}
    if keys - {EMBEDDING, None} or config.get("use_residual"):
        raise EncoderError(f"{place}: a dense layer beside others, which this encoder has not")
    activation = str(config.get("activation_function", "Tanh")).rsplit(".", 1)[-1]
    if activation not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise EncoderError(f"{place}: activation {activation}; this encoder has {known}")
    path = folder / "model.safetensors"
    try:
        weights = load_file(path)
        weight = weights["linear.weight"].astype(np.float32)
    except (OSError, KeyError, TypeError, SafetensorError) as error:
        raise EncoderError(f"{path}: missing or damaged ({error})") from error
    bias = weights.get("linear.bias", np.zeros(len(weight)))
    return Dense(weight, bias.astype(np.float32), activation)
