"""An output folder that fails under a run: one line, and the checkpoints before stay good."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import before_call, exit_code
from safetensors import SafetensorError
from tiny_runs import FLAGS, named

from evaluation import run as evaluate_command
from training import train as command
from training.loop.damage import find_damage

pytestmark = pytest.mark.usefixtures("no_pictures")
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.safetensors")
READ_ONLY = OSError(errno.EROFS, os.strerror(errno.EROFS), "model.safetensors")
TORCH = RuntimeError("[enforce fail at inline_container.cc:668] . unexpected pos 576 vs 470")
SAFETENSORS = SafetensorError("Error while serializing: I/O error: Read-only fs (os error 30)")


def failing(error: Exception) -> Callable[[], None]:
    """A function that raises an error."""

    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("place", "calls", "error"),
    [
        # The second epoch: the first one's checkpoint is there.
        ("torch.save", 5, TORCH),
        ("training.loop.checkpoints.replace_folder", 2, FULL),
        ("training.loop.checkpoints.sync_folder", 2, READ_ONLY),
        ("training.loop.checkpoints.copy_model", 1, SAFETENSORS),
        ("training.output.model_folder.write_card", 1, READ_ONLY),
        ("evaluation.report.output.write_results_folder", 1, FULL),
    ],
)
def test_a_disk_that_fails_leaves_the_checkpoint_before_and_the_run_goes_on(
    place: str,
    calls: int,
    error: Exception,
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out"
    given = [*named(tiny_model_folder, two_domains, output), *FLAGS]
    with monkeypatch.context() as patch:
        before_call(place, failing(error), patch, calls)
        assert exit_code(command.main, given, patch) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in said
    assert "Model saved" not in said
    assert find_damage(output / "checkpoint-epoch-1") == ""
    assert [path.name for path in tmp_path.rglob("*.incomplete*")] == []
    assert exit_code(command.main, [*given, "--resume"], monkeypatch) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    "place",
    [
        "training.fitting.run_training",
        "training.fitting.score_saved_model",
        "training.output.model_folder.write_card",
        "evaluation.report.output.write_results_folder",
        "training.loop.checkpoints.remove_temporary_checkpoints",
    ],
)
def test_a_folder_that_is_removed_is_one_line_and_no_model_is_said_to_be_saved(
    place: str,
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out"
    before_call(place, lambda: shutil.rmtree(output), monkeypatch)
    given = [*named(tiny_model_folder, two_domains, output), *FLAGS]
    assert exit_code(command.main, given, monkeypatch) in (1, 2)
    said = capsys.readouterr().err
    assert str(output) in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in said
    assert "Model saved" not in said


@pytest.mark.parametrize("evaluates", [False, True])
def test_a_folder_beside_which_nothing_can_be_written_is_refused_before_any_work(
    evaluates: bool,
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(path: str, mode: int = 0o777) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    output = tmp_path / "there" / "out"
    output.mkdir(parents=True)
    given = [*named(tiny_model_folder, two_domains, output), *FLAGS]
    if evaluates:
        given = ["--model", str(tiny_model_folder), "--data-file", str(two_domains), "--all"]
        given += ["--output-dir", str(output)]
    # A user who may write everywhere is refused by the system alone.
    monkeypatch.setattr("tempfile._os.mkdir", refuse)
    main = evaluate_command.main if evaluates else command.main
    assert exit_code(main, given, monkeypatch) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"no folder can be made in {output.parent} (Read-only file system)" in said
    assert list(output.iterdir()) == []
