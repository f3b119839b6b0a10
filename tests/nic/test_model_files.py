"""Which files are the model's, which its run's, and what a new run may delete."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nic.model_files import (
    BESIDE_THE_MODEL,
    MODEL_FILES,
    PUBLISHED_FILES,
    RUN_FILES,
    checkpoint_folders,
    is_name_of_a_run,
    is_never_published,
    matches,
)


def make_files(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


def test_what_a_run_writes_beside_the_model_is_no_file_of_the_model() -> None:
    assert [name for name in RUN_FILES if matches(name, MODEL_FILES)] == []
    beside = ["optimizer.pt", "rng_state_0.pth", "trainer_state.json", "evaluation.json"]
    assert [name for name in beside if matches(name, PUBLISHED_FILES)] == []
    assert all(BESIDE_THE_MODEL.fullmatch(name) for name in beside)
    assert not any(BESIDE_THE_MODEL.fullmatch(name) for name in MODEL_FILES)


@pytest.mark.parametrize(
    ("path", "never"),
    [
        ("metadata.json", True),
        ("checkpoint-best/model.safetensors", True),
        ("training.log", True),
        ("split.json", True),
        ("eval/x.csv", True),
        ("model.safetensors", False),
        ("1_Pooling/metadata.json", False),
        ("README.md", False),
    ],
)
def test_only_the_first_part_of_a_path_decides_what_is_never_published(
    path: str, never: bool
) -> None:
    assert is_never_published(Path(path)) is never


def test_a_run_owns_its_checkpoints_and_no_folder_that_only_begins_like_one(tmp_path: Path) -> None:
    owned = ["checkpoint-10", "checkpoint-best", "checkpoint-best.incomplete", "checkpoint-epoch-2"]
    for name in [*owned, "checkpoint-notes", "my-checkpoint-10", "checkpoint-epoch-two"]:
        (tmp_path / name).mkdir()
    make_files(tmp_path, "checkpoint-7")
    assert [path.name for path in checkpoint_folders(tmp_path)] == owned


@pytest.mark.parametrize("name", ["", ".", "..", "../1_Pooling", "mine", "2024-notes"])
def test_a_folder_that_the_library_does_not_name_is_not_a_modules(name: str) -> None:
    assert is_name_of_a_run("1_Pooling")
    assert not is_name_of_a_run(name)


def test_an_absolute_path_is_no_name_of_a_run(tmp_path: Path) -> None:
    assert not is_name_of_a_run(str(tmp_path / "1_Pooling"))


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_linked_folder_is_no_checkpoint(tmp_path: Path) -> None:
    make_files(tmp_path, "elsewhere/config.json", "model/modules.json")
    (tmp_path / "model" / "checkpoint-5").symlink_to(
        tmp_path / "elsewhere", target_is_directory=True
    )
    assert list(checkpoint_folders(tmp_path / "model")) == []


def test_the_names_of_a_run_are_the_models_and_its_own_in_any_case() -> None:
    ours = ["README.md", "config.json", "metadata.json", "model.safetensors", "modules.json"]
    others = ["LICENSE", "notes.md", "my_config.json", "data", "pairs.jsonl", "2024_notes"]
    assert [name for name in [*ours, *others] if is_name_of_a_run(name)] == ours
    assert all(is_name_of_a_run(name.upper()) for name in ours)
