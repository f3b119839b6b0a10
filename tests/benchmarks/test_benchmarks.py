"""Every benchmark and example imports: none names a module that was moved or renamed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "examples")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_script_of_the_folder_imports(folder: str) -> None:
    names = sorted(path.stem for path in (PROJECT / folder).glob("*.py"))
    assert names
    path = [str(PROJECT / folder), str(PROJECT), str(PROJECT / "encoder")]
    code = (
        f"import importlib, sys\nsys.path[:0] = {path!r}\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
