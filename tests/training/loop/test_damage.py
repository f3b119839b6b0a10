"""A damaged checkpoint is named and passed over; a training that diverges stops at once."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_runs import calling_in, train_tiny
from transformers import TrainerCallback

from nic.errors import UserError
from training import fitting
from training.loop.checkpoints import find_newest_checkpoint, newest_checkpoint
from training.loop.damage import find_damage


@pytest.fixture(scope="module")
def finished(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of three epochs, each with its checkpoint."""
    from conftest import make_row

    work = tmp_path_factory.mktemp("damage")
    rows = [make_row(n, "hvac") for n in range(40)]
    data = work / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    train_tiny(tiny_model_folder, data, work / "model", "--epochs", "3")
    return work / "model"


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(finished, tmp_path / "model")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def with_nan(path: Path) -> None:
    weights = load_file(path)
    next(iter(weights.values())).view(-1)[0] = math.nan
    save_file(weights, path)


Damage = Callable[[Path], object]
FILES = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")
DAMAGE: list[tuple[str, Damage]] = [
    *[(name, damage) for name in FILES for damage in (cut, empty, flip, Path.unlink)],
    ("model.safetensors", cut),
    ("model.safetensors", empty),
    ("model.safetensors", with_nan),
    ("model.safetensors", Path.unlink),
    ("modules.json", cut),
    ("config.json", empty),
    ("trainer_state.json", cut),
    ("trainer_state.json", empty),
]


def test_a_checkpoint_that_is_whole_has_no_damage(folder: Path) -> None:
    assert find_damage(folder / "checkpoint-epoch-3") == ""
    assert newest_checkpoint(folder).name == "checkpoint-epoch-3"


@pytest.mark.parametrize(("name", "damage"), DAMAGE, ids=lambda x: getattr(x, "__name__", x))
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_taken(
    folder: Path, name: str, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    damage(folder / "checkpoint-epoch-3" / name)
    assert newest_checkpoint(folder).name == "checkpoint-epoch-2"
    if (name, damage) != ("optimizer.pt", Path.unlink):
        # Without an optimizer it was never whole.
        assert f"checkpoint-epoch-3: {name}" in caplog.text


def test_where_every_checkpoint_is_damaged_one_line_says_so(folder: Path) -> None:
    for number in (1, 2, 3):
        cut(folder / f"checkpoint-epoch-{number}" / "scheduler.pt")
    with pytest.raises(UserError, match="scheduler.pt is damaged.*start anew with --force"):
        find_newest_checkpoint(folder)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (shutil.rmtree, "checkpoint-best: is missing"),
        (lambda best: cut(best / "evaluation.json"), "evaluation.json: is damaged"),
        (lambda best: cut(best / "model.safetensors"), "checkpoint-best: model.safetensors"),
    ],
)
def test_no_later_model_takes_the_place_of_a_best_one_that_is_lost(
    folder: Path, damage: Damage, says: str
) -> None:
    damage(folder / "checkpoint-best")
    with pytest.raises(UserError, match=says):
        newest_checkpoint(folder)


def test_a_run_goes_on_from_the_checkpoint_before_to_the_same_weights(
    finished: Path, folder: Path, tiny_model_folder: Path
) -> None:
    cut(folder / "checkpoint-epoch-3" / "optimizer.pt")
    (folder / "metadata.json").unlink()
    data = finished.with_name("pairs.jsonl")
    train_tiny(tiny_model_folder, data, folder, "--epochs", "3", "--resume")
    again = (folder / "checkpoint-epoch-3" / "model.safetensors").read_bytes()
    assert again == (finished / "checkpoint-epoch-3" / "model.safetensors").read_bytes()


class Spoil(TrainerCallback):
    """Sets weights to NaN after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Spoils them."""
        if state.global_step == self.step:
            with torch.no_grad():
                for weights in kwargs["model"].parameters():
                    weights.fill_(math.nan)


@pytest.mark.parametrize(
    ("flags", "step", "says", "good"),
    [
        ([], 5, "the loss of step 6 is not finite", "checkpoint-epoch-1"),
        (["--save-strategy", "steps", "--save-steps", "2"], 6, "a weight after step 6", "-epoch-1"),
        ([], 2, "the loss of step 3 is not finite", "nothing was saved"),
    ],
)
def test_a_training_that_diverges_stops_at_once_and_saves_no_such_checkpoint(
    flags: list[str],
    step: int,
    says: str,
    good: str,
    two_domains: Path,
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fitting, "build_trainer", calling_in(0, Spoil(step)))
    output = tmp_path / "model"
    with pytest.raises(UserError, match=says) as error:
        train_tiny(tiny_model_folder, two_domains, output, "--eval-strategy", "no", *flags)
    assert good in str(error.value)
    assert "\n" not in str(error.value)
    for checkpoint in output.glob("checkpoint-*"):
        assert find_damage(checkpoint) == "" or checkpoint.name == "checkpoint-best"
