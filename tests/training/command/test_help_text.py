"""The help: this project's flags once each and in dashes, the Trainer's on demand."""

from __future__ import annotations

import dataclasses
import re

import pytest
from sentence_transformers import SentenceTransformerTrainingArguments

from training.command.arguments import TrainingArguments
from training.command.help_text import (
    FURTHER,
    GROUPS,
    answer_help,
    help_text,
    own_fields,
    shown_names,
)
from training.command.run_arguments import RunArguments, TrainerDefaults
from training.loop.losses import LOSSES


def flags(text: str) -> list[str]:
    """The flags that a help lists, at the start of its indented lines."""
    lines = re.findall(r"^  ((?:-h, )?--.*?)(?:  |$)", text, re.MULTILINE)
    return [word.split()[0] for line in lines for word in line.split(", ")]


def test_every_flag_of_this_project_stands_in_one_group() -> None:
    grouped = [name for groups in (GROUPS, FURTHER) for names in groups.values() for name in names]
    assert sorted(grouped) == sorted(own_fields())
    assert set(own_fields()) == {
        field.name for kind in (RunArguments, TrainerDefaults) for field in dataclasses.fields(kind)
    }


def test_help_lists_every_flag_but_those_of_the_loss_once_in_dashes() -> None:
    names = [name for names in GROUPS.values() for name in names]
    ours = [shown for name in names for shown in shown_names(own_fields()[name])]
    general = ["--config", "-h", "--help", "--help-all", "--version"]
    assert sorted(flags(help_text())) == sorted(ours + general)
    assert {"--epochs", "--batch-size", "--freeze-layers", "--no-speed"} <= set(ours)
    assert not [name for name in ours if "_" in name]


def test_help_fits_on_one_screen_and_names_defaults_losses_and_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    text = help_text()
    assert len(text.splitlines()) <= 85
    assert max(len(line) for line in text.splitlines()) <= 100
    assert re.search(r"--epochs N +passes over the training half, 1 to 10 \[2\]", text)
    assert re.search(r"--speed, --no-speed .* \[on\]", text)
    assert re.search(r"--resume +continue from the newest checkpoint in --output-dir$", text, re.M)
    assert "{error,train}" in text
    for key, loss in LOSSES.items():
        assert f"{key}: {loss.help}" in " ".join(text.split())
    assert "3 a gate failed (with --gate or --publish-to)" in text


def test_help_all_lists_every_flag_of_the_trainer_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        answer_help(["--epochs", "3", "--help-all"])
    assert stopped.value.code == 0
    listed = flags(capsys.readouterr().out)
    theirs = {
        f"--{field.name.replace('_', '-')}"
        for field in dataclasses.fields(SentenceTransformerTrainingArguments)
        if field.init and field.name not in own_fields()
    }
    assert len(listed) == len(set(listed))
    assert theirs | set(flags(help_text())) <= set(listed)
    assert {"--bf16", "--gradient-accumulation-steps", "--resume-from-checkpoint"} <= set(listed)


def test_no_help_is_asked_for_nothing_happens(capsys: pytest.CaptureFixture[str]) -> None:
    answer_help(["--epochs", "3"])
    assert capsys.readouterr().out == ""


def test_the_defaults_of_the_help_are_those_of_the_trainers_arguments() -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(TrainingArguments)}
    for field in dataclasses.fields(TrainerDefaults):
        assert defaults[field.name] == field.default, field.name
