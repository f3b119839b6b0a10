"""Runs a script in two processes of one machine, as a launcher does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]


def run_in_two(script: str, folder: Path, *words: object) -> list[dict[str, Any]]:
    """Returns what each process wrote to `process-RANK.json` in a folder.

    Args:
        script: The script's text.
        folder: A folder of the test.
        words: The script's arguments.
    """
    path = folder / "in_two.py"
    path.write_text(script, encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paths = os.pathsep.join(
        [str(PROJECT), str(PROJECT / "tests"), os.environ.get("PYTHONPATH", "")]
    )
    result = subprocess.run(
        [sys.executable, *launcher, str(path), *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    files = [folder / f"process-{rank}.json" for rank in (0, 1)]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]
