"""What a run may write in its output folder, and what `--force` deletes there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from nic.errors import UserError
from training.output.manifest import owned_names, record
from training.output.output_folder import (
    delete_run,
    holds_model,
    open_output_dir,
    refuse_foreign,
    refuse_inputs,
    refuse_taken,
)


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A folder of a finished run of an earlier version, with files of the user among its own."""
    folder = tmp_path / "out"
    modules = [{"path": name} for name in ("", "1_Pooling", "../data", "notes")]
    write(folder / "modules.json", json.dumps(modules))
    run = ["model.safetensors", "tokenizer.json", "README.md", "training.log", "split.json"]
    for name in [*run, "1_Pooling/config.json", "checkpoint-5/optimizer.pt"]:
        write(folder / name)
    model = ["model.safetensors", "modules.json", "tokenizer.json", "README.md", "LICENSE"]
    files = dict.fromkeys([*model, "1_Pooling/config.json", "plots/mine.png", "plots/mrr.png"], "0")
    write(folder / "metadata.json", json.dumps({"files": files, "figures": ["mrr.png"]}))
    write(folder / "plots" / "mrr.png")
    for name in [
        "LICENSE",
        "plots/mine.png",
        "notes/a.txt",
        "checkpoint-notes/b.txt",
        "my_config.json",
    ]:
        write(folder / name)
    write(tmp_path / "data" / "pairs.jsonl")
    return folder


def test_a_run_is_deleted_and_the_users_files_stay(output: Path) -> None:
    delete_run(output)
    kept = ["LICENSE", "checkpoint-notes/b.txt", "my_config.json", "notes/a.txt", "plots/mine.png"]
    assert names(output) == kept


def test_nothing_outside_of_the_folder_is_deleted_whatever_its_modules_name(output: Path) -> None:
    delete_run(output)
    assert (output.parent / "data" / "pairs.jsonl").is_file()


@pytest.mark.parametrize("content", ["{", "3", '[{"type": "x"}]', "[7]"])
def test_a_damaged_list_of_modules_does_not_stop_the_deletion(output: Path, content: str) -> None:
    write(output / "modules.json", content)
    delete_run(output)
    assert not (output / "model.safetensors").exists()
    assert not (output / "modules.json").exists()


def test_a_folder_that_no_run_wrote_to_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "README.md", "mine")
    write(tmp_path / "config.json", "mine")
    delete_run(tmp_path)
    assert names(tmp_path) == ["README.md", "config.json"]


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    delete_run(tmp_path / "none")
    assert not (tmp_path / "none").exists()


ESCAPES = ["../data/pairs.jsonl", "1_Pooling/../../data/pairs.jsonl", "checkpoint-5/../../data/"]


@pytest.mark.parametrize("name", [*ESCAPES, "notes/a.txt", "my_config.json", "", "."])
def test_a_record_that_names_what_no_run_writes_deletes_nothing_of_it(
    output: Path, name: str
) -> None:
    before = names(output.parent)
    absolute = (output.parent / "data" / "pairs.jsonl").as_posix()
    write(output / "nic-run.json", json.dumps({"files": [name, f"{name}/", absolute, 7, None]}))
    assert owned_names(output) == set()
    delete_run(output)
    assert names(output.parent) == sorted([*before, "out/nic-run.json"])


@pytest.mark.parametrize("content", ["{", "[]", '{"files": 3}', "[" * 100_000])
def test_a_damaged_record_is_one_line_and_deletes_nothing(output: Path, content: str) -> None:
    write(output / "nic-run.json", content)
    before = names(output)
    with pytest.raises(UserError, match="no training wrote it"):
        open_output_dir(output, force=True)
    assert names(output) == before


def test_only_what_is_recorded_is_deleted(tmp_path: Path) -> None:
    record(tmp_path, ["README.md", "plots/mrr.png", "checkpoint-5/"])
    for name in ["README.md", "config.json", "plots/mrr.png", "plots/mine.png"]:
        write(tmp_path / name)
    for name in ["checkpoint-5/a", "checkpoint-5.incomplete/a", "checkpoint-6/a"]:
        write(tmp_path / name)
    delete_run(tmp_path)
    assert names(tmp_path) == ["checkpoint-6/a", "config.json", "plots/mine.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
@pytest.mark.parametrize("name", ["checkpoint-5", "1_Pooling", "plots", "training.log"])
def test_a_link_under_a_name_of_the_run_is_refused_and_never_followed(
    tmp_path: Path, name: str
) -> None:
    output, victim = tmp_path / "out", tmp_path / "victim"
    write(victim / "mrr.png", "mine")
    output.mkdir()
    record(output, ["checkpoint-5/", "1_Pooling/mrr.png", "plots/mrr.png", "training.log"])
    target = victim / "mrr.png" if name == "training.log" else victim
    (output / name).symlink_to(target, target_is_directory=target.is_dir())
    with pytest.raises(UserError, match=f"{name}: is a link, which a run would replace"):
        refuse_foreign(output)
    delete_run(output)
    assert names(victim) == ["mrr.png"]
    assert (output / name).is_symlink()


@pytest.mark.parametrize(
    "name", ["README.md", "readme.MD", "config.json", "checkpoint-best/x", "onnx/model.onnx"]
)
def test_a_folder_with_a_file_that_a_run_would_replace_is_refused(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path / name, "mine")
    with pytest.raises(UserError, match="no training wrote it, and this one would replace"):
        refuse_taken(tmp_path, resume=False, force=True)
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"


def test_files_of_the_user_that_only_look_like_checkpoints_do_not_matter(tmp_path: Path) -> None:
    for name in ["checkpoint-notes.txt", "checkpoint-mine/a", "2024_notes/a", "notes.md"]:
        write(tmp_path / name)
    assert not holds_model(tmp_path)
    refuse_taken(tmp_path, resume=False, force=False)


def test_the_card_of_an_unfinished_run_of_an_earlier_version_is_the_users_readme(
    tmp_path: Path,
) -> None:
    for name in ["training.log", "split.json", "checkpoint-best/config.json", "config.json"]:
        write(tmp_path / name)
    refuse_foreign(tmp_path)
    write(tmp_path / "README.md", "mine")
    with pytest.raises(UserError, match="README.md: no training wrote it"):
        open_output_dir(tmp_path, force=True)
    assert (tmp_path / "config.json").is_file()


@pytest.mark.parametrize(
    "inside", ["out", "out/split.json", "out/checkpoint-5/model", "out-evaluation/pairs.jsonl"]
)
def test_no_input_may_lie_where_the_run_writes(tmp_path: Path, inside: str) -> None:
    for name in ("out/split.json", "out/checkpoint-5/model", "out-evaluation/pairs.jsonl"):
        write(tmp_path / name)
    folders = (tmp_path / "out", tmp_path / "out-evaluation")
    with pytest.raises(UserError, match=f"^--probe .*{inside}: "):
        refuse_inputs(*folders, {"--probe": str(tmp_path / inside)})
    write(tmp_path / "out" / "pairs.jsonl")
    allowed = {"--data-file": str(tmp_path / "out" / "pairs.jsonl"), "--base-model": "org/name"}
    refuse_inputs(*folders, {**allowed, "--split": None})
