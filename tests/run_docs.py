"""Runs the commands of README and docs that are marked with `<!-- run -->`, after a training.

    python tests/run_docs.py

They run in a temporary folder that links to the project's files, so that the project stays clean.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pages import PAGES, PROJECT, Block, blocks


def main() -> None:
    """Runs every marked block; ends with the first that fails."""
    marked = [(page, block) for page in PAGES for block in blocks(page, "bash") if block.run]
    with tempfile.TemporaryDirectory() as folder:
        for path in PROJECT.iterdir():
            if not path.name.startswith("."):
                (Path(folder) / path.name).symlink_to(path)
        for page, block in marked:
            sys.stdout.write(f"== {page.relative_to(PROJECT)}\n{block.text}")
            sys.stdout.flush()
            run(block, folder)


def run(block: Block, folder: str) -> None:
    """Runs a block with the programs of this environment."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "HF_HUB_OFFLINE": "1"}
    command = ["bash", "-euo", "pipefail", "-c", block.text]
    subprocess.run(command, cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    main()
