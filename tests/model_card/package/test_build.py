"""Staging: what is published, in what form, and everything that is refused."""

from __future__ import annotations

import json
import os
import pickle
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from card_facts import make_metadata
from conftest import PASSED, MakePairs, make_row, write_metadata_of
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

from model_card.card.added_facts import Publication
from model_card.card.card import render_card
from model_card.lines import packaged_lines
from model_card.package import build
from model_card.package.build import build_package
from nic.errors import UserError
from nic.model_length import named_lengths
from pairs.loading import load_pairs

FILES = {
    "README.md",
    "metadata.json",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "1_Pooling/config.json",
    "2_Normalize/config.json",
}
FAILED = {"name": "worst domain Recall@5", "threshold": 0.7, "measured": 0.5, "passed": False}
PNG = b"\x89PNG\r\n\x1a\n and so on"


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def assert_refused(model: Path, message: str, **options: Any) -> None:
    """The model is refused with a message, and nothing is left beside it."""
    before = sorted(path.name for path in model.parent.iterdir())
    with pytest.raises(UserError, match=message):
        build_package(model, model.parent / "staged", **options)
    assert sorted(path.name for path in model.parent.iterdir()) == before


def test_the_models_files_are_staged_and_nothing_else(trained_folder: Path, tmp_path: Path) -> None:
    (trained_folder / "plots").mkdir()
    (trained_folder / "plots" / "domains.png").write_bytes(PNG)
    (trained_folder / "plots" / "domains.svg").write_text("<svg/>")
    (trained_folder / "LICENSE").write_text("Apache License")
    (trained_folder / "notes.txt").write_text("to do")
    (trained_folder / "openvino").mkdir()
    (trained_folder / "openvino" / "openvino_model.bin").write_bytes(b"\0")
    staged = build_package(trained_folder, tmp_path / "staged")
    assert names(staged) == FILES | {"plots/domains.png", "LICENSE"}
    assert set(read(staged / "metadata.json")["files"]) == names(staged) - {"metadata.json"}


def test_the_staged_model_encodes_as_the_trained_one(trained_folder: Path, tmp_path: Path) -> None:
    staged = build_package(trained_folder, tmp_path / "staged")
    texts = ["why is the pump noisy", "replace the fuse", "hose " * 200]
    before, after = (
        SentenceTransformer(str(folder), device="cpu").encode(texts)
        for folder in (trained_folder, staged)
    )
    assert np.abs(before - after).max() <= 1e-6


def test_types_and_settings_are_written_the_older_way(trained_folder: Path, tmp_path: Path) -> None:
    staged = build_package(trained_folder, tmp_path / "staged")
    assert [module["type"] for module in read(staged / "modules.json")] == [
        "sentence_transformers.models.Transformer",
        "sentence_transformers.models.Pooling",
        "sentence_transformers.models.Normalize",
    ]
    assert read(staged / "sentence_bert_config.json") == {
        "do_lower_case": False,
        "max_seq_length": 64,
    }
    assert read(staged / "1_Pooling" / "config.json") == {
        "word_embedding_dimension": 32,
        "pooling_mode_cls_token": False,
        "pooling_mode_max_tokens": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_mean_sqrt_len_tokens": False,
        "pooling_mode_weightedmean_tokens": False,
        "pooling_mode_lasttoken": False,
        "include_prompt": True,
    }
    assert "__version__" not in read(staged / "config_sentence_transformers.json")


def test_a_package_names_one_length_and_its_special_tokens(
    trained_folder: Path, tmp_path: Path
) -> None:
    settings = trained_folder / "tokenizer_config.json"
    marked = {"__type": "AddedToken", "content": "[MASK]", "lstrip": True}
    changes = {"max_length": 32, "mask_token": marked}
    settings.write_text(json.dumps({**read(settings), **changes}), encoding="utf-8")
    write_metadata_of(trained_folder)
    staged = build_package(trained_folder, tmp_path / "staged")
    assert set(named_lengths(staged).values()) == {64}
    assert read(staged / "metadata.json")["reads_tokens"] == 64
    assert read(staged / "special_tokens_map.json") == {
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": {"content": "[MASK]", "lstrip": True},
    }


@pytest.mark.parametrize("mode", ["cls", ("cls", "mean")])
def test_a_dense_layer_and_other_poolings_encode_as_before(
    trained_folder: Path, tmp_path: Path, mode: Any
) -> None:
    pooling = Pooling(32, pooling_mode=mode)
    dense = Dense(pooling.pooling_output_dimension, 8, activation_function=torch.nn.Tanh())
    other = tmp_path / "other"
    modules = [Transformer(str(trained_folder)), pooling, dense]
    SentenceTransformer(modules=modules).save_pretrained(str(other), create_model_card=False)
    (other / "README.md").write_text("# other\n")
    write_metadata_of(other)
    staged = build_package(other, tmp_path / "staged")
    assert "2_Dense/model.safetensors" in names(staged)
    assert set(read(staged / "2_Dense" / "config.json")) == {
        "in_features",
        "out_features",
        "bias",
        "activation_function",
    }


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("1_Pooling", {"pooling_mode": ["mean", "cls"]}, "has no form that older versions load"),
        ("2_Normalize", {"module_input_name": "token_embeddings"}, "module_input_name is not"),
        ("", {"transformer_task": "fill-mask"}, 'transformer_task is not "feature-extraction"'),
        ("", {"unpad_inputs": False}, "unpad_inputs has no form"),
    ],
)
def test_a_setting_without_an_older_form_is_refused(
    trained_folder: Path, file: str, change: dict[str, Any], message: str
) -> None:
    path = trained_folder / (f"{file}/config.json" if file else "sentence_bert_config.json")
    path.write_text(json.dumps({**read(path), **change}))
    write_metadata_of(trained_folder)
    assert_refused(trained_folder, message)


@pytest.mark.parametrize("kind", ["my_package.Whiten", "sentence_transformers.models.LSTM"])
def test_a_module_that_older_versions_do_not_have_is_refused(
    trained_folder: Path, kind: str
) -> None:
    modules = read(trained_folder / "modules.json")
    modules[1]["type"] = kind
    (trained_folder / "modules.json").write_text(json.dumps(modules))
    write_metadata_of(trained_folder)
    assert_refused(trained_folder, f"the module {kind} has no form that")


def test_a_model_that_encodes_otherwise_in_the_older_form_is_refused(
    trained_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_normalisation(folder: Path) -> None:
        modules = read(folder / "modules.json")
        (folder / "modules.json").write_text(json.dumps(modules[:2]))

    monkeypatch.setattr(build, "write_compatible", lose_normalisation)
    assert_refused(trained_folder, r"encodes otherwise \(by \d\.\de[+-]\d\d\); not packaged")


def test_the_same_model_gives_the_same_bytes_again(trained_folder: Path, tmp_path: Path) -> None:
    one, other = (build_package(trained_folder, tmp_path / name) for name in ("one", "other"))
    for name in names(one):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_the_metadata_keeps_the_trainings_facts_and_adds_hashes_and_samples(
    trained_folder: Path, tmp_path: Path
) -> None:
    before = read(trained_folder / "metadata.json")
    metadata = read(build_package(trained_folder, tmp_path / "staged") / "metadata.json")
    assert set(metadata) == set(before) | {"samples", "reads_tokens", "metadata_sha256"}
    assert (metadata["data"], metadata["gates"]) == (before["data"], before["gates"])
    assert [len(sample["embedding"]) for sample in metadata["samples"]] == [32] * 5
    text = (tmp_path / "staged" / "metadata.json").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 80


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_everybody_may_read_what_is_staged(trained_folder: Path, tmp_path: Path) -> None:
    (trained_folder / "model.safetensors").chmod(0o600)
    before = os.umask(0o077)
    try:
        staged = build_package(trained_folder, tmp_path / "staged")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [staged, *staged.rglob("*")]}
    assert all(mode == (0o755 if path.is_dir() else 0o644) for path, mode in modes.items())


def test_further_files_are_hashed_and_their_facts_kept(
    trained_folder: Path, tmp_path: Path
) -> None:
    def add(folder: Path) -> dict[str, Any]:
        (folder / "onnx").mkdir()
        (folder / "onnx" / "model.onnx").write_bytes(b"\x08\x0a")
        return {"further": ["onnx"]}

    metadata = read(
        build_package(trained_folder, tmp_path / "staged", add_files=add) / "metadata.json"
    )
    assert "onnx/model.onnx" in metadata["files"]
    assert metadata["further"] == ["onnx"]


def test_a_folder_that_is_there_is_left_alone(trained_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "staged").mkdir()
    with pytest.raises(UserError, match="staged: is there already; remove it"):
        build_package(trained_folder, tmp_path / "staged")
    assert not any((tmp_path / "staged").iterdir())


@pytest.mark.parametrize("name", ["pytorch_model.bin", "1_Pooling/a.PT", "x.pkl", "scaler.pth"])
def test_a_pickle_by_name_is_refused(trained_folder: Path, name: str) -> None:
    (trained_folder / name).write_bytes(b"anything")
    assert_refused(trained_folder, f"{Path(name).name}: a pickle, which can run any code")


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weights": [1.0]}))


def saved_by_torch(path: Path) -> None:
    torch.save({"weights": torch.ones(2)}, path)


@pytest.mark.parametrize("write", [pickled, saved_by_torch])
@pytest.mark.parametrize("name", ["model.safetensors", "vocab.txt", "plots/a.png", "LICENSE"])
def test_a_pickle_under_an_allowed_name_is_refused(
    trained_folder: Path, name: str, write: Callable[[Path], None]
) -> None:
    (trained_folder / name).parent.mkdir(exist_ok=True)
    write(trained_folder / name)
    assert_refused(trained_folder, f"{Path(name).name}: a pickle, which can run any code")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.safetensors", "damaged, not valid safetensors"),
        ("tokenizer.json", "damaged, not valid JSON"),
        ("plots/a.png", "not a PNG image"),
        ("README.md", r"not valid UTF-8 \(byte 1\)"),
    ],
)
def test_a_damaged_file_is_refused(trained_folder: Path, name: str, message: str) -> None:
    (trained_folder / name).parent.mkdir(exist_ok=True)
    (trained_folder / name).write_bytes(b"\xff\xfe of another kind")
    assert_refused(trained_folder, message)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("name", ["LICENSE", "model.safetensors", "1_Pooling/config.json"])
def test_a_symbolic_link_is_refused(trained_folder: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("secret")
    (trained_folder / name).unlink(missing_ok=True)
    (trained_folder / name).symlink_to(target)
    assert_refused(trained_folder, f"{Path(name).name}: a symbolic link")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("name", ["1_Pooling", "plots"])
def test_a_linked_folder_is_refused(trained_folder: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / "elsewhere"
    if (trained_folder / name).exists():
        (trained_folder / name).rename(target)
    else:
        target.mkdir()
    (trained_folder / name).symlink_to(target)
    assert_refused(trained_folder, f"{name}: a symbolic link")


def test_a_model_without_modules_json_is_refused(trained_folder: Path) -> None:
    (trained_folder / "modules.json").unlink()
    assert_refused(trained_folder, "holds no modules.json; without it the model would load")


@pytest.mark.parametrize("name", ["1_Pooling", "2_Normalize"])
def test_a_missing_module_folder_is_refused(trained_folder: Path, name: str) -> None:
    (trained_folder / name / "config.json").unlink()
    (trained_folder / name).rmdir()
    assert_refused(trained_folder, f"modules.json names the folder {name}, and .* is missing")


@pytest.mark.parametrize("name", ["../elsewhere", "/etc", "a/b", "..", None])
def test_a_module_outside_of_the_model_is_refused(trained_folder: Path, name: Any) -> None:
    modules = read(trained_folder / "modules.json")
    modules[1]["path"] = name
    (trained_folder / "modules.json").write_text(json.dumps(modules))
    assert_refused(trained_folder, "it must lie in the model")


def test_an_absolute_path_is_refused(trained_folder: Path) -> None:
    write_metadata_of(trained_folder, asked={"data_file": "/home/somebody/pairs.jsonl"})
    assert_refused(trained_folder, r"^metadata\.json: names a folder of this machine")


@pytest.mark.parametrize("name", ["model.safetensors", "1_Pooling/config.json"])
def test_a_file_that_was_changed_since_training_is_refused(trained_folder: Path, name: str) -> None:
    with (trained_folder / name).open("ab") as file:
        file.write(b" ")
    if name.endswith("safetensors"):
        metadata = read(trained_folder / "metadata.json")
        metadata["files"][name] = "00" * 32
        (trained_folder / "metadata.json").write_text(json.dumps(metadata))
        (trained_folder / name).write_bytes((trained_folder / name).read_bytes()[:-1])
    assert_refused(trained_folder, f"{Path(name).name}: was changed since training wrote metadata")


def test_lost_weights_are_refused(trained_folder: Path) -> None:
    (trained_folder / "model.safetensors").unlink()
    assert_refused(trained_folder, r"model\.safetensors: is missing; metadata\.json lists it")


@pytest.mark.parametrize("content", [None, "[]", "{}", '{"files": 3}'])
def test_a_folder_that_training_did_not_write_is_refused(
    trained_folder: Path, content: str | None
) -> None:
    if content is None:
        (trained_folder / "metadata.json").unlink()
    else:
        (trained_folder / "metadata.json").write_text(content)
    assert_refused(trained_folder, "metadata.json: (lists no files|cannot be read)")


def test_a_packaged_model_is_not_packaged_again(trained_folder: Path, tmp_path: Path) -> None:
    staged = build_package(trained_folder, tmp_path / "one")
    assert_refused(staged, "one: is packaged already; push it as it is")


@pytest.fixture
def quoted(trained_folder: Path, write_pairs: MakePairs) -> tuple[Path, Path]:
    """A model whose card was changed to quote a sentence of its data, and the data."""
    passage = "Open the lid. Tighten the hose clamp by hand. Close the lid."
    data = write_pairs([make_row(1, "hvac", positive=passage)])
    write_metadata_of(trained_folder, data={"sha256": load_pairs(data).sha256})
    with (trained_folder / "README.md").open("a", encoding="utf-8") as card:
        card.write("For example: Tighten the hose\nclamp by hand.\n")
    return trained_folder, data


def test_a_changed_card_needs_the_data(quoted: tuple[Path, Path]) -> None:
    assert_refused(quoted[0], r"README\.md: was changed since training .* give .* --data-file")


def test_one_sentence_of_a_passage_in_the_card_is_refused_and_not_shown(
    quoted: tuple[Path, Path],
) -> None:
    model, data = quoted
    message = r"^README\.md: quotes the training data \(a sentence of 6 words\); not packaged"
    assert_refused(model, message, data_file=data)


def test_a_sentence_of_the_data_in_the_metadata_is_refused(
    trained_folder: Path, write_pairs: MakePairs
) -> None:
    data = write_pairs([make_row(1, "hvac", query='why does "it" hum so')])
    facts = {"data": {"sha256": load_pairs(data).sha256}, "log": ['why does "it" hum so']}
    write_metadata_of(trained_folder, **facts)
    assert_refused(trained_folder, r"^metadata\.json: quotes the training data", data_file=data)


def test_a_changed_card_that_quotes_nothing_is_staged(
    quoted: tuple[Path, Path], tmp_path: Path
) -> None:
    model, data = quoted
    (model / "README.md").write_text("# nic-tiny\n\nSee our wiki.\n", encoding="utf-8")
    assert "wiki" in (
        build_package(model, tmp_path / "staged", data_file=data) / "README.md"
    ).read_text(encoding="utf-8")


def test_other_data_than_that_of_the_training_is_refused(
    trained_folder: Path, write_pairs: MakePairs
) -> None:
    data = write_pairs([make_row(1, "hvac")])
    assert_refused(trained_folder, "not the data that the model was trained on", data_file=data)


def test_a_model_whose_gates_failed_is_refused(trained_folder: Path) -> None:
    write_metadata_of(trained_folder, gates={"passed": False, "gates": [PASSED, FAILED]})
    message = (
        r"^not packaged: 1 of its 2 gates failed: worst domain Recall@5 \(measured 0.5, threshold "
        r"0.7\)\. .* --allow-failed-gates"
    )
    assert_refused(trained_folder, message)


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        (None, "no gates were measured"),
        ({}, "no gates were measured"),
        ({"passed": True, "gates": []}, "no gates were measured"),
        ({"passed": True, "gates": [FAILED]}, "1 of its 1 gates failed"),
        ({"passed": False, "gates": [PASSED]}, "its gates failed"),
    ],
)
def test_gates_that_do_not_all_say_passed_are_no_pass(
    trained_folder: Path, gates: Any, message: str
) -> None:
    write_metadata_of(trained_folder, gates=gates)
    assert_refused(trained_folder, f"^not packaged: {message}")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_an_empty_reason_is_refused(trained_folder: Path, reason: str) -> None:
    assert_refused(trained_folder, "give the reason", allow_failed_gates=reason)


@pytest.mark.parametrize("gates", [None, {"passed": False, "gates": [FAILED]}])
def test_a_reason_stands_in_the_card_and_in_the_metadata_as_text(
    trained_folder: Path, tmp_path: Path, gates: Any
) -> None:
    write_metadata_of(trained_folder, gates=gates)
    reason = "pilot on <b>one</b> site\n# no heading"
    staged = build_package(trained_folder, tmp_path / "staged", allow_failed_gates=reason)
    metadata = read(staged / "metadata.json")
    assert metadata["gates"]["allowed_because"] == "pilot on <b>one</b> site # no heading"
    assert metadata["gates"]["passed"] is (None if gates is None else False)
    lines = (staged / "README.md").read_text(encoding="utf-8").splitlines()
    place = lines.index("# nic-tiny")
    assert lines[place - 1] == ""
    assert lines[place - 2].startswith("> **Published although ")
    assert lines[place - 2].endswith(
        "Reason given: pilot on &lt;b&gt;one&lt;/b&gt; site \\# no heading"
    )
    assert lines[2:4] == ["---", ""]
    assert lines[place + 1 :] == ["", "A model for searching manuals."]


def test_a_reason_is_not_needed_and_not_kept_where_the_gates_passed(
    trained_folder: Path, tmp_path: Path
) -> None:
    staged = build_package(trained_folder, tmp_path / "staged", allow_failed_gates="in case")
    assert "allowed_because" not in read(staged / "metadata.json")["gates"]
    assert "in case" not in (staged / "README.md").read_text(encoding="utf-8")


def test_a_generic_tokenizer_is_named_as_transformers_4_does(
    trained_folder: Path, tmp_path: Path
) -> None:
    path = trained_folder / "tokenizer_config.json"
    generic = {"tokenizer_class": "TokenizersBackend", "extra_special_tokens": ["[MASK]"]}
    path.write_text(json.dumps({**read(path), **generic, "local_files_only": True}))
    write_metadata_of(trained_folder)
    config = read(build_package(trained_folder, tmp_path / "staged") / "tokenizer_config.json")
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert config["additional_special_tokens"] == ["[MASK]"]
    assert not {"extra_special_tokens", "local_files_only"} & set(config)


@pytest.mark.parametrize(("truncate_dim", "version"), [(None, "5.2"), (16, "5.4")])
def test_the_oldest_version_that_gives_the_same_embeddings_is_said(
    trained_folder: Path, tmp_path: Path, truncate_dim: int | None, version: str
) -> None:
    path = trained_folder / "config_sentence_transformers.json"
    path.write_text(json.dumps({**read(path), "truncate_dim": truncate_dim}))
    write_metadata_of(trained_folder)
    lines = packaged_lines(build_package(trained_folder, tmp_path / "staged"))
    assert lines[1].startswith(f"Loads in sentence-transformers {version} and later: ")


@pytest.fixture
def with_facts(trained_folder: Path, write_pairs: MakePairs) -> Path:
    """A model with all the facts of a training, and the card that was rendered from them."""
    data = write_pairs([make_row(1, "hvac")])
    facts = make_metadata()
    facts["data"]["sha256"] = load_pairs(data).sha256
    (trained_folder / "README.md").write_text(render_card(facts), encoding="utf-8")
    write_metadata_of(trained_folder, **facts)
    return trained_folder


def packaged_card(model: Path, output: Path, **options: Any) -> str:
    return (build_package(model, output, **options) / "README.md").read_text(encoding="utf-8")


def test_a_rendered_card_stays_the_same_where_nothing_is_added(
    with_facts: Path, tmp_path: Path
) -> None:
    before = (with_facts / "README.md").read_text(encoding="utf-8")
    assert packaged_card(with_facts, tmp_path / "staged") == before


def test_what_packaging_adds_stands_in_the_metadata_and_in_the_card_rendered_from_it(
    with_facts: Path, tmp_path: Path
) -> None:
    write_metadata_of(with_facts, **{**make_metadata(), "gates": {"passed": False, "gates": []}})
    card = packaged_card(
        with_facts,
        tmp_path / "staged",
        allow_failed_gates="a pilot",
        license="cc-by-4.0",
        language="en,de",
        publication=Publication("org/nic", "v1.0"),
    )
    metadata = read(tmp_path / "staged" / "metadata.json")
    assert metadata["release"] == {"problem": "no gates were measured", "reason": "a pilot"}
    assert metadata["publication"] == {"repo_id": "org/nic", "tag": "v1.0", "endpoint": None}
    assert (metadata["license"], metadata["language"]) == ("cc-by-4.0", ["en", "de"])
    assert card == render_card(metadata)
    assert "# nic-embeddings-v1.0\n\n> **Published although no gates were measured.**" in card


def test_without_a_flag_the_training_s_licence_stays(with_facts: Path, tmp_path: Path) -> None:
    facts = {**make_metadata(), "license": "mit", "language": ["en"], "license_files": []}
    (with_facts / "README.md").write_text(render_card(facts), encoding="utf-8")
    write_metadata_of(with_facts, **facts)
    assert "- Licence: mit.\n- Language: en.\n" in packaged_card(with_facts, tmp_path / "staged")


def test_a_licence_file_beside_the_model_is_named_and_one_that_is_gone_is_not(
    with_facts: Path, tmp_path: Path
) -> None:
    (with_facts / "LICENSE.txt").write_text("House licence", encoding="utf-8")
    assert "Its text: LICENSE.txt." in packaged_card(with_facts, tmp_path / "one")
    assert read(tmp_path / "one" / "metadata.json")["license_files"] == ["LICENSE.txt"]
    facts = {**make_metadata(), "license_files": ["LICENSE.txt"]}
    write_metadata_of(with_facts, **facts)
    (with_facts / "LICENSE.txt").unlink()
    assert "Its text" not in packaged_card(with_facts, tmp_path / "two")


def test_a_model_of_an_earlier_version_is_packaged_with_the_licence_of_its_base(
    with_facts: Path, tmp_path: Path
) -> None:
    old = "---\nlanguage: en\nlicense: apache-2.0\n---\n\n# nic-embeddings-v1.0\n"
    (with_facts / "README.md").write_text(old, encoding="utf-8")
    (with_facts / "figures").mkdir()
    (with_facts / "figures" / "recall_at_5.png").write_bytes(PNG)
    write_metadata_of(with_facts, **make_metadata())
    card = packaged_card(with_facts, tmp_path / "staged")
    assert card == render_card(read(with_facts / "metadata.json"))
    assert "](figures/recall_at_5.png)" in card
    assert (tmp_path / "staged" / "figures" / "recall_at_5.png").is_file()
    assert "- Licence: apache-2.0, that of the base model." in card
    assert "base_model: sentence-transformers/all-MiniLM-L6-v2\n" in card


def test_an_edited_card_is_kept_and_not_rendered_anew(with_facts: Path, tmp_path: Path) -> None:
    with (with_facts / "README.md").open("a", encoding="utf-8") as card:
        card.write("\nSee our wiki.\n")
    before = (with_facts / "README.md").read_text(encoding="utf-8")
    assert_refused(with_facts, r"README\.md: was changed since training .* give .* --data-file")
    data = tmp_path / "pairs.jsonl"
    assert packaged_card(with_facts, tmp_path / "staged", data_file=data) == before


def test_a_fact_that_is_missing_is_refused_and_nothing_is_left(with_facts: Path) -> None:
    facts = make_metadata()
    del facts["evaluation"]["comparison"]
    write_metadata_of(with_facts, **facts)
    message = r"^metadata\.json: evaluation\.comparison: field required; train the model again$"
    assert_refused(with_facts, message)


@pytest.mark.parametrize("option", [{"license": "My Licence"}, {"language": "English"}])
def test_terms_that_hubs_refuse_are_refused_before_anything_is_written(
    with_facts: Path, option: dict[str, str]
) -> None:
    assert_refused(with_facts, f"^--{next(iter(option))} ", **option)
