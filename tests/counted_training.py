"""A training whose losses, gradients and weights are written down, in one process or several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import TrainerCallback

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from nic.chunked_model import ChunkedSentenceTransformer
from nic.sharing import Sharing
from training.command.parser import parse_arguments
from training.loop.guide import learn_guide
from training.loop.losses import build_loss
from training.loop.trainer import build_trainer, set_dropout

FLAGS = [
    *("--device", "cpu", "--precision", "fp32", "--batch-size", "8", "--epochs", "1"),
    *("--eval_strategy", "no", "--save_strategy", "no", "--logging_steps", "1"),
    *("--optim", "sgd", "--learning-rate", "1e-3", "--lr_scheduler_type", "constant"),
    *("--max_grad_norm", "0"),
]
ROWS = 27
# Every so many numbers are written down.
STRIDE = 97


class Gradients(TrainerCallback):
    """Writes down the gradient of each step."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model
        self.found: list[list[float]] = []

    def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Called before each step."""
        gradients = [p.grad.flatten() for p in self.model.parameters() if p.grad is not None]
        self.found.append(torch.cat(gradients)[::STRIDE].tolist())


def train(model_folder: Path, output: Path, *words: str) -> dict[str, Any]:
    """Trains on rows of several lengths, some of which share a negative; further flags win."""
    texts = [f"{number} " + "pump valve " * (number % 5) for number in range(ROWS)]
    data = Dataset.from_dict(
        {
            "query": [f"query {text}" for text in texts],
            "positive": [f"positive {text}" for text in texts],
            "negative": [f"negative {number // 3}" for number in range(ROWS)],
        }
    )
    run, arguments = parse_arguments(["--output-dir", str(output), *FLAGS, *words])
    model = ChunkedSentenceTransformer(str(model_folder), device="cpu")
    model.sharing = Sharing.of_run()
    set_dropout(model, 0.0)
    loss = build_loss(model, run.loss, vars(run))
    # It is not called.
    evaluator = DomainRetrievalEvaluator.__new__(DomainRetrievalEvaluator)
    gradients = Gradients(model)
    trainer = build_trainer(model, arguments, data, loss, evaluator, [gradients])
    learn_guide(loss, model, data)
    embedded: list[int] = []
    model[0].register_forward_pre_hook(lambda _, given: embedded.append(len(given[0]["input_ids"])))
    trainer.train()
    return {
        "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
        "gradients": gradients.found,
        "weights": torch.cat([p.detach().flatten() for p in model.parameters()])[::STRIDE].tolist(),
        "embedded": sum(embedded),
        "steps": trainer.state.global_step,
    }
