"""Quantization of an ONNX file: weights and matrix products in 8-bit integers.

Each output channel of a weight, each row of an embedding table and each token vector has its own
scale. `onnxruntime.quantization.quantize_dynamic` uses one scale for all texts of a batch, so that
the embedding of a text depends on the other texts; here it does not. The output of a LayerNorm has
a few channels far larger than the others, which would take the whole range; each channel is divided
by a constant and its weights are multiplied by it (SmoothQuant, Xiao et al., ICML 2023, with
alpha = 0.5). Only nodes of the ONNX standard are used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model_card.export.onnx_export import require_onnx
from nic.errors import UserError
from nic.files import atomic_write

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

Inputs = Mapping[str, NDArray[Any]]
LARGEST = 127
# Weights of products: on a processor without VNNI two products of an unsigned and a signed byte are
# added in 16 bits, and 2 * 255 * 64 is the most that fits (ONNX Runtime, "reduce_range").
LARGEST_WEIGHT = 64
ZERO = 128
SMALLEST = 1e-6
SAMPLES = 64
LONGEST = 256
ONE = np.ones(1, dtype=np.float32)
# Constants that all quantised products share.
STEP, FLOOR, SHIFT, ZERO_POINT, LAST_AXIS = (
    f"int8_{name}" for name in ("step", "floor", "shift", "zero_point", "last_axis")
)


def quantize_int8(model: Path, output: Path, samples: Sequence[Inputs]) -> Path:
    """Quantises every product with a constant weight, and every embedding table.

    Args:
        model: The file that `export_onnx` wrote.
        output: The file to write, atomically.
        samples: Inputs of the model, from which the range of each channel is measured.

    Returns:
        `output`.

    Raises:
        UserError: The extra `onnx` is missing, or there is no product to quantise.
    """
    require_onnx()
    import onnx

    content = onnx.load(model)
    weights = _constant_matrices(content.graph)
    products = _products(content.graph, weights)
    if not products:
        raise UserError(f"{model}: holds no product with a constant weight to quantise")
    normalised = {n.output[0] for n in content.graph.node if n.op_type == "LayerNormalization"}
    largest = _largest_by_channel(content, sorted(normalised & set(products)), samples)
    factors = {name: smoothing(largest[name], np.hstack(products[name])) for name in largest}
    nodes, tensors = _rewrite(content.graph, weights, factors)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in content.graph.initializer if tensor.name in used]
    for field, values in ((content.graph.node, nodes), (content.graph.initializer, kept + tensors)):
        del field[:]
        field.extend(values)
    onnx.checker.check_model(content)
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(output) as staged:
        onnx.save(content, staged)
    return output


def scale_rows(
    weights: NDArray[np.float32], largest: int = LARGEST
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rounds each row to integers.

    Args:
        weights: `(rows, columns)`.
        largest: The largest magnitude of an integer, up to 127.

    Returns:
        The numbers `(rows, columns)` and what each row has to be multiplied by `(rows, 1)`.
    """
    reach = np.abs(weights).max(axis=1, keepdims=True)
    scales = np.where(reach > 0, reach / largest, 1).astype(np.float32)
    return np.rint(weights / scales).astype(np.int8), scales


def smoothing(largest: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the factors that divide the channels of the vectors and multiply the weights' rows.

    Args:
        largest: Largest magnitude of each channel, `(channels,)`.
        weights: All the weights that the vectors are multiplied with, `(channels, outputs)`.
    """
    of_weights = np.abs(weights).max(axis=1)
    factors = np.sqrt(np.maximum(largest, SMALLEST) / np.maximum(of_weights, SMALLEST))
    return np.asarray(factors / factors.mean(), dtype=np.float32)


def synthetic_inputs(tokenizer: Path, max_length: int = LONGEST) -> list[Inputs]:
    """Returns inputs of random words from the vocabulary, so that no data is needed.

    Args:
        tokenizer: The model's `tokenizer.json`.
        max_length: Tokens that the model reads.

    Returns:
        The same inputs for the same tokenizer, each of one text.
    """
    from tokenizers import Tokenizer

    encode = Tokenizer.from_file(str(tokenizer))
    encode.no_padding()
    encode.enable_truncation(min(max_length, LONGEST))
    words = sorted(word for word in encode.get_vocab() if word.isalpha())
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, rng.integers(4, 32))) for _ in range(SAMPLES)]
    return [
        {
            "input_ids": np.array([encoding.ids], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask], dtype=np.int64),
            "token_type_ids": np.array([encoding.type_ids], dtype=np.int64),
        }
        for encoding in encode.encode_batch(texts)
    ]


def _constant_matrices(graph: GraphProto) -> dict[str, NDArray[np.float32]]:
    from onnx import numpy_helper

    matrices = {t.name: numpy_helper.to_array(t) for t in graph.initializer if len(t.dims) == 2}
    return {name: matrix for name, matrix in matrices.items() if matrix.dtype == np.float32}


def _products(
    graph: GraphProto, weights: Mapping[str, NDArray[np.float32]]
) -> dict[str, list[NDArray[np.float32]]]:
    """Returns the weights that each value of the graph is multiplied with."""
    products: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            products[node.input[0]].append(weights[node.input[1]])
    return products


def _largest_by_channel(
    content: ModelProto, names: list[str], samples: Sequence[Inputs]
) -> dict[str, NDArray[np.float32]]:
    """Returns the largest magnitude per channel of some inner values, over all samples."""
    import onnxruntime
    from onnx import ModelProto, ValueInfoProto

    watched = ModelProto()
    watched.CopyFrom(content)
    watched.graph.output.extend(ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    inputs = {node.name for node in session.get_inputs()}
    seen: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    for sample in samples if names else ():
        feed = {name: value for name, value in sample.items() if name in inputs}
        for name, vectors in zip(names, session.run(names, feed), strict=True):
            seen[name].append(np.abs(vectors).max(axis=(0, 1)))
    return {name: np.max(magnitudes, axis=0) for name, magnitudes in seen.items()}


def _rewrite(
    graph: GraphProto,
    weights: dict[str, NDArray[np.float32]],
    factors: dict[str, NDArray[np.float32]],
) -> tuple[list[NodeProto], list[TensorProto]]:
    """Returns the nodes of the quantised graph in order, and the constants that they add."""
    nodes: list[NodeProto] = []
    tensors = _shared_constants()
    rounded: set[str] = set()
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            name = node.input[0]
            # Query, key and value take the same vectors: these are rounded once.
            if name not in rounded:
                nodes += _round_vectors(name, smooth=name in factors)
                rounded.add(name)
                if name in factors:
                    tensors.append(_constant(f"{name}_int8_factors", 1 / factors[name]))
            weight = weights[node.input[1]] * factors.get(name, ONE)[:, None]
            new_nodes, new_tensors = _product(node, weight)
        elif node.op_type == "Gather" and node.input[0] in weights:
            new_nodes, new_tensors = _look_up(node, weights[node.input[0]])
        else:
            new_nodes, new_tensors = [node], []
        nodes += new_nodes
        tensors += new_tensors
    return nodes, tensors


def _constant(name: str, value: NDArray[Any] | np.generic) -> TensorProto:
    from onnx import numpy_helper

    return numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name)


def _shared_constants() -> list[TensorProto]:
    values: dict[str, NDArray[Any] | np.generic] = {
        STEP: np.float32(1 / LARGEST),
        FLOOR: np.float32(SMALLEST),
        SHIFT: np.float32(ZERO),
        ZERO_POINT: np.uint8(ZERO),
        LAST_AXIS: np.array([-1], dtype=np.int64),
    }
    return [_constant(name, value) for name, value in values.items()]


def _round_vectors(vectors: str, smooth: bool) -> list[NodeProto]:
    """Scales each vector to [-127, 127] and rounds it to integers, shifted by 128."""
    from onnx import TensorProto
    from onnx.helper import make_node

    name = f"{vectors}_int8"
    source = f"{name}_smooth" if smooth else vectors
    divided = [make_node("Mul", [vectors, f"{name}_factors"], [source])] if smooth else []
    return [
        *divided,
        make_node("Abs", [source], [f"{name}_abs"]),
        make_node("ReduceMax", [f"{name}_abs", LAST_AXIS], [f"{name}_max"], keepdims=1),
        make_node("Mul", [f"{name}_max", STEP], [f"{name}_step"]),
        make_node("Max", [f"{name}_step", FLOOR], [f"{name}_scale"]),
        make_node("Div", [source, f"{name}_scale"], [f"{name}_scaled"]),
        make_node("Round", [f"{name}_scaled"], [f"{name}_rounded"]),
        make_node("Add", [f"{name}_rounded", SHIFT], [f"{name}_shifted"]),
        make_node("Cast", [f"{name}_shifted"], [name], to=TensorProto.UINT8),
    ]


def _product(
    node: NodeProto, weights: NDArray[np.float32]
) -> tuple[list[NodeProto], list[TensorProto]]:
    """Returns the nodes of the product of rounded vectors and weights, scaled back."""
    from onnx import TensorProto
    from onnx.helper import make_node

    name, vectors = f"{node.output[0]}_int8", f"{node.input[0]}_int8"
    numbers, scales = scale_rows(weights.T, LARGEST_WEIGHT)
    nodes = [
        make_node("MatMulInteger", [vectors, f"{name}_weight", ZERO_POINT], [f"{name}_sum"]),
        make_node("Cast", [f"{name}_sum"], [f"{name}_float"], to=TensorProto.FLOAT),
        make_node("Mul", [f"{name}_float", f"{vectors}_scale"], [f"{name}_by_vector"]),
        make_node("Mul", [f"{name}_by_vector", f"{name}_scales"], [node.output[0]]),
    ]
    return nodes, [
        _constant(f"{name}_weight", numbers.T),
        _constant(f"{name}_scales", scales[:, 0]),
    ]


def _look_up(
    node: NodeProto, table: NDArray[np.float32]
) -> tuple[list[NodeProto], list[TensorProto]]:
    """Returns the nodes of the rows of a rounded table, scaled back."""
    from onnx import TensorProto
    from onnx.helper import make_node

    name, rows = f"{node.output[0]}_int8", node.input[1]
    numbers, scales = scale_rows(table)
    nodes = [
        make_node("Gather", [f"{name}_table", rows], [f"{name}_row"]),
        make_node("Gather", [f"{name}_scales", rows], [f"{name}_scale"]),
        make_node("Cast", [f"{name}_row"], [f"{name}_float"], to=TensorProto.FLOAT),
        make_node("Mul", [f"{name}_float", f"{name}_scale"], [node.output[0]]),
    ]
    return nodes, [_constant(f"{name}_table", numbers), _constant(f"{name}_scales", scales)]
