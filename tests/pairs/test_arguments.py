"""The arguments of a check: impossible ones are refused before any file is read."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from nic.errors import UserError
from pairs.arguments import CheckArguments, parse_arguments


def test_flags_and_fields_have_the_same_names_and_defaults() -> None:
    assert parse_arguments([]) == CheckArguments()
    changed = CheckArguments(
        data_file="mine.jsonl",
        base_model="tiny",
        val_ratio=0.2,
        batch_size=8,
        seed=7,
        small_domains="train",
        semantic=True,
        margin=0.3,
        strict=True,
    )
    flags = "--data-file mine.jsonl --base-model tiny --val-ratio 0.2 --batch-size 8 --seed 7"
    more = "--small-domains train --semantic --margin 0.3 --strict"
    assert parse_arguments([*flags.split(), *more.split()]) == changed


def test_arguments_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CheckArguments().seed = 1  # type: ignore[misc]


def test_impossible_values_are_refused_from_python_too() -> None:
    with pytest.raises(UserError, match="--val-ratio 1: must be above 0 and below 1"):
        CheckArguments(val_ratio=1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--val-ratio", "1"], "must be above 0 and below 1"),
        (["--batch-size", "1"], "must be 2 or more"),
        (["--json", "nowhere/check.json"], "nowhere: no such folder"),
        (["--html", "nowhere/check.html"], "nowhere: no such folder"),
        (["--semantics"], "unrecognized arguments"),
        (["--margin", "nan"], "--margin nan: must be a number"),
    ],
)
def test_a_flag_that_cannot_be_is_one_line(flags: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_arguments(flags)


@pytest.mark.parametrize("flag", ["--json", "--html", "--write-clean"])
def test_no_flag_writes_over_the_file_to_check(
    flag: str, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (str(two_domains), os.path.join("..", tmp_path.name, two_domains.name)):
        with pytest.raises(UserError, match=f"ever changed in place; give another name.*{flag}"):
            parse_arguments(["--data-file", str(two_domains), flag, name])


@pytest.mark.parametrize("other", ["--html", "--write-clean"])
def test_two_flags_cannot_name_one_file(other: str, two_domains: Path, tmp_path: Path) -> None:
    name = str(tmp_path / "check.out")
    flags = ["--data-file", str(two_domains), "--json", name, other, name]
    with pytest.raises(UserError, match=f"is what --json writes; give another name with {other}"):
        parse_arguments(flags)


def test_an_output_that_is_no_file_is_refused_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file that can be replaced"):
        parse_arguments(["--data-file", "unread.jsonl", "--html", str(tmp_path)])
