"""Runs of several processes: as one process trains, resumed by one, and one of them killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file
from tiny_runs import FLAGS, named, train_tiny

from nic.errors import UserError
from training.command.arguments import TrainingArguments
from training.command.parser import parse_arguments

PROJECT = Path(__file__).resolve().parents[2]
CONFIGURATIONS = PROJECT / "training" / "accelerate"
MULTI_CPU = CONFIGURATIONS / "multi_cpu.yaml"
ON_LAUNCHERS = pytest.mark.skipif(
    sys.platform == "win32", reason="PyTorch has no libuv on Windows to launch by"
)
Launched = tuple[subprocess.Popen[bytes], Path]
EVERY_STEP = ["--logging_steps", "1", "--freeze-layers", "2"]


def launch(*words: str) -> list[str]:
    """Returns the command of a training in two processes."""
    launcher = ["-m", "accelerate.commands.launch", "--config_file", str(MULTI_CPU)]
    return [sys.executable, *launcher, str(PROJECT / "training" / "train.py"), *words]


def environment() -> dict[str, str]:
    paths = os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def history(folder: Path, key: str, steps: int) -> list[float]:
    """Returns the values of a key in the log of a training, up to a step."""
    training = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))["training"]
    return [row[key] for row in training["history"] if key in row and row["step"] <= steps]


def files(folder: Path) -> set[str]:
    """Returns the files of an output folder, but for the random states of each process."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if "rng_state" not in name and "checkpoint-epoch-2" not in name}


@pytest.mark.parametrize("path", sorted(CONFIGURATIONS.glob("*.yaml")), ids=lambda path: path.stem)
def test_accelerate_reads_each_configuration_which_says_whether_it_was_run(path: Path) -> None:
    configuration = load_config_from_file(str(path))
    assert configuration.num_processes >= 2
    assert configuration.num_machines == (2 if path.stem == "multi_host" else 1)
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert ("NOT RUN ON A GPU" in first) == (path != MULTI_CPU)


def test_a_batch_that_the_processes_do_not_divide_is_refused_before_any_work(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainingArguments, "world_size", property(lambda _: 3))
    with pytest.raises(UserError, match="--batch-size 8: must be a multiple of 3: the processes"):
        train_tiny(tiny_model_folder, two_domains, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    arguments = parse_arguments(["--batch-size", "9", "--device", "cpu"])[1]
    arguments.check_processes()
    assert arguments.train_batch_size == 9


def test_weights_that_are_split_over_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = parse_arguments(["--device", "cpu"])[1]
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match="FSDP: would leave a part of the weights in each process"):
        arguments.check_processes()


@ON_LAUNCHERS
def test_two_processes_train_as_one_and_one_goes_on_with_what_they_began(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    given = [*named(tiny_model_folder, two_domains, two), *FLAGS, *EVERY_STEP]
    ended = subprocess.run(
        launch(*given, "--epochs", "1"), capture_output=True, text=True, env=environment()
    )
    assert ended.returncode == 0, ended.stderr
    train_tiny(tiny_model_folder, two_domains, one, *EVERY_STEP)
    metadata = json.loads((two / "metadata.json").read_text(encoding="utf-8"))
    assert (metadata["training"]["processes"], metadata["training"]["batch_size"]) == (2, 8)
    # Thirty-two rows in batches of eight.
    assert metadata["training"]["steps"] == 4
    losses = history(two, "loss", 4)
    assert len(losses) == 4
    assert losses == pytest.approx(history(one, "loss", 4), abs=1e-5)
    recall = "eval_validation_recall@5"
    assert history(two, recall, 4) == history(one, recall, 4) != []
    # The first process alone writes and speaks.
    assert files(two) == files(one)
    assert ended.stderr.count("[INFO] Starting training:") == 1
    assert "[INFO] Each of 2 processes keeps those of its own texts" in ended.stderr
    train_tiny(tiny_model_folder, two_domains, two, *EVERY_STEP, "--resume", "--epochs", "2")
    assert history(two, "loss", 8) == pytest.approx(history(one, "loss", 8), abs=1e-5)
    weights, expected = (load_file(folder / "model.safetensors") for folder in (two, one))
    assert weights.keys() == expected.keys()
    for name, values in expected.items():
        torch.testing.assert_close(weights[name], values, rtol=0, atol=2e-5)


def started(log: Path) -> int:
    """Returns the number of steps that a training has logged."""
    return log.read_text(encoding="utf-8").count("Loss:") if log.exists() else 0


def processes_below(launcher: int) -> dict[int, int]:
    """Returns the processes that a launcher has started, by their number in the run."""
    found = {}
    for child in psutil.Process(launcher).children():
        if "RANK" in (variables := child.environ()):
            found[int(variables["RANK"])] = child.pid
    return found


@pytest.fixture(params=[0, 1])
def killed(
    request: pytest.FixtureRequest, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> Iterator[Launched]:
    """A launched training of which a process was killed, the first or the second, and its log."""
    log = tmp_path / "log"
    given = [*named(tiny_model_folder, two_domains, tmp_path / "model"), *FLAGS, *EVERY_STEP]
    with log.open("wb") as file:
        training = subprocess.Popen(
            launch(*given, "--epochs", "5000", "--eval_strategy", "no", "--keep-checkpoints", "1"),
            stderr=file,
            env=environment(),
        )
    try:
        while started(log) < 5 and training.poll() is None:
            time.sleep(0.2)
        os.kill(processes_below(training.pid)[request.param], signal.SIGKILL)
        yield training, log
    finally:
        if training.poll() is None:
            for process in psutil.Process(training.pid).children():
                process.kill()
        training.kill()
        training.wait()


@ON_LAUNCHERS
def test_the_others_end_within_seconds_and_with_one_line_where_a_process_is_killed(
    killed: Launched,
) -> None:
    training, log = killed
    assert training.wait(timeout=25) == 1
    said = log.read_text(encoding="utf-8")
    assert said.count("error: another process of this run has ended, and so this one ends too") == 1
    assert "Traceback" not in said.split("error: another")[0]
    assert "]: Traceback" not in said
