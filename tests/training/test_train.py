"""The command: its exit codes, its one-line errors and its help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nic import __version__
from training import train as command

PROJECT = Path(__file__).resolve().parents[2]


def test_a_failed_gate_ends_the_command_with_three_and_keeps_the_model(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--base-model", str(tiny_model_folder), "--data-file", str(two_domains)]
    given += ["--output-dir", str(tmp_path / "out"), "--epochs", "1", "--batch-size", "8"]
    given += ["--val-ratio", "0.2", "--device", "cpu", "--probe", "none", "--no-speed", "--gate"]
    monkeypatch.setattr(sys, "argv", ["nic-train", *given])
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 3
    assert (tmp_path / "out" / "metadata.json").is_file()


def test_the_command_ends_with_one_line_and_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "training.train", "--data-file", str(tmp_path / "none.jsonl")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert "none.jsonl: no such file" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def started(*command: str) -> subprocess.CompletedProcess[str]:
    """Run Python from outside the repository, which is on the import path."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=PROJECT.parent,
        env=environment,
    )


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_the_script_answers_help_and_version_before_it_imports_pytorch(flag: str) -> None:
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['training/train.py', {flag!r}]\n"
        "try:\n"
        f"    runpy.run_path({str(PROJECT / 'training' / 'train.py')!r}, run_name='__main__')\n"
        "finally:\n"
        "    heavy = {'torch', 'transformers', 'sentence_transformers', 'datasets', 'numpy'}\n"
        "    assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    result = started("-c", code)
    assert result.returncode == 0, result.stderr
    first_line = f"nic-train {__version__}" if flag == "--version" else "usage: nic-train"
    assert result.stdout.startswith(first_line)
    assert result.stderr == ""


def test_the_script_and_the_module_answer_by_their_paths() -> None:
    by_path = started(str(PROJECT / "training" / "train.py"), "--help")
    as_module = started("-m", "training.train", "--help")
    assert by_path.stdout == as_module.stdout != ""
