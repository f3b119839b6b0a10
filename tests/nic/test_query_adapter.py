"""A query adapter: queries pass a linear map, passages stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from own_models import own_model
from sentence_transformers import SentenceTransformer

from model_card.export.exportable import onnx_problem
from model_card.package.allow_list import publishable_files
from model_card.package.compatibility import check_packageable, write_compatible
from nic.chunked_model import ChunkedSentenceTransformer
from nic.encoding import set_prompts
from nic.errors import UserError
from nic.models import find_model, load_model
from nic.query_adapter import (
    adapter_width,
    add_query_adapter,
    has_query_adapter,
    shares_passages,
)

TEXTS = ["pump leaks", "why is the motor hot", "valve"]


def adapted(model: ChunkedSentenceTransformer) -> ChunkedSentenceTransformer:
    """The model with an adapter that is not the identity."""
    add_query_adapter(model)
    dense = model[-1].sub_modules["query"][0]
    with torch.no_grad():
        dense.linear.weight.add_(torch.randn(dense.linear.weight.shape) * 0.1)
    return model


@pytest.fixture
def saved(tiny_model: ChunkedSentenceTransformer, tmp_path: Path) -> Path:
    """A saved model with an adapter."""
    folder = tmp_path / "adapted"
    adapted(tiny_model).save_pretrained(str(folder), create_model_card=False)
    return folder


def test_it_begins_as_the_identity(tiny_model: ChunkedSentenceTransformer) -> None:
    queries, passages = tiny_model.encode_query(TEXTS), tiny_model.encode_document(TEXTS)
    add_query_adapter(tiny_model)
    assert has_query_adapter(tiny_model)
    assert tiny_model.encode_query(TEXTS) == pytest.approx(queries, abs=1e-6)
    assert (tiny_model.encode_document(TEXTS) == passages).all()


def test_queries_alone_pass_the_map(tiny_model: ChunkedSentenceTransformer) -> None:
    before = tiny_model.encode_query(TEXTS, convert_to_tensor=True)
    passages = tiny_model.encode_document(TEXTS)
    weight = adapted(tiny_model)[-1].sub_modules["query"][0].linear.weight.detach()
    expected = torch.nn.functional.normalize(before @ weight.T, dim=1)
    found = tiny_model.encode_query(TEXTS, convert_to_tensor=True)
    assert torch.allclose(found, expected, atol=1e-6)
    assert not torch.allclose(found, before, atol=1e-2)
    assert (tiny_model.encode_document(TEXTS) == passages).all()


def test_embeddings_without_unit_length_stay_so(tiny_model_folder: Path, tmp_path: Path) -> None:
    model = load_model(find_model(str(own_model(tiny_model_folder, tmp_path / "dot", "dot"))))
    add_query_adapter(model)
    assert len(model[-1].sub_modules["query"]) == 1


def test_what_is_cut_is_cut_behind_it(tiny_model: ChunkedSentenceTransformer) -> None:
    whole = tiny_model.encode_query(TEXTS)
    tiny_model.truncate_dim = 8
    add_query_adapter(tiny_model)
    assert adapter_width(tiny_model) == 32
    assert tiny_model.encode_query(TEXTS) == pytest.approx(whole[:, :8], abs=1e-6)


def test_it_knows_the_base_whose_index_it_serves(
    tiny_model_folder: Path, tiny_model: ChunkedSentenceTransformer
) -> None:
    base = load_model(find_model(str(tiny_model_folder)), "cpu")
    assert not shares_passages(tiny_model, base)
    assert shares_passages(adapted(tiny_model), base)
    with torch.no_grad():
        next(base.parameters()).add_(1e-6)
    assert not shares_passages(tiny_model, base)


@pytest.mark.parametrize("change", ["prompt", "length", "similarity"])
def test_a_base_that_encodes_passages_otherwise_is_another_one(
    change: str, tiny_model_folder: Path, tiny_model: ChunkedSentenceTransformer
) -> None:
    base = load_model(find_model(str(tiny_model_folder)), "cpu")
    adapted(tiny_model)
    if change == "prompt":
        set_prompts(base, None, "passage: ")
    elif change == "length":
        base.max_seq_length = 16
    else:
        base.similarity_fn_name = "dot"
    assert not shares_passages(tiny_model, base)


def test_a_saved_one_is_loaded_by_us_and_by_the_library(
    saved: Path, tiny_model: ChunkedSentenceTransformer
) -> None:
    for model in (
        load_model(find_model(str(saved)), "cpu"),
        SentenceTransformer(str(saved), device="cpu"),
    ):
        assert has_query_adapter(model)
        assert (model.encode_query(TEXTS) == tiny_model.encode_query(TEXTS)).all()
        assert (model.encode_document(TEXTS) == tiny_model.encode_document(TEXTS)).all()


def test_it_can_be_packaged_and_exported(
    saved: Path, tiny_model: ChunkedSentenceTransformer
) -> None:
    check_packageable(tiny_model, "adapted")
    assert onnx_problem(tiny_model) is None
    expected = tiny_model.encode_query(TEXTS)
    write_compatible(saved)
    config = json.loads((saved / "3_Router" / "router_config.json").read_text(encoding="utf-8"))
    assert set(config["types"].values()) == {
        "sentence_transformers.models.Dense",
        "sentence_transformers.models.Normalize",
    }
    assert "route_mappings" not in config["parameters"]
    assert (SentenceTransformer(str(saved), device="cpu").encode_query(TEXTS) == expected).all()
    names = publishable_files(saved)
    assert "3_Router/router_config.json" in names
    assert "3_Router/query_0_Dense/model.safetensors" in names


def test_another_router_has_no_package(tiny_model: ChunkedSentenceTransformer) -> None:
    adapted(tiny_model)[-1].sub_modules["document"].append(torch.nn.Identity())
    assert not has_query_adapter(tiny_model)
    with pytest.raises(UserError, match="Router has no form"):
        check_packageable(tiny_model, "asymmetric")
    assert "Router" in (onnx_problem(tiny_model) or "")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"types": {"query_0_Dense": "somebody.Dense"}}, "class somebody.Dense, which is not of"),
        ({"types": {"../x": "sentence_transformers.models.Dense"}}, "names the folder ../x"),
        ({"types": {"x": "sentence_transformers.models.Router"}}, "inside of a Router"),
        ({"types": {"x": "sentence_transformers.models.Asym"}}, "inside of a Router"),
        ({"types": ["query_0_Dense"]}, "no list of modules with their types"),
        (None, "router_config.json cannot be read"),
    ],
)
def test_a_router_that_names_code_or_other_folders_is_refused(
    saved: Path, change: dict[str, object] | None, reason: str
) -> None:
    path = saved / "3_Router" / "router_config.json"
    if change is None:
        path.unlink()
    else:
        content = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**content, **change}), encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        load_model(find_model(str(saved)), "cpu")


def test_the_earlier_form_of_a_router_is_refused(saved: Path) -> None:
    path = saved / "modules.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("base.modules.router.Router", "models.Asym"), encoding="utf-8")
    with pytest.raises(UserError, match="Asym; what is in it is not checked"):
        load_model(find_model(str(saved)), "cpu")


def test_a_query_route_that_nic_encoder_does_not_know_is_not_exportable(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    route = adapted(tiny_model)[-1].sub_modules["query"]
    route.append(torch.nn.LayerNorm(32))
    assert "queries pass Dense, Normalize, LayerNorm" in (onnx_problem(tiny_model) or "")


def test_a_damaged_adapter_is_told_before_it_is_loaded(saved: Path) -> None:
    (saved / "3_Router" / "query_0_Dense" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(UserError, match="model.safetensors is missing or damaged"):
        load_model(find_model(str(saved)), "cpu")
