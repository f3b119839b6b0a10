"""The real commands in processes of their own, with the real all-MiniLM-L6-v2."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakePairs, make_row
from sentence_transformers import SentenceTransformer

from nic.devices import available_cores

PROJECT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.minilm


def environment() -> dict[str, str]:
    return {**os.environ, "HF_HUB_OFFLINE": "1"}


def run(*command: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    """Run a command and give what it printed; fails with its output if it fails."""
    result = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment()
    )
    assert result.returncode == 0, result.stderr
    return result


def launch(script: str, *more: str) -> subprocess.CompletedProcess[str]:
    config = str(PROJECT / "accelerate_config.yaml")
    command = ["-m", "accelerate.commands.launch", "--quiet", "--config_file", config]
    return run(*command, str(PROJECT / script), *more)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a MiniLM fine-tuned on forty triplets, with the data beside it."""
    folder = tmp_path_factory.mktemp("real")
    rows = [make_row(n, ("radar", "hvac")[n % 2]) for n in range(40)]
    data = folder / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    given = ["--data-file", str(data), "--output-dir", str(folder / "model"), "--epochs", "2"]
    result = launch("training/train.py", *given, "--batch-size", "8", "--val-ratio", "0.2")
    (folder / "console.txt").write_text(result.stderr, encoding="utf-8")
    return folder


def test_the_command_trains_the_real_model_and_says_so(trained: Path) -> None:
    console = (trained / "console.txt").read_text(encoding="utf-8")
    log = (trained / "model" / "training.log").read_text(encoding="utf-8")
    for line in (
        "Froze bottom 4/6 transformer layers",
        "Trainable params: 3,548,928 / 22,713,216",
        "Base model sentence-transformers/all-MiniLM-L6-v2 from ",
        "Train/Val split: 32/8 (20.0% val)",
    ):
        assert line in console
        assert line in log
    assert re.search(r"^overall +\d", console.replace("[INFO] ", ""), re.MULTILINE)


def test_every_checkpoint_loads_and_encodes_unit_vectors(trained: Path) -> None:
    folders = sorted((trained / "model").glob("checkpoint-*"))
    names = ["checkpoint-best", "checkpoint-epoch-1", "checkpoint-epoch-2"]
    assert [folder.name for folder in folders] == names
    for folder in [*folders, trained / "model"]:
        embedding = SentenceTransformer(str(folder), device="cpu").encode("How do I reset it?")
        assert embedding.shape == (384,)
        assert float(np.linalg.norm(embedding)) == pytest.approx(1.0, abs=1e-5)


def test_an_evaluation_only_rerun_gives_the_figures_of_the_metadata_exactly(
    trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "results"
    given = ["--model", str(trained / "model"), "--data-file", str(trained / "pairs.jsonl")]
    launch("evaluation/run.py", *given, "--no-speed", "--output-dir", str(output))
    content = json.loads((output / "results.json").read_text(encoding="utf-8"))
    metadata = json.loads((trained / "model" / "metadata.json").read_text(encoding="utf-8"))
    metrics = metadata["metrics"]
    for name, key in (("model", "tuned"), ("all-MiniLM-L6-v2", "base")):
        expected = {**metrics[key], "corpus_size": metrics["corpus_size"]}
        assert content["models"][name] == expected
    for key in ("comparison", "probe"):
        assert content[key] == metadata["evaluation"][key]


def test_the_report_tells_forgetting_speed_and_gates(trained: Path) -> None:
    console = (trained / "console.txt").read_text(encoding="utf-8")
    assert "Forgetting probe: 609 queries of general.jsonl" in console
    assert re.search(r"One query at a time \(200 runs in turns\)", console)
    assert re.search(r"Gates: \d of 7 passed", console)
    assert "PASS  SentenceTransformer() must load the folder and encode" in console


def test_a_launched_process_uses_every_core(trained: Path) -> None:
    metadata = json.loads((trained / "model" / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["environment"]["torch_threads"] == available_cores()


def test_no_stock_card_and_no_training_text_stand_in_the_folder(trained: Path) -> None:
    assert [p.parent.name for p in trained.rglob("README.md")] == ["model"]
    card = (trained / "model" / "README.md").read_text(encoding="utf-8")
    assert "of unit" not in card
    metadata = (trained / "model" / "metadata.json").read_text(encoding="utf-8")
    log = (trained / "model" / "training.log").read_text(encoding="utf-8")
    assert "of unit" not in metadata + log


def test_the_benchmark_prints_the_ratio_of_a_training_step_last(trained: Path) -> None:
    given = ["--data-file", str(trained / "pairs.jsonl"), "--steps", "1", "--turns", "1"]
    given += ["--freeze", "4", "--batch", "8"]
    lines = run("benchmarks/training_speed.py", *given).stdout.splitlines()
    assert any(line.startswith("nic-train, fp32 ") for line in lines)
    assert re.fullmatch(r"ratio \d+\.\d \(\d+\.\d-\d+\.\d\)", lines[-1])


def start(data: Path, output: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "training/train.py", "--config", "training/recipes/cpu.yaml"]
    command += ["--data-file", str(data), "--epochs", "50"]
    command += ["--output-dir", str(output), "--batch-size", "8", "--logging_steps", "1"]
    command += ["--val-ratio", "0.2"]
    return subprocess.Popen(
        command, cwd=PROJECT, env=environment(), stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_process_says_how_to_go_on_and_exits_with_the_signals_code(
    write_pairs: MakePairs, tmp_path: Path, number: Any
) -> None:
    # Many steps: after a stop at the end of an epoch its checkpoint has the name of the epoch.
    data = write_pairs([make_row(n, ("radar", "hvac")[n % 2]) for n in range(800)])
    output = tmp_path / "model"
    process = start(data, output)
    deadline = time.monotonic() + 120
    log = output / "training.log"
    while time.monotonic() < deadline:
        if log.exists() and "Batch 1, Loss" in log.read_text(encoding="utf-8"):
            break
        time.sleep(0.1)
    process.send_signal(number)
    _, console = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert "go on with the same command and --resume" in console.splitlines()[-1]
    assert "Traceback" not in console
    assert len(list(output.glob("checkpoint-[0-9]*"))) == 1
