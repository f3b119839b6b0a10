"""Loads two model folders in a fresh process and compares their embeddings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from model_card.hubs import IntegrityError

# Started by its path: with -m, a folder of the same name in the working directory would win.
SCRIPT = Path(__file__).with_name("encode_folders.py")
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def largest_difference(first: Path, second: Path) -> float:
    """Returns the largest difference between two models' embeddings of a few sentences.

    Both are loaded on the CPU, offline, in a process that shares no memory with this one.

    Raises:
        IntegrityError: One of them does not load.
    """
    command = [sys.executable, str(SCRIPT), str(first), str(second)]
    result = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, encoding="utf-8"
    )
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise IntegrityError(f"{second}: does not load in a fresh process ({reason})")
    return float(json.loads(result.stdout.splitlines()[-1]))


def _environment() -> dict[str, str]:
    """Returns this process's environment and import path, offline and without the token."""
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    # An empty entry is the working directory, which may hold folders of any name.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "HF_HUB_OFFLINE": "1"}
