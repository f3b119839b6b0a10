"""Whole runs with options of the loss and of the learning rate, on the tiny model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from nic.logs import open_run_log
from pairs.columns import TEXT_COLUMNS
from training import pipeline
from training.command.parser import parse_arguments
from training.frozen.kept_states import texts_by_precision
from training.loop.reporters import Reporters
from training.run_data import read_data

PROMPTS: dict[str, str | None] = {"query": "q: "}


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing: it takes most of a tiny run."""
    monkeypatch.setattr("training.output.model_folder.draw_plots", lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.draw_plots", lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.write_page", lambda *_: None)


def run(model: Path, data: Path, output: Path, *more: str) -> None:
    """Trains for two epochs of four steps."""
    given = ["--base-model", str(model), "--data-file", str(data), "--output-dir", str(output)]
    given += ["--epochs", "2", "--batch-size", "8", "--learning-rate", "1e-3", "--device", "cpu"]
    given += ["--logging_steps", "1", "--val-ratio", "0.2", "--freeze-layers", "2"]
    given += ["--probe", "none", "--no-speed", "--precision", "fp32", "--mix", "off"]
    given += ["--lr_scheduler_type", "cosine_with_restarts", *more]
    with open_run_log(main_process=True) as log:
        pipeline.train(*parse_arguments(given), log, Reporters())


def training_of(folder: Path) -> dict[str, Any]:
    """What the metadata says of the training."""
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    return dict(metadata["training"])


def test_the_metadata_and_the_command_state_the_options_of_the_loss(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    words = ["--temperature", "0.1", "--directions", "query_to_doc,doc_to_query"]
    words += ["--partition-mode", "per_direction"]
    run(tiny_model_folder, two_domains, tmp_path / "out", *words)
    training = training_of(tmp_path / "out")
    assert (training["scale"], training["asked"]["temperature"]) == (10.0, 0.1)
    assert training["loss_options"]["directions"] == ["query_to_doc", "doc_to_query"]
    assert training["loss_options"]["partition_mode"] == "per_direction"
    assert " ".join(words) in " ".join(training["command"])
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "scale 10.0 |" in card
    assert " ".join(words) in " ".join(card.split())


def test_texts_that_are_not_trained_on_are_kept_only_for_the_passages_of_the_validation(
    two_domains: Path,
) -> None:
    given = ["--data-file", str(two_domains), "--batch-size", "8", "--val-ratio", "0.2"]
    data = read_data(*parse_arguments([*given, "--eval-corpus-limit", "12"]))
    queries, negatives = (set(data.pairs.column(name)) for name in ("query", "negative"))
    positives = set(data.pairs.column("positive"))
    trained = ["query", "positive"]
    half = texts_by_precision(data, torch.bfloat16, PROMPTS, trained)
    assert set(half[torch.bfloat16]["q: "]) == queries
    passages = set(half[torch.bfloat16][None])
    assert passages == positives | set(data.task.corpus)
    assert len(passages & negatives) < len(negatives) == 40
    # The report ranks against all passages, in fp32.
    full = texts_by_precision(data, torch.float32, PROMPTS, trained)
    assert list(full) == [torch.float32]
    assert set(full[torch.float32][None]) == positives | negatives
    # Mixtures are scored on the probe, in fp32 too.
    assert data.probe
    probe = data.probe.task
    mixed = texts_by_precision(data, torch.bfloat16, PROMPTS, trained, probe)
    assert set(mixed[torch.bfloat16][None]) == passages
    assert set(mixed[torch.float32][None]) == positives | negatives | set(probe.corpus)
    assert set(mixed[torch.float32]["q: "]) == set(data.task.queries) | set(probe.queries)
    everything = texts_by_precision(data, torch.bfloat16, PROMPTS, TEXT_COLUMNS)
    assert set(everything[torch.bfloat16][None]) == positives | negatives


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("loss", ["guided", "cached_guided"])
def test_a_resumed_run_with_a_guide_ends_with_the_weights_of_an_unbroken_one(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, loss: str
) -> None:
    words = ("--loss", loss, "--guide-margin", "0", "--layer-lr-decay", "0.5", "--epochs")
    run(tiny_model_folder, two_domains, tmp_path / "whole", *words, "2")
    run(tiny_model_folder, two_domains, tmp_path / "parts", *words, "1")
    run(tiny_model_folder, two_domains, tmp_path / "parts", *words, "2", "--resume")
    newest = "checkpoint-epoch-2"
    whole, parts = weights(tmp_path / "whole" / newest), weights(tmp_path / "parts" / newest)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    training = training_of(tmp_path / "parts")
    rates = {name.split(".encoder.")[1]: r for name, r in training["layer_learning_rates"].items()}
    assert rates == {"layer.2": 5e-4, "layer.3": 1e-3}
    assert training["loss_options"]["margin"] == 0
    log = (tmp_path / "parts" / "training.log").read_text(encoding="utf-8")
    assert "Embedding the training texts by the base model, to guide the loss" in log
