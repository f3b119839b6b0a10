"""Export of the transformer of a sentence-transformers model to ONNX, in the layout of optimum.

The file maps token ids to token vectors; pooling and normalisation are left to the caller.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from model_card.export.exportable import require_exportable
from nic.errors import UserError
from nic.files import atomic_write
from nic.models import find_model, load_model

FP32 = "onnx/model.onnx"
# The name that transformers.js looks for with dtype "q8".
INT8 = "onnx/model_quantized.onnx"
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "last_hidden_state"
# The newest opset that onnxruntime 1.18 supports.
OPSET = 20
TOLERANCE = 1e-4


class TokenVectors(nn.Module):
    """A transformer that takes its inputs by position and returns one tensor."""

    def __init__(self, transformer: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.transformer = transformer
        self.names = names

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        """Returns the `(batch, sequence, dim)` vectors of `(batch, sequence)` inputs."""
        inputs = dict(zip(self.names, values, strict=True))
        vectors: torch.Tensor = self.transformer(**inputs).last_hidden_state
        return vectors


def export_onnx(model_folder: Path, output: Path) -> Path:
    """Exports the transformer of a model, for any number of texts and any length.

    The output of onnxruntime is compared with that of torch, at other shapes than in the export.

    Args:
        model_folder: A folder written by sentence-transformers.
        output: The file to write, atomically; its folder is created.

    Returns:
        `output`.

    Raises:
        UserError: The extra `onnx` is missing, the folder holds no model, or the export differs.
    """
    require_onnx()
    model = load_model(find_model(str(model_folder)), "cpu").eval()
    require_exportable(model, str(model_folder))
    transformer = model[0].auto_model
    # The other implementations export the same operations with more nodes around them.
    transformer.set_attn_implementation("eager")
    names = [name for name in INPUTS if name in model.tokenizer.model_input_names]
    vectors = TokenVectors(transformer, names).eval()
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(output) as staged:
        _export(vectors, staged)
        _compare(vectors, staged)
    return output


def require_onnx() -> None:
    """Checks that the packages of the extra `onnx` are installed.

    Raises:
        UserError: One of them is not installed.
    """
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise UserError(
            f'{", ".join(missing)}: not installed; install them with pip install -e ".[onnx]"'
        )


def _export(vectors: TokenVectors, path: Path) -> None:
    shape = {0: torch.export.Dim("batch_size"), 1: torch.export.Dim("sequence_length")}
    values = _some_input(vectors.names, 2, 8)
    with _quiet():
        program = torch.onnx.export(
            vectors,
            values,
            dynamo=True,
            input_names=vectors.names,
            output_names=[OUTPUT],
            dynamic_shapes={"values": tuple(shape for _ in values)},
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise UserError("torch.onnx.export gave no program")
    _forget_origin(program.model)
    program.save(path)


def _forget_origin(model: Any) -> None:
    """Removes what the exporter notes at each node: paths and source lines of this machine."""
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    for value in (*model.graph.inputs, *model.graph.outputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.metadata_props.clear()


def _compare(vectors: TokenVectors, path: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for batch, length in ((1, 5), (3, 13)):
        values = _some_input(vectors.names, batch, length)
        with torch.inference_mode():
            expected = vectors(*values).numpy()
        feed = {name: v.numpy() for name, v in zip(vectors.names, values, strict=True)}
        difference = float(np.abs(session.run([OUTPUT], feed)[0] - expected).max())
        if not difference <= TOLERANCE:
            raise UserError(
                f"the exported model differs from torch by {difference:.2g}, "
                f"more than {TOLERANCE:.0e}; nothing was written"
            )


def _some_input(names: list[str], batch: int, length: int) -> tuple[torch.Tensor, ...]:
    """Returns token ids 1, 2, 3, ... with the end of the last row masked."""
    ids = torch.arange(1, batch * length + 1).reshape(batch, length)
    mask = torch.ones_like(ids)
    mask[-1, length - 2 :] = 0
    values = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
    return tuple(values[name] for name in names)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the remarks of the exporter on torchvision and on its own internals."""
    log = logging.getLogger("torch.onnx")
    level: Any = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
