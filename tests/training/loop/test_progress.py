"""The log lines of a training, and a log that leaves the loggers as it found them."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import retrieval_task
from nic.logs import OUR_LOGGERS, open_run_log
from pairs.loading import load_pairs
from training.command.parser import parse_arguments
from training.loop.losses import build_loss
from training.loop.progress import RunLogCallback
from training.loop.trainer import build_trainer
from training.training_rows import training_rows


@pytest.mark.parametrize("main_process", [True, False])
def test_a_closed_log_leaves_no_handler_and_no_level_behind(main_process: bool) -> None:
    def state() -> list[tuple[int, bool, int]]:
        loggers = [logging.getLogger(name) for name in OUR_LOGGERS]
        return [(log.level, log.propagate, len(log.handlers)) for log in loggers]

    before = state()
    with open_run_log(main_process):
        assert state() != before
    assert state() == before


def test_the_rate_restarts_by_epoch_and_the_batch_is_the_epochs_if_max_steps_ends_the_training(
    tiny_model: SentenceTransformer,
    two_domains: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = ["--max_steps", "6", "--batch-size", "8", "--logging_steps", "1", "--device", "cpu"]
    given += ["--learning-rate", "1e-3", "--output-dir", str(tmp_path / "out")]
    given += ["--save_strategy", "no", "--eval_strategy", "no"]
    given += ["--lr_scheduler_type", "cosine_with_restarts"]
    run, arguments = parse_arguments(given)
    pairs = load_pairs(two_domains)
    evaluator = DomainRetrievalEvaluator(retrieval_task(pairs, [0]))
    rows = training_rows(pairs.dataset, list(range(32)))
    loss = build_loss(tiny_model, run.loss, vars(run))
    callbacks = [RunLogCallback(evaluator)]
    trainer = build_trainer(tiny_model, arguments, rows, loss, evaluator, callbacks)
    with caplog.at_level("INFO"):
        trainer.train()
    # An epoch of 32 rows has four steps: 6 steps are 1.5 epochs. The rates are those of
    # cos at 0, 1/4, 1/2, 3/4 of an epoch, from 1e-3 to 1e-6.
    assert "  Epochs: 1.5" in caplog.text
    lines = re.findall(r"Epoch (\S+), Batch (\d), Loss: .*, LR: (\S+)", caplog.text)
    rates = ["1.00e-03", "8.54e-04", "5.01e-04", "1.47e-04", "1.00e-03", "8.54e-04"]
    assert [rate for _, _, rate in lines] == rates
    batches = [("1/2", "1"), ("1/2", "2"), ("1/2", "3"), ("1/2", "4"), ("2/2", "1"), ("2/2", "2")]
    assert [(epoch, batch) for epoch, batch, _ in lines] == batches
    assert trainer.epochs == 1.5
