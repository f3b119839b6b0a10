"""What `--force` deletes: what a run wrote in its output folder, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.loop.checkpoints import delete_run


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder of a run, with files of the user among those of the run."""
    folder = tmp_path / "out"
    modules = [{"path": name} for name in ("", "1_Pooling", "../data", "notes")]
    write(folder / "modules.json", json.dumps(modules))
    run = ["model.safetensors", "tokenizer.json", "README.md", "training.log", "split.json"]
    for name in [*run, "1_Pooling/config.json", "checkpoint-5/optimizer.pt"]:
        write(folder / name)
    for name in ["LICENSE", "notes/a.txt", "checkpoint-notes/b.txt", "my_config.json"]:
        write(folder / name)
    write(tmp_path / "data" / "pairs.jsonl")
    return folder


def test_a_run_is_deleted_and_the_users_files_stay(output: Path) -> None:
    delete_run(output)
    kept = ["LICENSE", "checkpoint-notes/b.txt", "my_config.json", "notes/a.txt"]
    assert names(output) == kept


def test_nothing_outside_of_the_folder_is_deleted_whatever_its_modules_name(output: Path) -> None:
    delete_run(output)
    assert (output.parent / "data" / "pairs.jsonl").is_file()


@pytest.mark.parametrize("content", ["{", "3", '[{"type": "x"}]', "[7]"])
def test_a_damaged_list_of_modules_does_not_stop_the_deletion(output: Path, content: str) -> None:
    write(output / "modules.json", content)
    delete_run(output)
    assert not (output / "model.safetensors").exists()
    assert (output / "1_Pooling" / "config.json").is_file()


def test_a_folder_that_no_run_wrote_to_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "README.md", "mine")
    write(tmp_path / "config.json", "mine")
    delete_run(tmp_path)
    assert names(tmp_path) == ["README.md", "config.json"]


def test_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    delete_run(tmp_path / "none")
    assert not (tmp_path / "none").exists()
