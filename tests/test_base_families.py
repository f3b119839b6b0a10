"""Every cell of the table in docs/base-models.md, on a tiny model of each family."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from base_families import COLUMNS, SAME_ENCODER, SUPPORT, build_family, support_table
from conftest import WORDS

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import retrieval_task
from model_card.export.exportable import onnx_problem, require_exportable
from model_card.export.onnx_export import FP32, export_onnx
from model_card.export.variants import build_variants
from model_card.package.compatibility import check_packageable, write_compatible
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from nic.models import find_model, load_model
from pairs.loading import load_pairs
from training.command.run_arguments import RunArguments
from training.frozen.freezing import check_freezable, freeze
from training.frozen.frozen_states import keep_frozen_states, why_not_kept
from training.loop.losses import build_loss

PAGE = Path(__file__).resolve().parents[1] / "docs" / "base-models.md"
QUERIES = ["why is the pump noisy", "the motor leaks oil", "cold relay", "belt loose"]
PASSAGES = ["replace the filter", "tighten the hose and check the chain", "clean the coil", "fuse"]
LONG = " ".join(WORDS * 40)
Folders = Callable[[str], Path]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A function that gives the folder of a family, built once; never write into it."""
    built: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in built:
            built[family] = build_family(family, tmp_path_factory.mktemp("family") / "base")
        return built[family]

    return folder


@pytest.fixture(scope="session")
def exported(base: Folders, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A function that gives a family with both ONNX files, exported once for an encoder."""
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    built: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in built:
            target = built[family] = tmp_path_factory.mktemp("onnx") / "base"
            # As a training saves it.
            load(base(family)).save_pretrained(str(target), create_model_card=False)
            if family in SAME_ENCODER:
                shutil.copytree(folder(SAME_ENCODER[family]) / "onnx", target / "onnx")
            else:
                build_variants(target, target)
        return built[family]

    return folder


def cells(column: str, supported: bool) -> list[str]:
    """The families of a column with one answer."""
    return [family for family, row in SUPPORT.items() if row[column] is supported]


def families(column: str, supported: bool = True) -> pytest.MarkDecorator:
    """Runs a test for each of these families."""
    return pytest.mark.parametrize("family", cells(column, supported))


def load(folder: Path) -> ChunkedSentenceTransformer:
    return load_model(find_model(str(folder)), "cpu")


def encode(model: ChunkedSentenceTransformer) -> torch.Tensor:
    return model.encode([*QUERIES, LONG], convert_to_tensor=True, show_progress_bar=False)


def train(model: ChunkedSentenceTransformer, steps: int = 3) -> list[float]:
    """Takes steps on one batch, and gives the losses."""
    loss = build_loss(model, "mnrl", vars(RunArguments()))
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.01)
    losses = []
    for _ in range(steps):
        value = loss([model.preprocess(QUERIES), model.preprocess(PASSAGES)], None)
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(value.item())
    return losses


def test_the_page_shows_the_table_that_is_tested() -> None:
    assert support_table() in PAGE.read_text(encoding="utf-8")
    assert all(list(row) == list(COLUMNS) for row in SUPPORT.values())


@families("train")
def test_it_trains_in_fp32_and_its_saved_folder_gives_the_same_embeddings(
    family: str, base: Folders, tmp_path: Path
) -> None:
    model = load(base(family))
    before = encode(model)
    losses = train(model)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert losses[-1] < losses[0]
    model.save_pretrained(str(tmp_path / "tuned"), create_model_card=False)
    again = load(tmp_path / "tuned")
    assert again.max_seq_length == model.max_seq_length
    torch.testing.assert_close(encode(again), encode(model))
    assert (encode(model) - before).abs().max() > 1e-3


@families("freeze")
def test_its_bottom_layer_keeps_its_weights(family: str, base: Folders) -> None:
    model = load(base(family))
    assert freeze(model, 1).frozen_layers == 1
    frozen = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    train(model, 1)
    assert frozen
    assert all(torch.equal(p, frozen.get(name, p)) for name, p in model.named_parameters())


@families("freeze", supported=False)
def test_what_has_no_layers_is_refused_with_the_way_out(family: str, base: Folders) -> None:
    model = load(base(family))
    with pytest.raises(UserError, match="use --freeze-layers 0"):
        check_freezable(model, 1)


@families("cache")
def test_kept_outputs_of_its_frozen_layers_change_nothing(
    family: str, base: Folders, tmp_path: Path
) -> None:
    model = load(base(family))
    freeze(model, 1)
    plain = encode(model)
    texts = {torch.float32: {None: [*QUERIES, LONG]}}
    (states,) = keep_frozen_states(model, 1, texts, 1, tmp_path)
    assert len(states) == len(QUERIES) + 1
    torch.testing.assert_close(encode(model), plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", sorted({*cells("cache", False)} - {*cells("freeze", False)}))
def test_the_reason_for_no_cache_is_said(family: str, base: Folders) -> None:
    model = load(base(family))
    freeze(model, 1)
    assert "need more than the output below them" in str(why_not_kept(model, 1))


@families("evaluate")
def test_it_ranks_the_held_out_queries(family: str, base: Folders, two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    evaluator = DomainRetrievalEvaluator(retrieval_task(pairs, [0, 1, 2, 3]))
    overall = evaluator.evaluate(load(base(family))).overall
    assert 0 < overall["mrr"] <= 1


@families("package")
def test_it_encodes_as_before_once_written_for_older_versions(
    family: str, base: Folders, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(base(family), tmp_path / "packaged"))
    before = load(folder)
    check_packageable(before, family)
    write_compatible(folder)
    torch.testing.assert_close(encode(load(folder)), encode(before), atol=1e-6, rtol=0)


@families("ONNX")
def test_its_onnx_file_is_compared_with_torch(family: str, exported: Folders) -> None:
    assert onnx_problem(load(exported(family))) is None
    assert (exported(family) / FP32).is_file()


@families("ONNX", supported=False)
def test_without_an_onnx_file_it_is_refused_before_the_export(
    family: str, base: Folders, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="no ONNX file can be made of it: its modules are Static"):
        require_exportable(load(base(family)), family)
    with pytest.raises(UserError, match=f"{base(family)}: no ONNX file can be made of it"):
        export_onnx(base(family), tmp_path / "onnx" / "model.onnx")
    assert not list(tmp_path.iterdir())


@families("int8")
def test_its_int8_file_gives_nearly_the_same(family: str, exported: Folders) -> None:
    from nic_encoder import OnnxEncoder

    encoder = OnnxEncoder(exported(family), variant="int8")
    expected = load(exported(family)).encode([*QUERIES, LONG], normalize_embeddings=True)
    cosines = (encoder.encode([*QUERIES, LONG]) * expected).sum(axis=1)
    assert cosines.min() > 0.98


@families("nic-encoder")
def test_the_encoder_gives_the_numbers_of_the_model(family: str, exported: Folders) -> None:
    from nic_encoder import OnnxEncoder

    encoder = OnnxEncoder(exported(family), variant="fp32")
    model = load(exported(family))
    expected = model.encode([*QUERIES, LONG])
    assert encoder.dimension == expected.shape[1] == model.get_embedding_dimension()
    actual = encoder.encode([*QUERIES, LONG], normalize=False)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_dense_layers_stay_in_fp32_while_the_encoder_runs_in_half(base: Folders) -> None:
    model = load(base("with Dense"))
    values: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, args: Any, output: Any = None) -> None:
        values.append(args[0]["sentence_embedding"].clone())

    model[2].register_forward_pre_hook(keep)
    model[2].register_forward_hook(keep)
    model.run_in(torch.bfloat16)
    embeddings = model(model.preprocess(QUERIES[:1]))["sentence_embedding"]
    before, after = values
    linear = model[2].linear
    in_fp32 = torch.tanh(before @ linear.weight.T + linear.bias)
    assert {before.dtype, after.dtype, embeddings.dtype} == {torch.float32}
    torch.testing.assert_close(after, in_fp32, atol=1e-6, rtol=0)
    assert not torch.is_autocast_enabled("cpu")


def test_the_tiny_models_are_the_same_each_time(base: Folders, tmp_path: Path) -> None:
    for family in ("BERT", "StaticEmbedding", "with Dense"):
        again = build_family(family, tmp_path / family)
        for path in base(family).rglob("*.safetensors"):
            assert (again / path.relative_to(base(family))).read_bytes() == path.read_bytes()
