"""What a run writes beside the model: the training's log begins with the base model."""

from __future__ import annotations

from evaluation.results import LogEntry
from training.output.model_folder import history_from_base

LOG: list[LogEntry] = [{"eval_validation_mrr": 0.6, "epoch": 1.0, "step": 20}]


def test_the_log_begins_with_the_base_model_at_step_0() -> None:
    first, *rest = history_from_base(LOG, {"mrr": 0.5, "recall@5": 0.7})
    assert first == {
        "eval_validation_mrr": 0.5,
        "eval_validation_recall@5": 0.7,
        "epoch": 0.0,
        "step": 0,
    }
    assert rest == LOG


def test_a_log_that_begins_with_it_is_left_alone() -> None:
    with_base = history_from_base(LOG, {"mrr": 0.5})
    assert history_from_base(with_base, {"mrr": 0.5}) == with_base
