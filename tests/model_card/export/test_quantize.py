"""8-bit weights and products: exact where the arithmetic is, small, independent of the batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model_card.export.onnx_export import FP32, INT8
from model_card.export.quantize import (
    LARGEST_WEIGHT,
    quantize_int8,
    scale_rows,
    smoothing,
    synthetic_inputs,
)
from nic.errors import UserError
from nic_encoder import OnnxEncoder

pytest.importorskip("onnxruntime", reason="needs the extra onnx")
TEXTS = ["pump leaks", "why is the motor hot", "replace the belt and the chain of the mast", ""]


def save_graph(path: Path, op: str, constants: dict[str, NDArray[np.float32]]) -> Path:
    """A model of one node: `x` and the constants -> `y`."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node(op, ["x", *constants], ["y"])],
        "one-node",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "sequence", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "sequence", "out"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def test_each_row_is_scaled_by_its_largest_number() -> None:
    numbers, scales = scale_rows(np.array([[127, -63, 0], [0, 0, 0], [-1, 0.25, 0.5]], np.float32))
    # The last row's step is 1/127: 0.25 is 31.75 steps, 0.5 is 63.5, which rounds to even.
    assert numbers.tolist() == [[127, -63, 0], [0, 0, 0], [-127, 32, 64]]
    np.testing.assert_allclose(scales[:, 0], [1, 1, 1 / 127], rtol=1e-6)


def test_smoothing_gives_large_channels_to_the_weights() -> None:
    largest = np.array([16, 1, 1, 0], np.float32)
    weights = np.array([[1, -1], [0.5, 1], [4, 2], [1, 1]], np.float32)
    factors = smoothing(largest, weights)
    # sqrt(largest / weight): 4, 1, 1/2 and next to nothing, of which the mean is 5.5 / 4.
    np.testing.assert_allclose(factors * 5.5 / 4, [4, 1, 0.5, 0.001], rtol=1e-3)


def test_made_up_inputs_are_the_tokenizers_own_words_and_always_the_same(
    tiny_onnx_folder: Path,
) -> None:
    inputs, again = (synthetic_inputs(tiny_onnx_folder / "tokenizer.json") for _ in range(2))
    assert len(inputs) == 64
    for one, other in zip(inputs, again, strict=True):
        # [CLS], 4 to 31 words, each one token, and [SEP]; 1 would be [UNK].
        ids = one["input_ids"]
        assert ids.dtype == np.int64 and 6 <= ids.shape[1] <= 33 and 1 not in ids
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_products_of_whole_numbers_are_exact_whatever_else_is_in_the_batch(tmp_path: Path) -> None:
    import onnxruntime

    # Vectors whose largest number is 127 or a whole multiple, and columns whose is 64, need no
    # rounding.
    weights = np.array([[64, 1, -64], [-5, 64, 3]], np.float32)
    vectors = np.array([[[127, -2], [0, 0]], [[12700, -300], [-1.27, 0.02]]], np.float32)
    model = save_graph(tmp_path / "model.onnx", "MatMul", {"w": weights})
    session = onnxruntime.InferenceSession(quantize_int8(model, tmp_path / "int8.onnx", []))
    np.testing.assert_allclose(session.run(["y"], {"x": vectors})[0], vectors @ weights, rtol=1e-5)


def test_two_products_fit_into_16_bits_as_processors_without_vnni_add_them(tmp_path: Path) -> None:
    import onnxruntime

    assert 2 * 255 * LARGEST_WEIGHT < 2**15
    weights, vectors = np.full((2, 2), 0.5, np.float32), np.full((1, 2, 2), 3.0, np.float32)
    model = save_graph(tmp_path / "model.onnx", "MatMul", {"w": weights})
    session = onnxruntime.InferenceSession(quantize_int8(model, tmp_path / "int8.onnx", []))
    np.testing.assert_allclose(session.run(["y"], {"x": vectors})[0], vectors @ weights, rtol=1e-5)


def test_the_embedding_of_a_text_does_not_depend_on_its_batch(tiny_onnx_folder: Path) -> None:
    encoder = OnnxEncoder(tiny_onnx_folder, variant="int8")
    together, alone = encoder.encode(TEXTS), encoder.encode(TEXTS, batch_size=1)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_int8_is_close_to_fp32_and_not_the_same(tiny_onnx_folder: Path) -> None:
    int8, fp32 = (OnnxEncoder(tiny_onnx_folder, variant=name) for name in ("int8", "fp32"))
    cosines = (int8.encode(TEXTS) * fp32.encode(TEXTS)).sum(axis=1)
    assert 0.999 < cosines.min() and cosines.max() < 1 - 1e-7


def test_every_large_constant_is_of_bytes_and_every_node_of_the_standard(
    tiny_onnx_folder: Path,
) -> None:
    import onnx

    model = onnx.load(tiny_onnx_folder / INT8)
    large = [tensor for tensor in model.graph.initializer if np.prod(tensor.dims) >= 32 * 32]
    # Four layers of six products, the tables of tokens and of positions.
    assert [tensor.data_type for tensor in large] == [onnx.TensorProto.INT8] * (4 * 6 + 2)
    assert {node.domain for node in model.graph.node} == {""}


def test_a_file_with_nothing_to_quantise_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    model = save_graph(tmp_path / "model.onnx", "Relu", {})
    with pytest.raises(UserError, match="holds no product with a constant weight to quantise"):
        quantize_int8(model, tmp_path / "int8.onnx", [])
    assert not (tmp_path / "int8.onnx").exists()


def test_the_exported_file_stays_as_it_was(tiny_onnx_folder: Path, tmp_path: Path) -> None:
    before = (tiny_onnx_folder / FP32).read_bytes()
    samples = synthetic_inputs(tiny_onnx_folder / "tokenizer.json")
    again = quantize_int8(tiny_onnx_folder / FP32, tmp_path / "new" / "again.onnx", samples)
    assert (tiny_onnx_folder / FP32).read_bytes() == before
    assert again.read_bytes() == (tiny_onnx_folder / INT8).read_bytes()
