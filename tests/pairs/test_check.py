"""`nic-check`: one command, its exit codes, its files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from conftest import MakePairs, make_row

from nic.errors import UserError
from pairs import check

PAIRS = Path(__file__).resolve().parents[2] / "data" / "finetuning" / "training_pairs.jsonl"


def run(monkeypatch: pytest.MonkeyPatch, *flags: object) -> int:
    monkeypatch.setattr(sys, "argv", ["nic-check", *map(str, flags)])
    return check.main()


@pytest.fixture
def warned(two_domains: Path, write_pairs: MakePairs) -> Path:
    rows = [json.loads(line) for line in two_domains.read_text(encoding="utf-8").splitlines()]
    return write_pairs([*rows, rows[0]], "warned.jsonl")


def test_a_fine_file_is_0_and_nothing_is_written(
    two_domains: Path,
    tiny_model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ("--data-file", two_domains, "--base-model", tiny_model_folder, "--strict")
    assert run(monkeypatch, *flags) == 0
    assert capsys.readouterr().out.endswith("Training would run; nothing to mend was found\n")
    assert [path.name for path in two_domains.parent.iterdir()] == ["pairs.jsonl"]


def test_warnings_are_0_and_with_strict_1(
    warned: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--data-file", warned, "--base-model", tiny_model_folder)
    assert run(monkeypatch, *flags) == 0
    assert run(monkeypatch, *flags, "--strict") == 1


def test_what_training_would_refuse_is_2(
    two_domains: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--data-file", two_domains, "--base-model", tiny_model_folder]
    assert run(monkeypatch, *flags, "--batch-size", 64) == 2
    two_domains.write_bytes(two_domains.read_bytes() + b"nonsense\n")
    assert run(monkeypatch, *flags) == 2


def test_every_file_that_is_asked_for_is_written(
    warned: Path, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"--json": "check.json", "--html": "check.html", "--write-clean": "clean.jsonl"}
    flags = [part for flag, name in names.items() for part in (flag, tmp_path / name)]
    run(monkeypatch, "--data-file", warned, "--base-model", tiny_model_folder, *flags, "--semantic")
    assert all((tmp_path / name).stat().st_size for name in names.values())
    report = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert report["suspects"]["model"] == tiny_model_folder.name
    clean = ("--data-file", tmp_path / "clean.jsonl", "--base-model", tiny_model_folder)
    assert run(monkeypatch, *clean, "--strict") == 0


def test_a_missing_file_is_one_line_and_2(
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as exit_:
        run(monkeypatch, "--data-file", tmp_path / "no.jsonl", "--base-model", tiny_model_folder)
    assert exit_.value.code == 2
    printed = capsys.readouterr().err
    assert printed == (
        f"error: {tmp_path / 'no.jsonl'}: no such file; give a JSONL file with --data-file\n"
    )


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
        check.parse_arguments(flags)


def test_a_clean_copy_is_never_written_over_the_file(
    two_domains: Path, tiny_model_folder: Path
) -> None:
    flags = ["--data-file", str(two_domains), "--base-model", str(tiny_model_folder)]
    before = two_domains.read_bytes()
    with pytest.raises(UserError, match="nothing is ever changed in place"):
        check.check(check.parse_arguments([*flags, "--write-clean", str(two_domains)]))
    assert two_domains.read_bytes() == before


def test_a_model_without_a_tokenizer_is_one_line(two_domains: Path, tiny_copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tiny_copy / name).unlink()
    flags = ["--data-file", str(two_domains), "--base-model", str(tiny_copy)]
    with pytest.raises(UserError, match="tiny: its tokenizer has no vocabulary"):
        check.check(check.parse_arguments(flags))


@pytest.mark.parametrize("flag", ["--json", "--html", "--write-clean"])
def test_no_flag_writes_over_the_file_to_check(
    flag: str, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (str(two_domains), os.path.join("..", tmp_path.name, two_domains.name)):
        with pytest.raises(UserError, match=f"ever changed in place; give another name.*{flag}"):
            check.parse_arguments(["--data-file", str(two_domains), flag, name])


@pytest.mark.parametrize("other", ["--html", "--write-clean"])
def test_two_flags_cannot_name_one_file(other: str, two_domains: Path, tmp_path: Path) -> None:
    name = str(tmp_path / "check.out")
    flags = ["--data-file", str(two_domains), "--json", name, other, name]
    with pytest.raises(UserError, match=f"is what --json writes; give another name with {other}"):
        check.parse_arguments(flags)


def test_an_output_that_is_no_file_is_refused_before_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a file that can be replaced"):
        check.parse_arguments(["--data-file", "unread.jsonl", "--html", str(tmp_path)])


def test_ctrl_c_is_one_line_and_130_and_nothing_is_left(
    two_domains: Path,
    tiny_model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pairs.checks.clean.atomic_write_text", interrupted)
    rows = two_domains.read_bytes().splitlines(keepends=True)
    two_domains.write_bytes(b"".join([*rows, rows[0]]))
    clean = two_domains.with_name("clean.jsonl")
    flags = ("--data-file", two_domains, "--base-model", tiny_model_folder)
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, *flags, "--write-clean", clean)
    assert end.value.code == 130
    assert capsys.readouterr().err == "interrupted: nothing half-written is left\n"
    assert [path.name for path in two_domains.parent.iterdir()] == ["pairs.jsonl"]


@pytest.mark.minilm
def test_nothing_is_to_be_mended_in_the_default_data(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--data-file", PAIRS, "--strict") == 0


def test_lines_are_those_of_a_row_wherever_blank_lines_stand(
    write_pairs: MakePairs, tiny_model_folder: Path
) -> None:
    path = write_pairs([make_row(n, "hvac") for n in range(40)])
    first = path.read_bytes().split(b"\n")[0]
    path.write_bytes(b"\n\n" + path.read_bytes() + b"\n" + first)
    flags = ["--data-file", str(path), "--base-model", str(tiny_model_folder)]
    report = check.check(check.parse_arguments(flags))
    assert report.found("warning")[0].lines == [44]
