"""Reporters: refused at the start with one line, and metrics named by domain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback
from transformers.integrations import integration_utils

from nic.errors import UserError
from training import RunArguments, TrainingArguments, fine_tune
from training.loop.reporters import INTEGRATION_TO_CALLBACK, check_reporters


class Notebook(TrainerCallback):
    """A reporter that keeps what it is told."""

    events: list[tuple[str, int, dict[str, Any]]] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Opens the store."""
        assert kwargs["model"] is not None
        self.events.append(("open", state.global_step, {}))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Keeps the metrics under the names that reporters show."""
        named = integration_utils.rewrite_logs(logs)
        self.events.append(("log", state.global_step, named))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Closes the store."""
        self.events.append(("close", state.global_step, {}))


class Missing(Notebook):
    """A reporter whose package is not installed."""

    def __init__(self) -> None:
        raise RuntimeError("Missing requires missing to be\ninstalled")


class Broken(Notebook):
    """A reporter whose store cannot be opened."""

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Fails as a server does that is not there."""
        raise ConnectionError("no such server")


@pytest.fixture(autouse=True)
def reporters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three reporters, by the names that `--report_to` takes."""
    monkeypatch.setattr(Notebook, "events", [])
    for kind in (Notebook, Missing, Broken):
        monkeypatch.setitem(INTEGRATION_TO_CALLBACK, kind.__name__.lower(), kind)


def arguments(output: Path, reporter: str, epochs: int = 2) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(output),
        report_to=reporter,
        num_train_epochs=epochs,
        per_device_train_batch_size=8,
        logging_steps=1,
        use_cpu=True,
    )


def run_arguments(model: Path, data: Path) -> RunArguments:
    return RunArguments(
        base_model=str(model),
        data_file=str(data),
        val_ratio=0.2,
        freeze_layers=2,
        probe="none",
        speed=False,
        device="cpu",
    )


@pytest.mark.parametrize(
    ("reporter", "message"),
    [
        ("nope", r"^--report_to nope: no such reporter; there are .*tensorboard, .*, none$"),
        ("missing", "^--report_to missing: Missing requires missing to be installed$"),
    ],
)
def test_a_reporter_that_is_not_there_is_refused_before_any_work(
    tmp_path: Path, reporter: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        fine_tune(run_arguments(tmp_path, tmp_path), arguments(tmp_path / "out", reporter))
    assert list(tmp_path.iterdir()) == []


def test_several_reporters_are_given_with_commas(tmp_path: Path) -> None:
    assert arguments(tmp_path / "out", "notebook, broken").report_to == ["notebook", "broken"]


def test_a_store_that_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "tensorboard", Notebook)
    (tmp_path / "file").touch()
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "file" / "runs"))
    message = "tensorboard: cannot write to .*runs; change TENSORBOARD_LOGGING_DIR"
    with pytest.raises(UserError, match=message):
        check_reporters(arguments(tmp_path / "out", "tensorboard"))
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "new" / "runs"))
    check_reporters(arguments(tmp_path / "out", "tensorboard"))
    assert not (tmp_path / "new").exists()


def test_a_store_that_cannot_be_opened_ends_the_run_before_the_base_is_scored(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.fitting.score_model", lambda *_: pytest.fail("scored"))
    with pytest.raises(UserError, match="^--report_to broken: no such server$"):
        fine_tune(
            run_arguments(tiny_model_folder, two_domains), arguments(tmp_path / "out", "broken")
        )


def test_metrics_are_named_by_domain_with_the_base_first_and_the_gates_last(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("training.output.model_folder.draw_plots", "evaluation.report.output.draw_plots"):
        monkeypatch.setattr(name, lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.write_page", lambda *_: None)
    output = tmp_path / "out"
    summary = fine_tune(
        run_arguments(tiny_model_folder, two_domains), arguments(output, "notebook")
    )
    assert summary is not None
    events = Notebook.events
    assert [kind for kind, *_ in events if kind != "log"] == ["open", "close"]
    assert (events[0][0], events[-1][0]) == ("open", "close")
    _, step, base = events[1]
    groups = ("overall", "forklift", "vehicle_civilian")
    assert step == 0
    assert {f"eval/{group}/recall@5" for group in groups} <= set(base)
    assert base["eval/overall/mrr"] == summary.reports[summary.results.base].overall["mrr"]
    _, step, gates = events[-2]
    assert (step, gates["eval/gates/loads"]) == (8, 1.0)
    assert len(gates) == len(summary.gates)
    evaluations = [logs for _, _, logs in events if "eval/macro/mrr" in logs]
    assert len(evaluations) == 2
    assert {f"eval/{group}/recall@5" for group in groups} <= set(evaluations[0])
    assert not [key for logs in evaluations for key in logs if "validation" in key]
    history = json.loads((output / "metadata.json").read_text("utf-8"))["training"]["history"]
    assert "eval_validation_vehicle_civilian_recall@5" in {key for e in history for key in e}
