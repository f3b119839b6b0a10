"""Precision is chosen by what the hardware has, and a contradiction is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nic.devices import has_bf16
from nic.errors import UserError
from training.command import arguments
from training.command.arguments import TrainingArguments


def build(folder: Path, **given: Any) -> TrainingArguments:
    return TrainingArguments(output_dir=str(folder), use_cpu=True, **given)


@pytest.mark.parametrize(("hardware", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_is_bf16_where_the_hardware_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hardware: bool, chosen: str
) -> None:
    monkeypatch.setattr(arguments, "has_bf16", lambda use_cpu: hardware)
    found = build(tmp_path)
    assert (found.precision, found.bf16) == (chosen, hardware)
    assert found.mixed_precision == ("bf16" if hardware else "no")


@pytest.mark.parametrize("hardware", [True, False])
@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({"precision": "fp32"}, "fp32"),
        ({"precision": "bf16"}, "bf16"),
        ({"bf16": True}, "bf16"),
        ({"bf16": True, "precision": "bf16"}, "bf16"),
    ],
)
def test_what_is_asked_for_is_done_whatever_the_hardware_has(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hardware: bool,
    given: dict[str, Any],
    chosen: str,
) -> None:
    monkeypatch.setattr(arguments, "has_bf16", lambda use_cpu: hardware)
    found = build(tmp_path, **given)
    assert (found.precision, found.bf16) == (chosen, chosen == "bf16")


def test_the_precision_of_the_launcher_is_a_choice_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert build(tmp_path).precision == "bf16"
    with pytest.raises(UserError, match="--precision fp32 contradicts --bf16"):
        build(tmp_path, precision="fp32")


@pytest.mark.parametrize("flag", ["bf16", "fp16"])
def test_two_precisions_are_refused(tmp_path: Path, flag: str) -> None:
    with pytest.raises(UserError, match=f"--precision fp32 contradicts --{flag}"):
        build(tmp_path, precision="fp32", **{flag: True})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, True),
        ({"amx_bf16": True}, True),
        ({"avx512_f": True, "avx512_bf16": False}, False),
        ({}, False),
    ],
)
def test_a_processor_has_bf16_if_it_has_instructions_for_it(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, bool], expected: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: found, raising=False)
    assert has_bf16(use_cpu=True) is expected
