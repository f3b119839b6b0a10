"""Each query is asked of a model that saw neither it nor its passages."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from conftest import make_row
from tiny_runs import calling_in, count_trainings, train_tiny
from transformers import TrainerCallback

from evaluation.retrieval.query_results import QueryResult
from evaluation.summary import EvaluationSummary
from nic.errors import Interrupted, UserError
from pairs.loading import load_pairs
from training import cross_validation, fitting
from training.command.parser import parse_arguments

FOLDS = 3

pytestmark = pytest.mark.usefixtures("no_pictures")


def run(model: Path, data: Path, output: Path, *more: str) -> EvaluationSummary:
    flags = ("--freeze-layers", "1", "--folds", str(FOLDS), *more)
    return train_tiny(model, data, output, *flags)


def rows_of(summary: EvaluationSummary) -> list[QueryResult]:
    return summary.results.per_query[summary.results.model]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pairs about forty passages of two domains."""
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    rows = [make_row(n, ("forklift", "radar")[n % 2]) for n in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def unbroken(
    tiny_model_folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[EvaluationSummary, Path]:
    output = tmp_path_factory.mktemp("cross") / "model"
    return run(tiny_model_folder, data, output), output


def test_every_query_of_the_file_is_asked_once(
    unbroken: tuple[EvaluationSummary, Path], data: Path
) -> None:
    summary, _ = unbroken
    pairs = load_pairs(data)
    asked = [row.query_id for row in rows_of(summary)]
    assert len(asked) == len(set(asked)) == len(set(pairs.comparable("query")))
    assert summary.results.data.part == "cross-validation"
    assert summary.results.data.folds == FOLDS
    assert summary.results.data.rows_asked == len(pairs)
    assert summary.results.chose_checkpoint is False
    for rows in summary.results.per_query.values():
        assert [row.query_id for row in rows] == asked


def test_no_model_is_asked_what_it_was_trained_on(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = load_pairs(data)
    texts = [pairs.column(name) for name in ("query", "positive")]
    seen: list[set[str]] = []
    rows_of_training = fitting.training_rows

    def spy(dataset: Any, rows: list[int], *columns: Any) -> Any:
        seen.append({column[row] for row in rows for column in texts})
        return rows_of_training(dataset, rows, *columns)

    monkeypatch.setattr(fitting, "training_rows", spy)
    splits: list[Any] = []
    of_fold = cross_validation.data_of_fold

    def keep(of_run: Any, split: Any, *more: Any) -> Any:
        splits.append(split)
        return of_fold(of_run, split, *more)

    monkeypatch.setattr(cross_validation, "data_of_fold", keep)
    run(tiny_model_folder, data, tmp_path / "model", "--max_steps", "1")
    assert len(seen) == FOLDS + 1
    for split, trained in zip(splits, seen, strict=False):
        asked = {column[row] for row in split.test for column in texts}
        assert not asked & trained


def test_report_card_and_metadata_say_that_the_metrics_are_of_the_recipe(
    unbroken: tuple[EvaluationSummary, Path],
) -> None:
    _, output = unbroken
    metadata = json.loads((output / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["evaluation"]["data"]["part"] == "cross-validation"
    assert metadata["evaluation"]["data"]["folds"] == FOLDS
    assert metadata["training"]["asked"]["folds"] == FOLDS
    card = " ".join((output / "README.md").read_text(encoding="utf-8").split())
    assert "Cross-validated: each query was asked of one of 3 models" in card
    assert "No model was asked a query that it was trained on" in card
    page = output.with_name("model-evaluation") / "report.html"
    assert "come from a cross-validation" in " ".join(page.read_text(encoding="utf-8").split())


def test_only_the_model_itself_is_left_in_the_output_folder(
    unbroken: tuple[EvaluationSummary, Path],
) -> None:
    _, output = unbroken
    assert not list(output.glob("nic-fold-*"))
    assert (output / "model.safetensors").is_file()


class SignalAt(TrainerCallback):
    """Sends SIGTERM to this process after a step."""

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stops the run after its second step or the next one."""
        if state.global_step == 2:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("training", [1, FOLDS])
def test_a_run_that_is_stopped_goes_on_with_its_fold_and_ends_in_the_same_results(
    training: int,
    unbroken: tuple[EvaluationSummary, Path],
    tiny_model_folder: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summary, whole = unbroken
    output = tmp_path / "model"
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "build_trainer", calling_in(training, SignalAt()))
        with pytest.raises(Interrupted, match="after step .*--resume"):
            run(tiny_model_folder, data, output)
    trained = count_trainings(monkeypatch)
    resumed = run(tiny_model_folder, data, output, "--resume")
    assert len(trained) == FOLDS + 1 - training
    assert rows_of(resumed) == rows_of(summary)
    weights = [folder / "model.safetensors" for folder in (whole, output)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_another_number_of_folds_is_refused_when_a_run_is_resumed(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "model"
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "build_trainer", calling_in(0, SignalAt()))
        with pytest.raises(Interrupted):
            run(tiny_model_folder, data, output)
    with pytest.raises(UserError, match="--folds 3, now 2"):
        run(tiny_model_folder, data, output, "--resume", "--folds", "2")
    assert run(tiny_model_folder, data, output, "--force", "--max_steps", "1")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--folds", "1"], "--folds 1: must be 0, or 2 or more"),
        (["--folds", "2", "--test-ratio", "0.1"], "leave out --test-ratio"),
    ],
)
def test_folds_that_cannot_be_are_refused(flags: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_arguments(flags)
