"""What computes the token vectors: onnxruntime, or OpenVINO for products in bf16."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from nic_encoder.errors import EncoderError

VARIANTS = {
    "int8": "onnx/model_quantized.onnx",
    "fp32": "onnx/model.onnx",
    "bf16": "onnx/model.onnx",
}
# The int8 file of packages of earlier versions.
EARLIER_INT8 = "onnx/model_qint8.onnx"
OUTPUT = "last_hidden_state"


class Session(Protocol):
    """An open ONNX file; several threads may run it.

    Attributes:
        inputs: Names of what it takes.
        width: Length of a token vector.
        precision: What its products are computed in: "int8", "fp32", or "bf16".
        chunk_tokens: Tokens of a call for each thread, with which it is fastest.
    """

    inputs: frozenset[str]
    width: int
    precision: str
    chunk_tokens: int

    def run(self, feed: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Map `(texts, tokens)` token ids, masks and types to `(texts, tokens, width)` vectors."""


class OnnxRuntimeSession:
    """A `Session` of onnxruntime, on the CPU."""

    # The outputs of a node stay in the cache of the core.
    chunk_tokens = 256

    def __init__(self, path: Path, precision: str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes, one for each kind of damage
            raise EncoderError(f"{path}: onnxruntime cannot read it ({error})") from error
        self.inputs = frozenset(node.name for node in self._session.get_inputs())
        self.width = int(self._session.get_outputs()[0].shape[-1])
        self.precision = precision

    def run(self, feed: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """As `Session.run`."""
        vectors: NDArray[np.float32] = self._session.run([OUTPUT], dict(feed))[0]
        return vectors


class OpenVinoSession:
    """A `Session` of OpenVINO, on the CPU.

    OpenVINO computes in bf16 where the processor multiplies in bf16 (AVX512-BF16, AMX), and in fp32
    elsewhere.
    """

    # It joins nodes itself; larger products make better use of bf16.
    chunk_tokens = 1024

    def __init__(self, path: Path, threads: int) -> None:
        openvino = _import_openvino()
        settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads:
            settings["INFERENCE_NUM_THREADS"] = threads
        try:
            self._model = openvino.Core().compile_model(str(path), "CPU", settings)
        except RuntimeError as error:
            raise EncoderError(f"{path}: OpenVINO cannot read it ({error})") from error
        self.inputs = frozenset(node.get_any_name() for node in self._model.inputs)
        self.width = self._model.output(0).get_partial_shape()[2].get_length()
        is_bf16 = "bfloat16" in str(self._model.get_property("INFERENCE_PRECISION_HINT"))
        self.precision = "bf16" if is_bf16 else "fp32"

    def run(self, feed: Mapping[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """As `Session.run`."""
        # A request serves one thread at a time.
        found = self._model.create_infer_request().infer(dict(feed))
        return np.asarray(found[0], dtype=np.float32)


def open_session(folder: Path, variant: str, threads: int) -> Session:
    """Open a variant of a model.

    Args:
        folder: The model's folder.
        variant: Key of `VARIANTS`.
        threads: Threads that one call works with; 0 takes one for each core.

    Raises:
        EncoderError: The variant is unknown, its file is missing or damaged, or OpenVINO is not
            installed.
    """
    if variant not in VARIANTS:
        raise EncoderError(f'variant "{variant}": give {", ".join(VARIANTS)}')
    path = _variant_file(folder, variant)
    if not path.is_file():
        others = [name for name in VARIANTS if _variant_file(folder, name).is_file()]
        raise EncoderError(f"{path}: missing; variants of the model: {', '.join(others) or 'none'}")
    if variant == "bf16":
        return OpenVinoSession(path, threads)
    return OnnxRuntimeSession(path, variant, threads)


def default_threads() -> int:
    """OMP_NUM_THREADS where it is one number, as torch does; 0, one for each core, elsewhere."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() else 0


def _variant_file(folder: Path, variant: str) -> Path:
    path, earlier = folder / VARIANTS[variant], folder / EARLIER_INT8
    return earlier if variant == "int8" and not path.is_file() and earlier.is_file() else path


def _import_openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise EncoderError(
            'variant "bf16" needs OpenVINO: pip install openvino, or take "fp32"'
        ) from error
    return openvino
