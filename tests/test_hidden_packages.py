"""A folder of the user's named like one of our packages hides nothing from the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import make_row

import nic_commands
from training.command.arguments import TrainingArguments

PROJECT = Path(__file__).resolve().parents[1]
SCRIPTS = {
    "train": "nic-train",
    "advise": "nic-advise",
    "tune": "nic-tune",
    "mine": "nic-mine",
    "check": "nic-check",
    "pairs": "nic-pairs",
    "evaluate": "nic-evaluate",
    "publish": "nic-publish",
}


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A working directory that holds a package of each of our names, and one namespace package."""
    for name in nic_commands.PACKAGES:
        (tmp_path / name).mkdir()
        text = f"raise SystemExit('the {name} of the user')\n"
        (tmp_path / name / "__init__.py").write_text(text, encoding="utf-8")
    (tmp_path / "training" / "__init__.py").unlink()
    return tmp_path


def run(folder: Path, path: list[str], *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder with an import path."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(path)}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=folder, env=environment
    )


def console_script(folder: Path, name: str) -> Path:
    """Write the script that an installation makes for a command."""
    script = folder / "bin" / SCRIPTS[name]
    script.parent.mkdir(exist_ok=True)
    code = f"import sys\nfrom nic_commands import {name}\nif __name__ == '__main__':\n"
    script.write_text(f"{code}    sys.exit({name}())\n", encoding="utf-8")
    return script


def test_the_commands_of_the_installation_are_the_functions_of_this_module() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    for function, command in SCRIPTS.items():
        assert f'{command} = "nic_commands:{function}"\n' in text
        assert callable(getattr(nic_commands, function))


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("first", [".", ""], ids=["dot", "empty entry"])
def test_each_command_answers_in_a_folder_with_packages_of_our_names(
    crowded: Path, name: str, first: str
) -> None:
    script = console_script(crowded, name)
    result = run(crowded, [first, str(PROJECT)], str(script), "--help")
    assert result.returncode == 0, result.stderr
    assert SCRIPTS[name] in result.stdout


@pytest.mark.parametrize(
    "script", ["training/train.py", "pairs/check.py", "evaluation/run.py", "model_card/publish.py"]
)
def test_each_script_answers_there_by_its_path(crowded: Path, script: str) -> None:
    result = run(crowded, [".", str(PROJECT)], str(PROJECT / script), "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: nic-")


@pytest.mark.skipif(
    not hasattr(TrainingArguments, "dataloader_multiprocessing_context"),
    reason="this release of transformers has no flag for how workers start",
)
def test_a_run_with_spawned_workers_trains_there(crowded: Path, tiny_model_folder: Path) -> None:
    rows = [make_row(n, ("radar", "hvac")[n % 2]) for n in range(40)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (crowded / "pairs.jsonl").write_text(text, encoding="utf-8")
    given = ["--data-file", "pairs.jsonl", "--base-model", str(tiny_model_folder)]
    given += ["--output-dir", "out", "--epochs", "1", "--batch-size", "8", "--val-ratio", "0.2"]
    given += ["--device", "cpu", "--freeze-layers", "2", "--probe", "none", "--no-speed"]
    given += ["--dataloader_num_workers", "1", "--dataloader_multiprocessing_context", "spawn"]
    script = console_script(crowded, "train")
    result = run(crowded, [".", str(PROJECT)], str(script), *given)
    assert result.returncode == 0, result.stderr
    assert "of the user" not in result.stdout + result.stderr
    assert (crowded / "out" / "metadata.json").is_file()


def test_a_launched_script_trains_there_with_the_folder_first_on_the_path(crowded: Path) -> None:
    launcher = ["-m", "accelerate.commands.launch", "--quiet", "--num_processes", "1", "--cpu"]
    config = str(PROJECT / "accelerate_config.yaml")
    script = str(PROJECT / "training" / "train.py")
    command = [*launcher, "--config_file", config, script, "--data-file", "none.jsonl"]
    result = run(crowded, [".", str(PROJECT)], *command)
    assert "error: none.jsonl: no such file" in result.stderr
    assert "of the user" not in result.stderr


def test_only_our_packages_are_found_in_the_folder_of_the_product(tmp_path: Path) -> None:
    for name in ("pairs", "json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    finder = nic_commands.ProductFinder(str(tmp_path))
    spec = finder.find_spec("pairs", None)
    assert spec is not None
    assert spec.origin == str(tmp_path / "pairs" / "__init__.py")
    assert finder.find_spec("json", None) is None
    assert finder.find_spec("pairs.check", [str(tmp_path / "pairs")]) is None
