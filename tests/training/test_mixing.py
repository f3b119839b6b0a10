"""The saved model may be a mixture of the tuned one with its base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import train_tiny
from torch import nn

from evaluation.summary import EvaluationSummary
from nic.errors import UserError
from training import fitting
from training.command.parser import parse_arguments
from training.mixing import mix, trained_weights

STEP = torch.tensor([[1.0, 2.0, 4.0]])


def run(model: Path, data: Path, output: Path, *more: str) -> EvaluationSummary:
    return train_tiny(model, data, output, "--probe", str(data), *more)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_weights_are_mixed_linearly_and_the_ends_are_exact() -> None:
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    bias = model.bias.clone()
    base = trained_weights(model)
    assert list(base) == ["weight"]
    tuned = {"weight": base["weight"] + STEP}
    mix(model, base, tuned, 0.5)
    torch.testing.assert_close(model.weight - base["weight"], STEP.expand(2, 3) / 2)
    mix(model, base, tuned, 0.0)
    assert torch.equal(model.weight, base["weight"])
    mix(model, base, tuned, 1.0)
    assert torch.equal(model.weight, tuned["weight"])
    assert torch.equal(model.bias, bias)


@pytest.mark.usefixtures("no_pictures")
def test_the_saved_weights_lie_between_base_and_checkpoint_and_frozen_ones_stay(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    summary = run(tiny_model_folder, two_domains, output, "--mix", "0.5")
    base, best, mixed = map(weights, (tiny_model_folder, output / "checkpoint-best", output))
    moved = [name for name in base if not torch.equal(base[name], best[name])]
    assert moved
    for name in base:
        torch.testing.assert_close(mixed[name], (base[name] + best[name]) / 2)
        if name not in moved:
            assert torch.equal(mixed[name], base[name])
    curve = summary.results.mixing
    assert curve is not None
    assert curve.weight == 0.5
    assert [mixture.weight for mixture in curve.mixtures] == [0.0, 0.3, 0.5, 0.7, 0.85, 1.0]


def test_the_report_is_of_the_mixture_and_every_output_says_so(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    summary = run(tiny_model_folder, two_domains, output, "--mix", "0.4")
    curve = summary.results.mixing
    assert curve is not None
    tuned = summary.reports[summary.results.model].overall["recall@5"]
    assert tuned == curve.chosen.validation.value
    metadata = json.loads((output / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["evaluation"]["mixing"]["weight"] == 0.4
    assert metadata["training"]["asked"]["mix"] == "0.4"
    assert "mixing.png" in metadata["figures"]
    card = " ".join((output / "README.md").read_text(encoding="utf-8").split())
    assert "base model plus 0.4 of what training changed, as was asked" in card
    assert "![Mixtures with the base model" in card
    page = output.with_name("model-evaluation") / "report.html"
    assert "plus 0.4 of what training changed" in page.read_text(encoding="utf-8")
    assert not list(output.glob("*.incomplete"))


@pytest.mark.usefixtures("no_pictures")
def test_a_weight_of_one_saves_the_checkpoint_and_off_measures_nothing(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    files = []
    for name in ("off", "1"):
        summary = run(tiny_model_folder, two_domains, tmp_path / name, "--mix", name)
        assert (summary.results.mixing is None) == (name == "off")
        files.append((tmp_path / name / "model.safetensors").read_bytes())
    assert files[0] == files[1]


@pytest.mark.usefixtures("no_pictures")
def test_auto_saves_the_weight_that_was_chosen(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.mixing.choose_weight", lambda mixtures: mixtures[3].weight)
    output = tmp_path / "model"
    summary = run(tiny_model_folder, two_domains, output, "--mix", "auto", "--probe", "none")
    assert summary.results.mixing is not None
    assert summary.results.mixing.weight == 0.7
    assert all(mixture.probe is None for mixture in summary.results.mixing.mixtures)
    base, best, mixed = map(weights, (tiny_model_folder, output / "checkpoint-best", output))
    for name in base:
        torch.testing.assert_close(mixed[name], torch.lerp(base[name], best[name], 0.7))


@pytest.mark.usefixtures("no_pictures")
def test_a_run_killed_after_it_mixed_ends_in_the_same_bytes_when_it_is_resumed(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, output = tmp_path / "whole", tmp_path / "model"
    run(tiny_model_folder, two_domains, whole, "--mix", "0.5")
    mix_with_base = fitting.mix_with_base

    def killed(*given: Any) -> Any:
        mix_with_base(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fitting, "mix_with_base", killed)
        run(tiny_model_folder, two_domains, output, "--mix", "0.5")
    run(tiny_model_folder, two_domains, output, "--mix", "0.5", "--resume")
    for name in ("model.safetensors", "checkpoint-best/model.safetensors"):
        assert (output / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("given", ["0", "1.5", "nan", "-1", "half"])
def test_a_weight_that_cannot_be_is_refused(given: str) -> None:
    with pytest.raises(UserError, match="--mix .*: must be off, auto, or a number"):
        parse_arguments([f"--mix={given}"])
