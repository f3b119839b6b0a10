"""Launchers hold a process to one thread; the pipeline takes the cores back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nic import devices
from nic.devices import use_all_cores


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
