"""Fine-tuning from Python, without the command line."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

import training
from nic.errors import UserError
from nic.logs import OUR_LOGGERS
from training import RunArguments, TrainingArguments, fine_tune


def test_fine_tune_trains_packages_and_returns_the_evaluation(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.output.model_folder.draw_plots", lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.draw_plots", lambda *_: [])
    run = RunArguments(
        data_file=str(two_domains),
        base_model=str(tiny_model_folder),
        val_ratio=0.2,
        device="cpu",
        probe="none",
        speed=False,
    )
    arguments = TrainingArguments(
        output_dir=str(tmp_path / "out"),
        num_train_epochs=1,
        per_device_train_batch_size=8,
        use_cpu=True,
    )
    summary = fine_tune(run, arguments)
    assert summary is not None
    assert [gate.name for gate in summary.gates]
    log = (tmp_path / "out" / "training.log").read_text(encoding="utf-8")
    assert "Train/Val split: 32/8 (20.0% val)" in log
    assert "Model saved to " in log
    model = SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert model.encode("why is the pump noisy").shape == (32,)
    assert not [name for name in OUR_LOGGERS if logging.getLogger(name).handlers]


def test_a_device_that_the_trainer_does_not_take_is_refused(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path / "out"), use_cpu=True)
    with pytest.raises(UserError, match=r'device="mps": the Trainer takes cpu'):
        fine_tune(RunArguments(device="mps"), arguments)
    assert not (tmp_path / "out").exists()


def test_the_room_exports_the_jobs_with_their_arguments_and_no_other_name() -> None:
    kinds = ("Advice", "Mine", "Run", "Search", "Training")
    jobs = {"fine_tune", "give_advice", "mine_negatives"}
    assert set(training.__all__) == {*(f"{kind}Arguments" for kind in kinds), *jobs}
    assert all(getattr(training, name).__doc__ for name in training.__all__)
    with pytest.raises(AttributeError, match="module 'training' has no attribute 'fine_tuned'"):
        _ = training.fine_tuned
