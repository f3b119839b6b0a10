"""Variants in a packaged model: measured, in the card, and verified with everything else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from card_facts import VARIANTS, make_metadata
from conftest import write_metadata_of

from evaluation.serialization import from_json
from model_card.card.added_facts import AddedFacts
from model_card.card.card import render_card
from model_card.card.own_card import complete_own_card
from model_card.export import add_variants, variants
from model_card.export.add_variants import variant_adder
from model_card.package.build import build_package
from model_card.package.integrity import verify_folder
from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_file import save_split

HEADING = "## Small and fast variants"


def test_the_table_stands_before_the_data_with_the_interval_of_the_difference() -> None:
    card = render_card({**make_metadata(), "variants": VARIANTS})
    assert card.index(HEADING) < card.index("## Data")
    assert (
        "| int8 | `onnx/model_quantized.onnx` | 22.9 | 0.8818 | -0.0091 \\[-0.0273, +0.0091\\] | "
        "2.0 ms (4.8 x) | 3.0 ms | 100 |"
    ) in card
    own = complete_own_card("# mine\n", from_json(AddedFacts, {"variants": VARIANTS}))
    assert own.startswith("# mine\n\n## Small and fast variants\n")


@pytest.fixture
def with_split(trained_folder: Path, two_domains: Path) -> Path:
    pairs = load_pairs(two_domains)
    save_split(split_pairs(pairs, 0.2, seed=42), pairs, trained_folder / "split.json")
    write_metadata_of(trained_folder, data={"sha256": pairs.sha256})
    return trained_folder


def test_a_model_is_packaged_with_its_variants_and_verified(
    with_split: Path,
    two_domains: Path,
    tmp_path: Path,
    tiny_onnx_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(model: Path, target: Path, names: Any) -> None:
        shutil.copytree(tiny_onnx_folder / "onnx", target / "onnx")

    monkeypatch.setattr(add_variants, "build_variants", build)
    monkeypatch.setattr(variants, "RUNS", 2)
    adder = variant_adder(with_split, two_domains, ["fp32", "int8"], allow_loss=True)
    staged = build_package(with_split, tmp_path / "dist", data_file=two_domains, add_files=adder)
    verify_folder(staged)
    metadata = json.loads((staged / "metadata.json").read_text(encoding="utf-8"))
    assert list(metadata["variants"]["variants"]) == ["torch", "fp32", "int8"]
    assert {"onnx/model.onnx", "onnx/model_quantized.onnx"} <= set(metadata["files"])
    assert HEADING in (staged / "README.md").read_text(encoding="utf-8")
    from sentence_transformers import SentenceTransformer

    from nic_encoder import OnnxEncoder

    text = ["why is the pump noisy"]
    torch_model = SentenceTransformer(str(staged), device="cpu")
    light = OnnxEncoder(staged, variant="fp32").encode(text)
    assert np.abs(light - torch_model.encode(text)).max() < 1e-5


def test_without_the_data_variants_are_refused_and_without_names_nothing_is_added(
    with_split: Path,
) -> None:
    with pytest.raises(UserError, match="--onnx, --int8: give the training data with --data-file"):
        variant_adder(with_split, None, ["int8"], allow_loss=False)
    assert variant_adder(with_split, None, [], allow_loss=False) is None
