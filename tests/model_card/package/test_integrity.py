"""Hashes of what is published, and their verification."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import write_metadata_of
from own_models import DOCUMENT_PROMPT, QUERY_PROMPT, own_model
from sentence_transformers import SentenceTransformer

from model_card.hubs import IntegrityError
from model_card.package.build import build_package
from model_card.package.integrity import (
    hash_facts,
    hash_files,
    hash_package,
    packaged_files,
    read_package_metadata,
    verify_folder,
)


def test_the_models_files_are_hashed_and_nothing_else(tmp_path: Path) -> None:
    published = ["README.md", "model.safetensors", "1_Pooling/config.json"]
    beside = ["metadata.json", "training.log", "split.json", "checkpoint-best/model.safetensors"]
    for name in published + beside:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    assert hash_files(tmp_path) == {
        name: hashlib.sha256(name.encode()).hexdigest() for name in published
    }


@pytest.fixture
def staged(trained_folder: Path, tmp_path: Path) -> Path:
    """A packaged tiny model."""
    return build_package(trained_folder, tmp_path / "staged")


def rewrite_metadata(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    change(metadata)
    metadata["metadata_sha256"] = hash_facts(metadata)
    path.write_text(json.dumps(metadata), encoding="utf-8")


def test_a_packaged_model_is_verified(staged: Path) -> None:
    found = verify_folder(staged)
    assert (found.files, found.samples) == (11, 5)
    assert found.cosine == pytest.approx(1.0, abs=1e-6)
    assert (found.gates_passed, found.allowed_because, found.signed_by) == (True, None, None)


def name_another_length(folder: Path) -> None:
    """One file of a package names 32 tokens, and the hashes say that it was published so."""
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**settings, "max_length": 32}), encoding="utf-8")
    rewrite_metadata(folder, lambda metadata: metadata.update(files=hash_package(folder)))


def test_a_file_that_names_another_length_is_found(staged: Path) -> None:
    name_another_length(staged)
    message = r"tokenizer_config.json max_length is 32, and the model was packaged to read 64"
    with pytest.raises(IntegrityError, match=message):
        verify_folder(staged)


def test_a_package_of_an_earlier_version_is_verified_and_its_other_lengths_are_told(
    staged: Path,
) -> None:
    rewrite_metadata(staged, lambda metadata: metadata.pop("reads_tokens"))
    assert verify_folder(staged).other_lengths == []
    name_another_length(staged)
    path = staged / "sentence_bert_config.json"
    path.write_text('{"max_seq_length": null, "do_lower_case": false}', encoding="utf-8")
    rewrite_metadata(staged, lambda metadata: metadata.update(files=hash_package(staged)))
    found = verify_folder(staged)
    assert found.length is None
    assert found.other_lengths == [
        "sentence_bert_config.json max_seq_length is not there",
        "tokenizer_config.json max_length is 32",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"files": [["model.safetensors", "0"]]},
        {"files": {"model.safetensors": 1}},
        {"gates": ["passed"]},
        {"gates": "passed"},
        {"gates": {"passed": "x"}},
        {"gates": {"allowed_because": 1}},
        {"samples": [{"text": 1, "embedding": [0.1]}]},
        {"samples": [{"text": "a", "embedding": ["0.1"]}]},
        {"samples": [["a"]]},
        {"reads_tokens": "64"},
    ],
    ids=str,
)
def test_metadata_of_other_types_than_are_written_is_damaged(
    staged: Path, change: dict[str, Any]
) -> None:
    rewrite_metadata(staged, lambda metadata: metadata.update(change))
    with pytest.raises(IntegrityError, match="metadata.json: damaged, or of a model that was not"):
        verify_folder(staged)


def test_metadata_that_is_nested_too_deeply_is_damaged(staged: Path) -> None:
    (staged / "metadata.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(IntegrityError, match="metadata.json: damaged"):
        verify_folder(staged)


def test_each_sample_says_how_it_was_encoded(staged: Path) -> None:
    samples = read_package_metadata(staged)["samples"]
    kinds = ["document", "query", "query", "query", "document"]
    assert [sample["kind"] for sample in samples] == kinds


@pytest.mark.parametrize("kind", ["prompts_and_dot", "passage"])
def test_samples_are_encoded_with_the_prompts_of_the_model(
    kind: str, trained_folder: Path, tmp_path: Path
) -> None:
    own = own_model(trained_folder, tmp_path / "own", kind)
    write_metadata_of(own)
    staged = build_package(own, tmp_path / "staged")
    samples = read_package_metadata(staged)["samples"]
    model = SentenceTransformer(str(own), device="cpu")
    prompts = {"query": QUERY_PROMPT, "document": DOCUMENT_PROMPT}
    for sample in samples:
        expected = model.encode(prompts[sample["kind"]] + sample["text"], prompt="")
        assert sample["embedding"] == pytest.approx(expected.tolist(), abs=1e-4)
    assert verify_folder(staged).cosine == pytest.approx(1.0, abs=1e-6)
    # Whatever version loads the package finds the prompt of passages under this name.
    config = json.loads((staged / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    assert config["prompts"]["document"] == DOCUMENT_PROMPT


def test_a_model_whose_prompts_were_changed_does_not_encode_its_samples(staged: Path) -> None:
    path = staged / "config_sentence_transformers.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["prompts"] = {"query": QUERY_PROMPT, "document": ""}
    path.write_text(json.dumps(config), encoding="utf-8")
    rewrite_metadata(staged, lambda facts: facts.update(files=hash_package(staged)))
    with pytest.raises(IntegrityError, match="does not encode its sample sentences as it did"):
        verify_folder(staged)


def test_samples_of_earlier_versions_are_verified_as_they_were_made(
    trained_folder: Path, tmp_path: Path
) -> None:
    """Earlier versions stored no kind: plain `encode`, which uses the default prompt."""
    own = own_model(trained_folder, tmp_path / "own", "default_prompt")
    write_metadata_of(own)
    staged = build_package(own, tmp_path / "staged")
    model = SentenceTransformer(str(own), device="cpu")

    def as_before(facts: dict[str, Any]) -> None:
        for sample in facts["samples"]:
            del sample["kind"]
            sample["embedding"] = model.encode(sample["text"]).astype(float).round(4).tolist()

    rewrite_metadata(staged, as_before)
    assert verify_folder(staged).cosine == pytest.approx(1.0, abs=1e-6)


def test_a_sample_of_an_unknown_kind_is_damage(staged: Path) -> None:
    rewrite_metadata(staged, lambda facts: facts["samples"][0].update(kind="other"))
    with pytest.raises(IntegrityError, match="metadata.json: damaged"):
        verify_folder(staged)


@pytest.mark.parametrize("position", [0, 1000, -1])
@pytest.mark.parametrize("name", ["model.safetensors", "README.md", "1_Pooling/config.json"])
def test_a_flipped_byte_in_any_file_is_found(staged: Path, name: str, position: int) -> None:
    content = bytearray((staged / name).read_bytes())
    content[min(position, len(content) - 1)] ^= 1
    (staged / name).write_bytes(content)
    with pytest.raises(IntegrityError, match=f"{name} was changed: its SHA-256 is another one;"):
        verify_folder(staged)


def test_a_flipped_bit_anywhere_in_the_metadata_is_found(staged: Path) -> None:
    path = staged / "metadata.json"
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        with pytest.raises(IntegrityError, match=r"metadata\.json(:| was)"):
            read_package_metadata(staged)
    assert position > 2000


def test_every_missing_file_is_found(staged: Path) -> None:
    for name in packaged_files(staged):
        content = (staged / name).read_bytes()
        (staged / name).unlink()
        with pytest.raises(IntegrityError, match=f"{re.escape(name)} is missing; do not use"):
            verify_folder(staged)
        (staged / name).write_bytes(content)
    verify_folder(staged)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "1_Pooling/.x", "deep/er/modeling.py"])
def test_an_added_file_is_found(staged: Path, name: str) -> None:
    (staged / name).parent.mkdir(parents=True, exist_ok=True)
    (staged / name).write_bytes(b"")
    with pytest.raises(IntegrityError, match=f"{name} was added: it is no part of the published"):
        verify_folder(staged)


def test_several_wrong_files_are_counted(staged: Path) -> None:
    for name in ("a", "b", "c"):
        (staged / name).touch()
    with pytest.raises(IntegrityError, match=r"staged.a was added: .* \(and 2 more\)"):
        verify_folder(staged)


def test_what_a_hub_puts_beside_the_files_is_not_minded(staged: Path) -> None:
    (staged / ".gitattributes").write_text("*.safetensors filter=lfs")
    (staged / ".cache" / "huggingface").mkdir(parents=True)
    (staged / ".cache" / "huggingface" / "x.metadata").touch()
    assert verify_folder(staged).files == 11


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_as_a_local_hub_has_them_are_followed_and_broken_ones_found(staged: Path) -> None:
    blob = staged.parent / "blob"
    (staged / "model.safetensors").rename(blob)
    (staged / "model.safetensors").symlink_to(blob)
    assert verify_folder(staged).files == 11
    blob.unlink()
    with pytest.raises(IntegrityError, match=r"model\.safetensors was changed"):
        verify_folder(staged)


def test_a_model_that_encodes_otherwise_is_found_even_where_all_hashes_fit(staged: Path) -> None:
    def turn(metadata: dict[str, Any]) -> None:
        metadata["samples"][3]["embedding"].reverse()

    rewrite_metadata(staged, turn)
    with pytest.raises(IntegrityError, match=r"does not encode its sample .* \(cosine -?0\.\d{4},"):
        verify_folder(staged)


@pytest.mark.parametrize("embedding", [[1.0, 2.0], [0.0] * 32])
def test_samples_that_fit_no_model_are_found(staged: Path, embedding: list[float]) -> None:
    def replace(metadata: dict[str, Any]) -> None:
        metadata["samples"] = [{"text": "music", "embedding": embedding}]

    rewrite_metadata(staged, replace)
    with pytest.raises(IntegrityError, match="does not encode its sample sentences"):
        verify_folder(staged)


def test_a_model_that_does_not_load_is_found(staged: Path) -> None:
    (staged / "config.json").write_text("{}")
    rewrite_metadata(staged, lambda metadata: metadata.update(files=hash_package(staged)))
    with pytest.raises(IntegrityError, match=r"holds no loadable model .*; do not use it"):
        verify_folder(staged)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"staged: metadata\.json is missing, so nothing here can be verified"),
        (b"{", r"metadata\.json: damaged, or of a model that was not packaged"),
        (b"\xff", r"metadata\.json: damaged, or of a model that was not packaged"),
        (b"[]", r"metadata\.json: damaged, or of a model that was not packaged"),
        (b'{"files": {}, "samples": []}', r"metadata\.json: damaged, or of a model that was not"),
        (b'{"metadata_sha256": "", "files": [3], "samples": [3]}', r"metadata\.json: damaged, or"),
        (
            b'{"metadata_sha256": "", "files": {}, "samples": []}',
            r"metadata\.json was changed: its facts are not those",
        ),
    ],
)
def test_a_folder_without_the_metadata_of_a_package_is_refused(
    staged: Path, content: bytes | None, message: str
) -> None:
    if content is None:
        (staged / "metadata.json").unlink()
    else:
        (staged / "metadata.json").write_bytes(content)
    with pytest.raises(IntegrityError, match=message):
        verify_folder(staged)


@pytest.mark.parametrize("name", ["files", "samples"])
def test_a_package_that_lists_nothing_is_refused(staged: Path, name: str) -> None:
    rewrite_metadata(staged, lambda metadata: metadata[name].clear())
    with pytest.raises(IntegrityError, match="lists no files or no samples; do not use this mod"):
        verify_folder(staged)


def test_an_integrity_error_has_an_exit_code_of_its_own() -> None:
    assert IntegrityError.exit_code == 4


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
@pytest.mark.parametrize("name", ["onnx", ".cache", "1_Pooling/more"])
def test_a_linked_folder_is_an_added_file(staged: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "model.onnx").write_bytes(b"unsigned")
    (staged / name).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with pytest.raises(IntegrityError, match=f"{name} was added"):
        verify_folder(staged)


def test_what_a_download_writes_beside_a_model_is_no_added_file_and_all_else_is(
    staged: Path,
) -> None:
    beside = staged / ".cache" / "huggingface" / "download" / "1_Pooling" / "config.json.metadata"
    beside.parent.mkdir(parents=True)
    beside.write_text("x", encoding="utf-8")
    (staged / ".cache" / "huggingface" / ".gitignore").write_text("*", encoding="utf-8")
    verify_folder(staged)
    (staged / ".cache" / "model.safetensors").write_bytes(b"unsigned")
    with pytest.raises(IntegrityError, match="model.safetensors was added"):
        verify_folder(staged)
