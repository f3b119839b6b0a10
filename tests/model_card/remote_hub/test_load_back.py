"""Two folders compared in a fresh process."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_models import own_model
from safetensors.torch import load_file, save_file

from model_card.hubs import IntegrityError
from model_card.remote_hub.load_back import largest_difference


def test_other_weights_make_a_difference(tiny_model_folder: Path, tiny_copy: Path) -> None:
    weights = load_file(tiny_copy / "model.safetensors")
    name = "encoder.layer.0.output.dense.weight"
    save_file(weights | {name: weights[name] * 2}, tiny_copy / "model.safetensors")
    assert largest_difference(tiny_model_folder, tiny_copy) > 1e-3


def test_other_prompts_make_a_difference(tiny_model_folder: Path, tmp_path: Path) -> None:
    own = own_model(tiny_model_folder, tmp_path / "own", "prompts")
    assert largest_difference(tiny_model_folder, own) > 1e-3


def test_a_folder_that_does_not_load_is_told_in_one_line(
    tiny_model_folder: Path, tiny_copy: Path
) -> None:
    (tiny_copy / "1_Pooling" / "config.json").unlink()
    with pytest.raises(IntegrityError, match="tiny: does not load in a fresh process .*Error"):
        largest_difference(tiny_model_folder, tiny_copy)


def test_a_folder_of_the_same_name_in_the_working_directory_changes_nothing(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("model_card", "nic", "sentence_transformers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    assert largest_difference(tiny_model_folder, tiny_model_folder) == 0
