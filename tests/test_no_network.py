"""With a local base, nothing asks a hub, and so nothing waits for one, with offline mode unset."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from conftest import MakePairs, make_row

from nic.models import PACKAGE

PROJECT = Path(__file__).resolve().parents[1]
# A process that begins with this fails on every connection, datagram and look-up.
BLOCKED = """
import socket
import sys

def refuse(*given, **named):
    print("REACHED", given, file=sys.stderr)
    raise OSError("no network")

def local_only(name):
    plain = getattr(socket.socket, name)
    def call(self, *given):
        return plain(self, *given) if self.family == socket.AF_UNIX else refuse(*given)
    setattr(socket.socket, name, call)

for name in ("connect", "connect_ex", "sendto"):
    local_only(name)
socket.getaddrinfo = refuse
"""
# Trains, evaluates and packages.
SCRIPT = """
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
# Evaluates the packaged base model, which is asked for by its name on the Hub.
BY_NAME = """
from pathlib import Path

from evaluation.arguments import EvaluationArguments
from evaluation.pipeline import evaluate_models
from nic.models import MINILM, PACKAGE, find_model

assert PACKAGE in find_model(MINILM).location
asked = EvaluationArguments(
    model=(MINILM,), base=MINILM, data_file=Path(sys.argv[1]), all_queries=True, speed=False,
    probe="none", device="cpu",
)
evaluate_models(asked)
"""
REACHING = {
    "connect": "socket.socket().connect(('127.0.0.1', 9))",
    "connect_ex": "socket.socket().connect_ex(('127.0.0.1', 9))",
    "sendto": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))",
    "look-up": "socket.create_connection(('localhost', 9))",
}


def run_blocked(script: str, *given: Path, **more: str) -> CompletedProcess[str]:
    """Runs a script in a process without network, with offline mode unset."""
    env = {name: value for name, value in os.environ.items() if "OFFLINE" not in name} | more
    env["PYTHONPATH"] = os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])
    command = [sys.executable, "-c", BLOCKED + script, *map(str, given)]
    return subprocess.run(command, capture_output=True, text=True, env=env)


@pytest.mark.parametrize("name", REACHING)
def test_every_way_to_the_network_is_seen(name: str) -> None:
    ended = run_blocked(REACHING[name])
    assert "REACHED" in ended.stderr
    assert ended.returncode != 0


def test_training_evaluating_and_packaging_make_no_connection_attempt(
    write_pairs: MakePairs, tiny_model_folder: Path, tmp_path: Path
) -> None:
    data = write_pairs([make_row(number, "hvac") for number in range(40)])
    ended = run_blocked(SCRIPT, tiny_model_folder, data, tmp_path)
    assert "REACHED" not in ended.stderr
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "packaged" / "metadata.json").is_file()


def test_the_packaged_base_model_by_its_name_makes_no_connection_attempt(
    write_pairs: MakePairs, tmp_path: Path
) -> None:
    pytest.importorskip(PACKAGE)
    data = write_pairs([make_row(number, "hvac") for number in range(8)])
    # An empty cache: only the package has the model.
    ended = run_blocked(BY_NAME, data, HF_HUB_CACHE=str(tmp_path / "cache"))
    assert "REACHED" not in ended.stderr
    assert ended.returncode == 0, ended.stderr
