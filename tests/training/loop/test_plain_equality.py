"""The fast path trains what the plain trainer of the library trains, loss by loss.

In fp32 the two differ by rounding alone. The bounds are for AdamW, whose first steps are as long
for a small gradient as for a large one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from base_families import build_family
from conftest import WORDS
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.training_args import (
    SentenceTransformerTrainingArguments,
)

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import RetrievalTask
from nic import chunked_model
from nic.chunked_model import ChunkedSentenceTransformer
from nic.models import MINILM, find_model
from training.command.arguments import TrainingArguments
from training.frozen.freezing import FreezeLayersCallback, freeze
from training.frozen.frozen_states import keep_frozen_states
from training.frozen.own_texts import PromptedTexts
from training.loop.losses import build_loss
from training.loop.trainer import build_trainer, set_dropout

Load = Callable[[type[SentenceTransformer]], Any]
LOSS_BOUND, WEIGHT_BOUND = 1e-5, 2e-5
RATE, STEPS = 1e-4, 4
# One direction: a weight whose gradient is nearly 0 may step either way, and the more terms the
# loss has, the more such weights there are.
OPTIONS = {"mini_batch_size": 4, "directions": "query_to_doc"}
# The softmax takes no notice of the bias of the keys: its gradient is rounding, its steps are not.
KEY_BIAS = re.compile(r"\.(?:k|key|key_proj|k_lin)\.bias$")
LARGEST_STEP = 2 * RATE * STEPS
ONE_QUERY = RetrievalTask(
    queries=["pump"],
    query_ids=["q1"],
    domains=["hvac"],
    clusters=np.array([0]),
    corpus=["belt"],
    passage_ids=["p1"],
    passage_domains=[frozenset({"hvac"})],
    relevant=[[0]],
)


def rows_of(count: int) -> Dataset:
    """Rows without a text in common, of very different lengths."""

    def text(kind: int, number: int) -> str:
        long = 2 + (number * 7 + kind * 3) % 19
        words = [WORDS[(number + kind * 11 + n * (kind + 2)) % len(WORDS)] for n in range(long)]
        return " ".join([*words, *f"{kind}{number}"])

    columns = ("query", "positive", "negative")
    return Dataset.from_dict(
        {name: [text(kind, n) for n in range(count)] for kind, name in enumerate(columns)}
    )


class PlainTrainer(SentenceTransformerTrainer):
    """The library's trainer; the rate is constant, as in the other one."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Adds none: it asks for widget examples."""


def common(folder: Path, batch: int, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "output_dir": str(folder),
        "per_device_train_batch_size": batch,
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "max_steps": STEPS,
        "logging_steps": 1,
        "eval_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "weight_decay": 0.01,
        "seed": 42,
        "batch_sampler": "no_duplicates",
        "dataloader_drop_last": True,
        **more,
    }


def losses(trainer: Any) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def train_plain(
    load: Load, rows: Dataset, frozen: int, loss: str, arguments: dict[str, Any]
) -> tuple[list[float], dict[str, torch.Tensor]]:
    model = load(SentenceTransformer)
    set_dropout(model, 0.0)
    freeze(model, frozen)
    trainer = PlainTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(**arguments),
        train_dataset=rows,
        loss=build_loss(model, loss, OPTIONS),
    )
    trainer.train()
    return losses(trainer), model.state_dict()


def train_fast(
    load: Load,
    rows: Dataset,
    frozen: int,
    loss: str,
    arguments: dict[str, Any],
    precision: Literal["fp32", "bf16"] = "fp32",
) -> tuple[list[float], dict[str, torch.Tensor]]:
    model: ChunkedSentenceTransformer = load(ChunkedSentenceTransformer)
    set_dropout(model, 0.0)
    evaluator = DomainRetrievalEvaluator(ONE_QUERY)
    freezing = FreezeLayersCallback(frozen)
    trainer = build_trainer(
        model,
        TrainingArguments(**arguments, precision=precision),
        rows,
        build_loss(model, loss, OPTIONS),
        evaluator,
        [freezing],
    )
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    texts: PromptedTexts = {None: [text for name in rows.column_names for text in rows[name]]}
    with model.remembering_tokens():
        states = keep_frozen_states(
            model,
            freezing.result.frozen_layers,
            {dtype: texts},
            1.0,
            Path(arguments["output_dir"]),
        )
        assert states or not frozen or "T5" in str(type(model[0].auto_model))
        model.run_in(torch.bfloat16 if precision == "bf16" else None)
        trainer.train()
    return losses(trainer), model.state_dict()


def assert_the_same(
    load: Load, folder: Path, rows: Dataset, frozen: int, loss: str, batch: int, **more: Any
) -> None:
    arguments = common(folder, batch, more)
    plain, plain_weights = train_plain(load, rows, frozen, loss, arguments)
    fast, weights = train_fast(load, rows, frozen, loss, arguments)
    assert len(plain) == STEPS
    assert fast == pytest.approx(plain, rel=LOSS_BOUND, abs=LOSS_BOUND)
    before = load(SentenceTransformer).state_dict()
    moved = [name for name, value in weights.items() if not torch.equal(value, before[name])]
    assert moved
    for name, value in weights.items():
        bound = LARGEST_STEP if KEY_BIAS.search(name) else WEIGHT_BOUND
        torch.testing.assert_close(value, plain_weights[name], rtol=0, atol=bound)


@pytest.mark.parametrize("frozen", [2, 0])
@pytest.mark.parametrize(
    ("loss", "more"),
    [
        ("mnrl", {}),
        ("cached_mnrl", {}),
        ("mnrl", {"gradient_accumulation_steps": 2}),
        ("mnrl", {"gradient_checkpointing": True}),
    ],
    ids=["mnrl", "cached mnrl", "accumulation", "gradient checkpointing"],
)
def test_the_fast_path_trains_what_the_plain_trainer_trains(
    tiny_model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    loss: str,
    more: dict[str, Any],
    frozen: int,
) -> None:
    monkeypatch.setattr(chunked_model, "CPU_TOKENS", 64)

    def load(kind: type[SentenceTransformer]) -> SentenceTransformer:
        return kind(str(tiny_model_folder), device="cpu")

    assert_the_same(load, tmp_path, rows_of(40), frozen, loss, 8, **more)


@pytest.mark.parametrize(
    "family",
    ["MPNet", "RoBERTa", "XLM-R", "DistilBERT", "ModernBERT", "DeBERTa-v2, v3", "T5 encoder"],
)
def test_each_family_trains_on_the_fast_path_as_on_the_plain_one_and_in_bf16_nearly(
    family: str, tmp_path: Path
) -> None:
    folder = build_family(family, tmp_path / "base")

    def load(kind: type[SentenceTransformer]) -> SentenceTransformer:
        return kind(str(folder), device="cpu")

    arguments = common(tmp_path, 8, {})
    assert_the_same(load, tmp_path, rows_of(40), 1, "mnrl", 8)
    exact, _ = train_fast(load, rows_of(40), 1, "mnrl", arguments)
    half, weights = train_fast(load, rows_of(40), 1, "mnrl", arguments, "bf16")
    assert half == pytest.approx(exact, rel=0.05)
    assert {value.dtype for value in weights.values() if value.is_floating_point()} == {
        torch.float32
    }


@pytest.mark.minilm
def test_the_fast_path_trains_minilm_as_the_plain_trainer_does(tmp_path: Path) -> None:
    def load(kind: type[SentenceTransformer]) -> SentenceTransformer:
        return kind(find_model(MINILM).location, device="cpu")

    assert_the_same(load, tmp_path, rows_of(40), 4, "mnrl", 8)
