"""The top layer learns at the learning rate, each layer below at a share of the one above."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from base_families import build_family
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from training.command.parser import parse_arguments
from training.frozen.freezing import FreezeLayersCallback, freeze
from training.loop.layer_rates import layer_learning_rates
from training.loop.losses import build_loss
from training.loop.schedule import cosine_with_warm_restarts
from training.loop.trainer import PairsTrainer, build_trainer

RATE = 1e-3


def trainer_of(
    model: SentenceTransformer, folder: Path, frozen: int, decay: float, *words: str
) -> PairsTrainer:
    given = ["--output-dir", str(folder), "--device", "cpu", "--batch-size", "2"]
    run, arguments = parse_arguments([*given, "--learning-rate", str(RATE), *words])
    texts = {name: [f"{name} {n}" for n in range(8)] for name in ("query", "positive", "negative")}
    loss = build_loss(model, run.loss, vars(run))
    # It is not called: no test here evaluates.
    evaluator = DomainRetrievalEvaluator.__new__(DomainRetrievalEvaluator)
    callbacks: list[Any] = [FreezeLayersCallback(frozen)]
    trainer = build_trainer(model, arguments, Dataset.from_dict(texts), loss, evaluator, callbacks)
    trainer.layer_lr_decay = decay
    return trainer


def rates_and_decays(trainer: PairsTrainer) -> dict[str, tuple[float, float]]:
    """Learning rate and weight decay of each parameter in the optimizer."""
    names = {id(p): name for name, p in trainer.model.named_parameters()}
    groups = trainer.create_optimizer().param_groups
    listed = [(names[id(p)], (g["lr"], g["weight_decay"])) for g in groups for p in g["params"]]
    assert len(listed) == len(dict(listed))
    return dict(listed)


# Four layers: the depth below the top is 3, 2, 1, 0, that of the embeddings 4.
@pytest.mark.parametrize("frozen", [0, 2])
@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl"])
def test_each_trained_layer_has_its_share_and_keeps_its_weight_decay(
    tiny_model: SentenceTransformer, tmp_path: Path, frozen: int, loss: str
) -> None:
    plain = rates_and_decays(trainer_of(tiny_model, tmp_path, frozen, 1.0, "--loss", loss))
    assert {rate for rate, _ in plain.values()} == {RATE}
    found = rates_and_decays(trainer_of(tiny_model, tmp_path, frozen, 0.5, "--loss", loss))
    assert found.keys() == plain.keys()
    assert {weight for _, weight in found.values()} == {0.0, 0.01}
    for name, (rate, weight) in found.items():
        depth = 4
        if ".layer." in name:
            depth = 3 - int(name.split(".layer.")[1].split(".")[0])
        assert rate == pytest.approx(RATE * 0.5**depth), name
        assert weight == plain[name][1], name
    assert any("embeddings" in name for name in found) == (frozen == 0)


@pytest.mark.parametrize(
    "family",
    ["MPNet", "RoBERTa", "DistilBERT", "ModernBERT", "DeBERTa-v2, v3", "T5 encoder"],
)
def test_each_family_has_a_rate_for_each_part_that_is_trained(family: str, tmp_path: Path) -> None:
    folder = build_family(family, tmp_path / "base")
    model = ChunkedSentenceTransformer(str(folder), device="cpu")
    freeze(model, 0)
    rates = list(layer_learning_rates(model, RATE, 0.5).values())
    assert rates == sorted(rates)
    assert rates[-1] == RATE
    found = rates_and_decays(trainer_of(model, tmp_path, 0, 0.5))
    assert set(rates) == {rate for rate, _ in found.values()}


def test_a_mapping_of_the_users_own_wins(tiny_model: SentenceTransformer, tmp_path: Path) -> None:
    own = ("--learning_rate_mapping", r'{"layer\\.3\\.": 0.5}')
    trainer = trainer_of(tiny_model, tmp_path, 2, 0.5, *own)
    found = rates_and_decays(trainer)
    assert {rate for rate, _ in found.values()} == {0.5, RATE * 0.5}
    assert trainer.args.learning_rate_mapping == {r"layer\.3\.": 0.5}


def test_the_schedule_keeps_the_layers_in_proportion_and_raises_none() -> None:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (2e-5, 5e-7)]
    optimizer = torch.optim.AdamW(groups)
    schedule = cosine_with_warm_restarts(optimizer, 10)
    seen = []
    for _ in range(20):
        seen.append(schedule.get_last_lr())
        optimizer.step()
        schedule.step()
    assert all(low == pytest.approx(high / 40) for high, low in seen)
    assert max(low for _, low in seen) == 5e-7
    assert [high for high, _ in seen[:10]] == pytest.approx([high for high, _ in seen[10:]])


@pytest.mark.parametrize("given", ["0", "1.1", "-0.5"])
def test_a_decay_is_above_0_and_at_most_1(given: str) -> None:
    with pytest.raises(UserError, match=rf"--layer-lr-decay {float(given)}: must be above 0"):
        parse_arguments([f"--layer-lr-decay={given}"])


def test_a_model_whose_layers_are_not_known_is_refused_with_the_flag(
    tiny_model: SentenceTransformer,
) -> None:
    tiny_model[0].auto_model.encoder.layer = torch.nn.Sequential()
    with pytest.raises(UserError, match="--layer-lr-decay: cannot find .*; leave it out"):
        layer_learning_rates(tiny_model, RATE, 0.9)
    assert layer_learning_rates(tiny_model, RATE, 1.0) == {}
