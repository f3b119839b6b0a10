"""Every process of a search draws the same trials; the first one alone writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tiny_runs import FLAGS, named
from two_processes import run_in_two

SCRIPT = """
import json
import os
import sys
from pathlib import Path

import torch

from evaluation.serialization import to_json
from training import pipeline
from training.command.parser import parse_search
from training.loop import trainer

output, *words = sys.argv[1:]
content = {"saved": []}
search, record = pipeline.search_settings, trainer.record

def spy(*given):
    found = search(*given)
    content.update(to_json(found))
    raise SystemExit

def spy_on_record(folder, names):
    content["saved"] += names
    record(folder, names)

pipeline.search_settings, trainer.record = spy, spy_on_record
try:
    pipeline.fine_tune(*parse_search(words))
except SystemExit:
    file = Path(output, f"process-{os.environ['RANK']}.json")
    file.write_text(json.dumps(content), encoding="utf-8")
torch.distributed.barrier()
torch.distributed.destroy_process_group()
# The threads of gloo may outlive the group, and end the interpreter by an abort.
os._exit(0)
"""
SPACE = "learning_rate: {low: 1e-4, high: 1e-2, log: true}\nfreeze_layers: {low: 0, high: 3}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="PyTorch has no libuv on Windows to launch by")
def test_two_processes_draw_the_same_trials_and_the_first_alone_saves(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    space = tmp_path / "space.yaml"
    space.write_text(SPACE, encoding="utf-8")
    output = tmp_path / "model"
    words = [*named(tiny_model_folder, two_domains, output), *FLAGS, "--batch-size", "4"]
    words += ["--space", str(space), "--trials", "3", "--ddp_backend", "gloo"]
    first, second = run_in_two(SCRIPT, tmp_path, tmp_path, *words)
    assert first["saved"] and not second["saved"]
    lines = (output / "nic-trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == first["trials"]
    for found in (first, second):
        for trial in found["trials"]:
            assert trial.pop("seconds") >= 0
    assert len(first["trials"]) == 3
    assert first["trials"] == second["trials"]
    assert first["chosen"] == second["chosen"]
