"""Launchers hold a process to one thread; the pipeline takes the cores back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nic import devices
from nic.devices import check_launch, use_all_cores
from nic.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    monkeypatch.setattr(devices, "available_cores", lambda: 8)
    for name in devices.SET_BY_LAUNCHERS:
        monkeypatch.delenv(name, raising=False)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("threads_before", "launcher", "threads_after"),
    [
        (1, {"ACCELERATE_MIXED_PRECISION": "no"}, 8),
        (1, {"LOCAL_WORLD_SIZE": "2"}, 4),
        (1, {"LOCAL_WORLD_SIZE": "32"}, 1),
        (3, {"ACCELERATE_MIXED_PRECISION": "no"}, 3),
        (1, {}, 1),
    ],
)
def test_only_a_launchers_single_thread_is_raised(
    threads_before: int,
    launcher: dict[str, str],
    threads_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in launcher.items():
        monkeypatch.setenv(name, value)
    torch.set_num_threads(threads_before)
    assert use_all_cores() == threads_after


def test_a_launch_that_started_one_process_of_several_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv("ACCELERATE_MIXED_PRECISION", raising=False)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    # A cluster sets the address for every program.
    check_launch()
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    with pytest.raises(UserError, match="asked for several processes and started one"):
        check_launch()
    monkeypatch.setenv("WORLD_SIZE", "2")
    check_launch()


def test_accelerate_launch_marks_such_a_launch(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from nic.devices import check_launch\ncheck_launch()\n", encoding="utf-8")
    config = str(PROJECT / "accelerate_config.yaml")
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config]
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    two = [*launch, "--num_processes", "2", str(script)]
    ended = subprocess.run(two, capture_output=True, text=True, env=env)
    assert "asked for several processes and started one" in ended.stderr
    assert subprocess.run([*launch, str(script)], env=env).returncode == 0
