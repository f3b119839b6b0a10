"""What was asked of a run, for its metadata and its warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.command.asked_arguments import (
    asked_arguments,
    repeat_command,
    warn_outside_usual_range,
)
from training.command.parser import parse_arguments

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"


def test_a_value_outside_its_usual_range_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    warn_outside_usual_range(*parse_arguments(["--epochs", "20", "--val-ratio", "0.5"]))
    assert "--epochs 20 is outside its usual range, 1 to 10" in caplog.text
    assert "--val-ratio 0.5 is outside its usual range, 0.05 to 0.2" in caplog.text
    assert len(caplog.records) == 2


def test_the_metadata_holds_arguments_and_no_folder_of_this_machine(tmp_path: Path) -> None:
    data = tmp_path / "secret-folder" / "pairs.jsonl"
    data.parent.mkdir()
    data.touch()
    given = ["--data-file", str(data), "--output-dir", str(tmp_path / "out"), "--epochs", "4"]
    asked = asked_arguments(*parse_arguments(given))
    assert asked["data_file"] == "pairs.jsonl"
    assert asked["num_train_epochs"] == 4
    assert str(tmp_path) not in str(asked)


def test_the_production_recipe_is_the_defaults() -> None:
    recipe = parse_arguments([f"--config={RECIPES / 'production.yaml'}"])
    assert asked_arguments(*recipe) == asked_arguments(*parse_arguments([]))


def test_the_command_that_repeats_a_training_states_the_same_licence_and_languages() -> None:
    given = ["--license", "mit", "--language", "en,de", "--precision", "fp32"]
    assert repeat_command(*parse_arguments([*given, "--device", "cpu"])) == given


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_command_that_repeats_a_training_states_its_precision_whatever_the_machine_has(
    precision: str,
) -> None:
    asked = parse_arguments(["--device", "cpu", "--precision", precision])
    assert repeat_command(*asked) == ["--precision", precision]


def test_a_prompt_is_never_taken_for_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "query").mkdir()
    for prompt in ("query/", "query: " * 60):
        asked = asked_arguments(*parse_arguments(["--query-prompt", prompt]))
        assert asked["query_prompt"] == prompt
