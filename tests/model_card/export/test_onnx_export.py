"""The exported file: torch's figures, optimum's names, nothing of this machine."""

from __future__ import annotations

import shutil
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from model_card.export import onnx_export
from model_card.export.onnx_export import FP32, INT8, TokenVectors, export_onnx, require_onnx
from nic.errors import UserError

pytest.importorskip("onnxruntime", reason="needs the extra onnx")


def test_the_file_gives_torchs_vectors_at_any_shape(
    tiny_onnx_folder: Path, tiny_model: SentenceTransformer
) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(tiny_onnx_folder / FP32)
    for texts in (["pump"], ["pump leaks", "valve", "replace the belt and the chain of the mast"]):
        features = tiny_model.tokenizer(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            expected = tiny_model[0].auto_model(**features).last_hidden_state.numpy()
        feed = {name: values.numpy() for name, values in features.items()}
        (vectors,) = session.run(["last_hidden_state"], feed)
        mask = feed["attention_mask"].astype(bool)
        np.testing.assert_allclose(vectors[mask], expected[mask], atol=1e-5)


def test_inputs_and_output_have_the_names_and_free_axes_that_optimum_wants(
    tiny_onnx_folder: Path,
) -> None:
    import onnx

    graph = onnx.load(tiny_onnx_folder / FP32).graph
    axes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    free = ["batch_size", "sequence_length"]
    assert axes == {
        "input_ids": free,
        "attention_mask": free,
        "token_type_ids": free,
        "last_hidden_state": [*free, 32],
    }


def test_the_file_tells_nothing_of_the_machine_it_was_made_on(tiny_onnx_folder: Path) -> None:
    content = (tiny_onnx_folder / FP32).read_bytes()
    places = (str(Path(__file__).resolve().parents[3]), sys.prefix, torch.__file__, "stack_trace")
    assert [place for place in places if place.encode() in content] == []


def test_the_same_model_gives_the_same_file(tiny_onnx_folder: Path, tmp_path: Path) -> None:
    again = export_onnx(tiny_onnx_folder, tmp_path / "new" / "again.onnx")
    assert again.read_bytes() == (tiny_onnx_folder / FP32).read_bytes()


def test_an_export_that_differs_from_torch_is_refused_and_not_written(
    tiny_onnx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(vectors: TokenVectors, path: Path) -> None:
        shutil.copyfile(tiny_onnx_folder / INT8, path)

    monkeypatch.setattr(onnx_export, "_export", export)
    with pytest.raises(UserError, match=r"differs from torch by .*; nothing was written"):
        export_onnx(tiny_onnx_folder, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ModuleSpec("onnxruntime", None)
    monkeypatch.setattr(
        onnx_export, "find_spec", lambda name: found if name == "onnxruntime" else None
    )
    message = r'^onnx, onnxscript: not installed; install them with pip install -e "\.\[onnx\]"$'
    with pytest.raises(UserError, match=message):
        require_onnx()
