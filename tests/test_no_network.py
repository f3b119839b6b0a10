"""With a local base, nothing asks a hub, and so nothing waits for one, with offline mode unset."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conftest import MakePairs, make_row

PROJECT = Path(__file__).resolve().parents[1]
# Trains, evaluates and packages in a process that fails on every connection and look-up.
SCRIPT = """
import socket
import sys

def refuse(*given, **named):
    print("REACHED", given, file=sys.stderr)
    raise OSError("no network")

plain = socket.socket.connect
def connect(self, address):
    return plain(self, address) if self.family == socket.AF_UNIX else refuse(address)

socket.socket.connect, socket.getaddrinfo = connect, refuse

from pathlib import Path

from evaluation.arguments import EvaluationArguments
from evaluation.pipeline import evaluate_models
from model_card.commands import Packaging
from model_card.push import package_model, verify_model
from tiny_runs import train_tiny

base, data, folder = map(Path, sys.argv[1:])
train_tiny(base, data, folder / "model", "--epochs", "1")
asked = EvaluationArguments(
    model=(folder / "model",), base=base, data_file=data, speed=False, device="cpu"
)
evaluate_models(asked)
package_model(folder / "model", folder / "packaged", Packaging(allow_failed_gates="a test"))
verify_model(folder / "packaged")
"""


def test_training_evaluating_and_packaging_make_no_connection_attempt(
    write_pairs: MakePairs, tiny_model_folder: Path, tmp_path: Path
) -> None:
    data = write_pairs([make_row(number, "hvac") for number in range(40)])
    env = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    env["PYTHONPATH"] = os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])
    command = [sys.executable, "-c", SCRIPT, str(tiny_model_folder), str(data), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, env=env)
    assert "REACHED" not in ended.stderr
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "packaged" / "metadata.json").is_file()
