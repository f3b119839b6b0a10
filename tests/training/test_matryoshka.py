"""Embeddings that can be cut: trained, measured by length, and loaded so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from own_models import own_model
from sentence_transformers import SentenceTransformer
from tiny_runs import train_tiny
from torch.nn.functional import cross_entropy, normalize

from evaluation.arguments import EvaluationArguments
from evaluation.pipeline import evaluate_models
from evaluation.summary import EvaluationSummary
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from nic.models import find_model, load_model
from training.command.parser import parse_arguments
from training.loop.batch_sampler import inner_loss, takes_shared_negatives
from training.loop.losses import build_loss

# The embeddings of the tiny model have 32 numbers.
LENGTHS = [32, 8]


def run(model: Path, data: Path, output: Path, *more: str) -> EvaluationSummary:
    return train_tiny(model, data, output, "--epochs", "1", "--matryoshka", "8", *more)


@pytest.mark.parametrize("key", ["mnrl", "cached_mnrl"])
def test_the_loss_is_the_sum_over_the_lengths(
    key: str, tiny_model: ChunkedSentenceTransformer
) -> None:
    loss: Any = build_loss(tiny_model, key, {"matryoshka": "8", "directions": "query_to_doc"})
    assert takes_shared_negatives(loss)
    assert inner_loss(loss) is loss.loss
    texts = (["pump", "belt"], ["pump noisy", "belt worn"], ["valve"])
    with torch.no_grad():
        whole = [tiny_model(tiny_model.preprocess(list(t)))["sentence_embedding"] for t in texts]
        expected = 0.0
        for length in LENGTHS:
            query, positive, negative = (normalize(part[:, :length], dim=1) for part in whole)
            scores = query @ torch.cat([positive, negative]).T * 20
            expected += float(cross_entropy(scores, torch.arange(2)))
        columns = [tiny_model.preprocess(list(t)) for t in texts]
        tiny_model.embed_together(columns)
        assert float(loss(columns, torch.empty(0))) == pytest.approx(expected, rel=1e-5)


def test_report_card_and_a_later_evaluation_show_each_length(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    summary = run(tiny_model_folder, two_domains, output)
    found = summary.results.dimensions
    assert [row.dimension for row in found] == LENGTHS
    assert found[0].tuned.value == summary.reports["model"].overall["recall@5"]
    assert not [name for name in summary.results.per_query if "@" in name]
    metadata = json.loads((output / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["training"]["matryoshka"] == LENGTHS
    assert [row["dimension"] for row in metadata["evaluation"]["dimensions"]] == LENGTHS
    card = (output / "README.md").read_text(encoding="utf-8")
    assert "## Shorter embeddings" in card
    assert card.count("\n| 8 | ") == 1
    page = output.with_name("model-evaluation") / "report.html"
    assert "with the first numbers of each embedding" in page.read_text(encoding="utf-8")
    again = evaluate_models(
        EvaluationArguments(
            model=[output],
            base=tiny_model_folder,
            data_file=two_domains,
            output_dir=tmp_path / "again",
            speed=False,
            probe="none",
            device="cpu",
        )
    )
    assert again is not None
    assert [(d.dimension, d.tuned) for d in again.results.dimensions] == [
        (d.dimension, d.tuned) for d in found
    ]
    cut = SentenceTransformer(str(output), truncate_dim=8, device="cpu")
    assert cut.encode("pump").shape == (8,)


@pytest.mark.usefixtures("no_pictures")
def test_folds_measure_each_length_too(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    summary = run(tiny_model_folder, two_domains, tmp_path / "model", "--folds", "2")
    assert [row.dimension for row in summary.results.dimensions] == LENGTHS
    assert summary.results.data.folds == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [("0", "must be whole numbers"), ("64,x", "must be whole numbers"), ("-8", "whole numbers")],
)
def test_lengths_that_cannot_be_are_refused(given: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_arguments([f"--matryoshka={given}"])


def test_a_model_of_shorter_embeddings_or_another_similarity_is_refused(
    tiny_model: ChunkedSentenceTransformer, tiny_model_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="--matryoshka 64: the model's embeddings have 32 numbers"):
        build_loss(tiny_model, "mnrl", {"matryoshka": "64"})
    dot = load_model(find_model(str(own_model(tiny_model_folder, tmp_path / "dot", "dot"))), "cpu")
    with pytest.raises(UserError, match="compares by its dot product"):
        build_loss(dot, "mnrl", {"matryoshka": "8"})
