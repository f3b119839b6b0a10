"""`nic-check`: one command, its exit codes, its files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import MakePairs

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
        f"error: {tmp_path / 'no.jsonl'}: no such file; give a data file with --data-file\n"
    )


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
    assert capsys.readouterr().err == "stopped by SIGINT: nothing half-written is left\n"
    assert [path.name for path in two_domains.parent.iterdir()] == ["pairs.jsonl"]


@pytest.mark.minilm
def test_nothing_is_to_be_mended_in_the_default_data(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--data-file", PAIRS, "--strict") == 0


@pytest.mark.parametrize("flag", ["--help", "--version", "--nope"])
def test_flags_are_read_before_the_heavy_libraries_are_imported(flag: str) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['nic-check', {flag!r}]\n"
        "from pairs.check import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as stopped:\n"
        "    loaded = {'torch', 'transformers', 'datasets', 'scipy', 'numpy'} & set(sys.modules)\n"
        "    print('exit code', stopped.code, 'loaded', sorted(loaded))\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    code_of_flag = 2 if flag == "--nope" else 0
    assert result.stdout.splitlines()[-1] == f"exit code {code_of_flag} loaded []"


def test_help_says_what_the_exit_codes_mean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "1 warnings, with --strict" in text
    assert "2 training would refuse the file" in text
