"""Two processes that gather train as one process on both their batches."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from two_processes import run_in_two

from nic.errors import UserError
from training.command.parser import parse_arguments
from training.loop.losses import build_loss
from training.loop.trainer import check_gathering

PROJECT = Path(__file__).resolve().parents[3]
# Trains one step on a half of the rows in each process; writes loss and a gradient.
SCRIPT = """
import json
import os
import sys
from pathlib import Path

import torch
from datasets import Dataset

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from nic.chunked_model import ChunkedSentenceTransformer
from training.loop.guide import learn_guide
from training.loop.losses import build_loss
from training.loop.trainer import build_trainer, set_dropout
from training.command.parser import parse_arguments

model_folder, output, *words = sys.argv[1:]
run, arguments = parse_arguments(
    ["--output-dir", output, "--device", "cpu", "--batch-size", "4", "--max_steps", "1",
     "--gather-across-devices", "--ddp_backend", "gloo", "--eval_strategy", "no",
     "--save_strategy", "no", "--precision", "fp32", *words]
)
model = ChunkedSentenceTransformer(model_folder, device="cpu")
set_dropout(model, 0.0)
rows = {name: [f"{name} {n}" for n in range(8)] for name in ("query", "positive", "negative")}
loss = build_loss(model, run.loss, vars(run))
evaluator = DomainRetrievalEvaluator.__new__(DomainRetrievalEvaluator)
data = Dataset.from_dict(rows)
trainer = build_trainer(model, arguments, data, loss, evaluator, [])
learn_guide(loss, model, data)
seen = {}
step = trainer.training_step

def spy(wrapped, inputs, *given):
    ids = inputs["query_input_ids"]
    seen["rows"] = model.tokenizer.batch_decode(ids, skip_special_tokens=True)
    seen["loss"] = step(wrapped, inputs, *given)
    weight = model[0].auto_model.encoder.layer[3].output.dense.weight
    seen["gradient"] = weight.grad.flatten()[:50].tolist()
    return seen["loss"]

trainer.training_step = spy
trainer.train()
seen["loss"] = seen["loss"].item()
file = Path(output, f"process-{os.environ['RANK']}.json")
file.write_text(json.dumps(seen), encoding="utf-8")
torch.distributed.barrier()
torch.distributed.destroy_process_group()
# The threads of gloo may outlive the group, and end the interpreter by an abort.
os._exit(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="PyTorch has no libuv on Windows to launch by")
@pytest.mark.parametrize("key", ["mnrl", "cached_guided"])
def test_two_processes_that_gather_compute_the_loss_and_gradient_of_one_with_all_rows(
    tiny_model: SentenceTransformer, tiny_model_folder: Path, tmp_path: Path, key: str
) -> None:
    words = ("--loss", key, *(["--guide-margin=-1"] if key == "cached_guided" else []))
    found = run_in_two(SCRIPT, tmp_path, tiny_model_folder, tmp_path, *words)
    numbers = ["".join(row.split()[1:]) for process in found for row in process["rows"]]
    assert sorted(numbers) == [str(n) for n in range(8)]
    columns = [
        tiny_model.preprocess([f"{name} {n}" for n in numbers])
        for name in ("query", "positive", "negative")
    ]
    tiny_model.eval()
    loss = build_loss(tiny_model, "mnrl", {})
    expected = loss(columns, torch.tensor([]))
    expected.backward()
    assert (found[0]["loss"] + found[1]["loss"]) / 2 == pytest.approx(expected.item(), abs=1e-4)
    weight: Any = tiny_model[0].auto_model.encoder.layer[3].output.dense.weight
    wanted = weight.grad.flatten()[:50]
    for process in found:
        torch.testing.assert_close(torch.tensor(process["gradient"]), wanted, rtol=1e-3, atol=1e-5)


def test_batches_of_several_sizes_cannot_be_gathered(caplog: pytest.LogCaptureFixture) -> None:
    given = ["--gather-across-devices", "--device", "cpu"]
    with caplog.at_level(logging.WARNING):
        check_gathering(parse_arguments(given)[1])
    assert "--gather-across-devices: one process has nothing to gather" in caplog.text
    with pytest.raises(UserError, match="--gather-across-devices: needs batches of one size; lea"):
        check_gathering(parse_arguments([*given, "--no-dataloader-drop-last"])[1])
