"""Training a query adapter: the encoder and the index stay, the queries learn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import train_tiny

from evaluation.advice import QUERIES_ALONE
from evaluation.arguments import EvaluationArguments
from evaluation.pipeline import evaluate_models
from nic.chunked_model import ChunkedSentenceTransformer, Features, Row, row_key
from nic.errors import UserError
from nic.models import find_model, load_model
from nic.query_adapter import add_query_adapter
from training.command.parser import parse_arguments
from training.frozen.frozen_embeddings import FrozenEmbeddings
from training.frozen.own_texts import token_rows_of
from training.loop.trainer import PairsTrainer

pytestmark = pytest.mark.usefixtures("no_pictures")
TEXTS = ["pump leaks", "valve", "why is the motor hot"]


def test_a_run_trains_the_map_alone_and_says_that_the_index_stays(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    summary = train_tiny(tiny_model_folder, two_domains, output, "--query-adapter")
    base = load_model(find_model(str(tiny_model_folder)), "cpu")
    tuned = load_model(find_model(str(output)), "cpu")
    assert (tuned.encode_document(TEXTS) == base.encode_document(TEXTS)).all()
    assert tuned.encode_query(TEXTS) != pytest.approx(base.encode_query(TEXTS), abs=1e-3)
    stored, given = (load_file(f / "model.safetensors") for f in (output, tiny_model_folder))
    assert all((stored[name] == given[name]).all() for name in given)

    log = (output / "training.log").read_text(encoding="utf-8")
    assert "Froze bottom 4/4 transformer layers" in log
    assert f"Trainable params: {32 * 32:,} /" in log
    assert "stay trainable" not in log
    metadata = json.loads((output / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["training"]["asked"]["query_adapter"] is True
    assert metadata["training"]["freezing"]["trainable_parameters"] == 32 * 32
    assert metadata["base_model"]["weights_sha256"]
    assert metadata["evaluation"]["keeps_passages"] is True
    assert "an index that was made with it serves this model too" in (
        output / "README.md"
    ).read_text(encoding="utf-8")
    assert summary.advice is not None
    needs = {way.name: way.needs for way in summary.advice.ways}
    assert needs["model"] == QUERIES_ALONE


def test_a_later_evaluation_tells_the_same(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    trained = train_tiny(tiny_model_folder, two_domains, output, "--query-adapter")
    again = evaluate_models(
        EvaluationArguments(
            model=[str(output)],
            base=str(tiny_model_folder),
            data_file=str(two_domains),
            probe="none",
            speed=False,
            device="cpu",
        )
    )
    assert again is not None
    assert again.results.keeps_passages
    name = again.results.model
    found, before = again.reports[name], trained.reports[trained.results.model]
    assert found.overall == before.overall


def test_it_trains_each_query_as_a_query_and_each_passage_as_a_passage(
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks: list[str] = []
    forward = ChunkedSentenceTransformer.forward

    def spy(self: ChunkedSentenceTransformer, features: Features, **kwargs: Any) -> Features:
        if self.training:
            tasks.append(str(features.get("task")))
        return forward(self, features, **kwargs)

    monkeypatch.setattr(ChunkedSentenceTransformer, "forward", spy)
    train_tiny(tiny_model_folder, two_domains, tmp_path / "model", "--query-adapter")
    assert tasks[:3] == ["query", "document", "document"]
    assert set(tasks) == {"query", "document"}


def test_folds_and_mixtures_keep_the_adapter(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    more = ("--query-adapter", "--folds", "2", "--mix", "0.5", "--epochs", "1")
    summary = train_tiny(tiny_model_folder, two_domains, output, *more)
    assert summary.results.data.folds == 2
    assert summary.results.mixing is not None
    base = load_model(find_model(str(tiny_model_folder)), "cpu")
    tuned = load_model(find_model(str(output)), "cpu")
    assert (tuned.encode_document(TEXTS) == base.encode_document(TEXTS)).all()


@pytest.mark.parametrize("other", ["--matryoshka=8", "--layer-lr-decay=0.5"])
def test_flags_of_the_layers_are_refused_beside_it(other: str) -> None:
    with pytest.raises((UserError, SystemExit)) as found:
        parse_arguments(["--query-adapter", other])
    assert "--query-adapter: leaves every layer" in str(found.value)


def test_the_encoder_runs_once_over_each_text_and_the_result_is_the_same(
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embedded: list[bytes] = []
    steps: list[int] = []
    front = ChunkedSentenceTransformer.embed_front
    step = PairsTrainer.training_step

    def embed(self: ChunkedSentenceTransformer, rows: Sequence[Row]) -> torch.Tensor:
        embedded.extend(row_key(row) for row in rows)
        return front(self, rows)

    def count(self: PairsTrainer, *args: Any, **kwargs: Any) -> torch.Tensor:
        before = len(embedded)
        loss: torch.Tensor = step(self, *args, **kwargs)
        steps.append(len(embedded) - before)
        return loss

    monkeypatch.setattr(ChunkedSentenceTransformer, "embed_front", embed)
    monkeypatch.setattr(PairsTrainer, "training_step", count)
    found = []
    for gib in ("4", "0"):
        output = tmp_path / gib
        more = ("--query-adapter", "--frozen-cache-gb", gib)
        summary = train_tiny(tiny_model_folder, two_domains, output, *more)
        weights = load_file(output / "3_Router" / "query_0_Dense" / "model.safetensors")
        found.append((weights["linear.weight"], summary.reports[gib]))
    assert len(embedded) == len(set(embedded)) > 0
    assert set(steps) == {0}
    assert torch.allclose(found[0][0], found[1][0], atol=1e-5)
    assert found[0][1].overall == pytest.approx(found[1][1].overall)


def test_it_is_trained_in_fp32_whatever_is_asked(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    weights = []
    for precision in ("fp32", "bf16"):
        output = tmp_path / precision
        more = ("--query-adapter", "--epochs", "1", "--precision", precision)
        train_tiny(tiny_model_folder, two_domains, output, *more)
        assert "Precision: fp32" in (output / "training.log").read_text(encoding="utf-8")
        found = load_file(output / "3_Router" / "query_0_Dense" / "model.safetensors")
        weights.append(found["linear.weight"])
    assert torch.equal(*weights)


def test_a_base_with_an_adapter_is_trained_on_as_one_or_refused(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    train_tiny(tiny_model_folder, two_domains, base, "--query-adapter", "--epochs", "1")
    with pytest.raises(UserError, match="has a query adapter, .* with --query-adapter"):
        train_tiny(base, two_domains, tmp_path / "whole", "--epochs", "1")
    output = tmp_path / "further"
    train_tiny(base, two_domains, output, "--query-adapter", "--epochs", "1")
    assert not (output / "4_Router").exists()


def test_embeddings_beyond_the_memory_are_computed_each_time(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    expected = tiny_model.encode_document(TEXTS)
    add_query_adapter(tiny_model)
    rows = list(token_rows_of(tiny_model, TEXTS, None))
    kept = FrozenEmbeddings(tiny_model, rows, memory=2 * 32 * 4)
    assert len(kept) == 2
    assert tiny_model.encode_document(TEXTS) == pytest.approx(expected, abs=1e-6)


def test_kept_embeddings_serve_no_model_with_other_weights(
    tiny_model: ChunkedSentenceTransformer, tiny_model_folder: Path
) -> None:
    other = load_model(find_model(str(tiny_model_folder)), "cpu")
    for model in (tiny_model, other):
        add_query_adapter(model)
    rows = list(token_rows_of(tiny_model, TEXTS, None))
    kept = FrozenEmbeddings(tiny_model, rows[:2])
    assert len(kept) == 2
    expected = other.encode_query(TEXTS)
    assert tiny_model.encode_query(TEXTS) == pytest.approx(expected, abs=1e-6)
    kept.attach(other)
    assert other.encode_query(TEXTS) == pytest.approx(expected, abs=1e-6)
    with torch.no_grad():
        next(tiny_model.parameters()).add_(1.0)
    with pytest.raises(UserError, match="are not those of the base model"):
        kept.attach(tiny_model)
