"""A loss is one entry of the table: choices, help, building and metadata follow from it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import retrieval_task
from nic.errors import UserError
from pairs.loading import load_pairs
from training.command.parser import parse_arguments
from training.command.run_arguments import RunArguments
from training.loop.losses import LIBRARY, LOSSES, Loss, build_loss, describe_loss, loss_help
from training.loop.trainer import build_trainer
from training.training_rows import training_rows


@pytest.mark.parametrize("key", LOSSES)
def test_each_entry_names_a_class_of_the_library_and_existing_arguments(
    key: str, tiny_model: SentenceTransformer
) -> None:
    run = RunArguments(loss=key)
    loss = build_loss(tiny_model, run.loss, vars(run))
    assert type(loss).__name__ == LOSSES[key].class_name
    described = describe_loss(key, tiny_model, {})
    assert described["loss"] == LOSSES[key].class_name
    assert (described["scale"], described["similarity"]) == (20.0, "cosine")


@pytest.mark.parametrize(
    ("similarity", "given", "expected"),
    [("cosine", None, 0.05), ("cosine", 0.1, 0.1), ("manhattan", None, 1.0), ("manhattan", 5, 5)],
)
def test_a_given_temperature_divides_whatever_the_similarity_is(
    tiny_model: SentenceTransformer, similarity: str, given: float | None, expected: float
) -> None:
    tiny_model.similarity_fn_name = similarity
    values = {"temperature": given}
    loss = build_loss(tiny_model, "mnrl", values)
    assert loss.scale == pytest.approx(1 / expected)
    assert describe_loss("mnrl", tiny_model, values)["scale"] == loss.scale


def test_a_temperature_that_is_none_or_that_the_loss_lacks_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UserError, match="--temperature 0.0: must be more than 0"):
        parse_arguments(["--temperature", "0"])
    monkeypatch.setitem(LOSSES, "triplet", Loss("TripletLoss", "any"))
    with pytest.raises(UserError, match="--temperature: --loss triplet does not take it; use.*mnr"):
        RunArguments(loss="triplet", temperature=0.1)


def test_what_the_library_refuses_of_a_loss_is_one_line(
    tiny_model: SentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = Loss("MultipleNegativesRankingLoss", "any", {"scale": -1})
    monkeypatch.setitem(LOSSES, "broken", entry)
    with pytest.raises(UserError, match="--loss broken: Scale must be a positive value."):
        build_loss(tiny_model, "broken", {})


def test_an_argument_of_the_run_reaches_the_loss_that_takes_it(
    tiny_model: SentenceTransformer,
) -> None:
    loss = build_loss(tiny_model, "cached_mnrl", {"mini_batch_size": 3})
    assert loss.mini_batch_size == 3


def test_an_unknown_loss_is_refused_with_the_choices() -> None:
    with pytest.raises(UserError, match="argument --loss: invalid choice: 'nope'.*mnrl"):
        parse_arguments(["--loss", "nope"])
    with pytest.raises(UserError, match="--loss nope: must be one of mnrl, cached_mnrl"):
        RunArguments(loss="nope")


def test_a_new_entry_is_all_that_a_new_loss_needs(
    tiny_model: SentenceTransformer,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = Loss("TripletLoss", "keeps the negative at a distance", {"triplet_margin": 0.5})
    monkeypatch.setitem(LOSSES, "triplet", entry)
    assert "triplet: keeps the negative at a distance" in loss_help()
    assert describe_loss("triplet", tiny_model, {})["scale"] is None
    given = ["--loss", "triplet", "--max_steps", "1", "--batch-size", "8", "--device", "cpu"]
    run, arguments = parse_arguments([*given, "--output-dir", str(tmp_path / "out")])
    pairs = load_pairs(two_domains)
    rows: Dataset = training_rows(pairs.dataset, list(range(1, 40)))
    loss = build_loss(tiny_model, run.loss, vars(run))
    assert f"{type(loss).__module__}".startswith(LIBRARY)
    evaluator = DomainRetrievalEvaluator(retrieval_task(pairs, [0]))
    trainer = build_trainer(tiny_model, arguments, rows, loss, evaluator, [])
    before = {name: p.detach().clone() for name, p in tiny_model.named_parameters()}
    trainer.train()
    assert trainer.state.global_step == 1
    moved = [n for n, p in tiny_model.named_parameters() if not torch.equal(p.cpu(), before[n])]
    assert moved
