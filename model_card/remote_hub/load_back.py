"""Two model folders, loaded in a fresh process and compared by what they make of some sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from model_card.hubs import IntegrityError

# A word, a question, signs beyond ASCII, and more text than the model reads.
SENTENCES = (
    "pump",
    "Why does the hydraulic pump leak when it is cold?",
    "Öl bis 5 µm filtern – bei 20 °C",
    "Loosen the belt, replace the worn part and tighten it again. " * 60,
)
SECRETS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def largest_difference(first: Path, second: Path) -> float:
    """The largest difference between two models' embeddings of a few sentences.

    Both are loaded on the CPU, offline, in a process that has nothing of this one in memory.

    Raises:
        IntegrityError: One of them does not load.
    """
    command = [sys.executable, "-m", "model_card.remote_hub.load_back", str(first), str(second)]
    result = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, encoding="utf-8"
    )
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise IntegrityError(f"{second}: does not load in a fresh process ({reason})")
    return float(json.loads(result.stdout.splitlines()[-1]))


def _environment() -> dict[str, str]:
    """This process's environment and import path, offline and without the token."""
    kept = {name: value for name, value in os.environ.items() if name not in SECRETS}
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**kept, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "HF_HUB_OFFLINE": "1"}


def main() -> None:
    """Write the largest difference to standard output as JSON: the process that is started."""
    first, second = (_encode(folder) for folder in sys.argv[1:])
    same_shape = first.shape == second.shape
    largest = float(abs(first - second).max()) if same_shape else float("inf")
    sys.stdout.write(json.dumps(largest) + "\n")


def _encode(folder: str) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(folder, device="cpu").encode(list(SENTENCES))


if __name__ == "__main__":
    main()
