"""Several processes train as one process does with the same batch, by every loss."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from counted_training import train
from two_processes import run_in_two

from training.loop.loss_options import DIRECTIONS

# Flags by case: every loss of the table, and what each of them compares.
CASES = {
    "mnrl": "--loss mnrl",
    "directions": f"--directions {','.join(DIRECTIONS)} --hardness all_negatives",
    "matryoshka": "--matryoshka 16,8",
    "accumulated": "--gradient_accumulation_steps 2",
    "incomplete": "--batch_sampler batch_sampler --no-dataloader-drop-last",
    "cached_mnrl": "--loss cached_mnrl --mini-batch-size 3 --matryoshka 16",
    "guided": "--loss guided --guide-margin 0 --directions query_to_doc,query_to_query,doc_to_doc",
    "cached_guided": "--loss cached_guided --mini-batch-size 3",
}
# Optimizer steps where they are not three.
STEPS = {"accumulated": 2, "incomplete": 4}
# Trains by each of the cases; each process writes what it found.
SCRIPT = """
import json
import os
import sys
from pathlib import Path

import torch
from counted_training import train

model_folder, output, cases = sys.argv[1:]
content = {
    name: train(model_folder, output, *words.split()) for name, words in json.loads(cases).items()
}
file = Path(output, f"process-{os.environ['RANK']}.json")
file.write_text(json.dumps(content), encoding="utf-8")
torch.distributed.barrier()
torch.distributed.destroy_process_group()
# The threads of gloo may outlive the group, and end the interpreter by an abort.
os._exit(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="PyTorch has no libuv on Windows to launch by")
def test_two_processes_train_by_every_loss_as_one_process_does_with_the_same_batch(
    tiny_model_folder: Path, tmp_path: Path
) -> None:
    both = run_in_two(SCRIPT, tmp_path, tiny_model_folder, tmp_path, json.dumps(CASES))
    for name, words in CASES.items():
        expected = train(tiny_model_folder, tmp_path, *words.split())
        shares = [process[name].pop("embedded") for process in both]
        # A process without a share of a small batch embeds one of its texts all the same.
        assert expected["embedded"] <= sum(shares) <= 1.05 * expected["embedded"]
        assert max(shares) < 0.7 * expected["embedded"]
        for found in (process[name] for process in both):
            assert found["steps"] == expected["steps"] == STEPS.get(name, 3)
            for what in ("losses", "gradients", "weights"):
                numbers = torch.tensor(found[what]), torch.tensor(expected[what])
                torch.testing.assert_close(*numbers, rtol=1e-5, atol=5e-5, msg=f"{name}: {what}")
