"""A search chooses among seeded trials by the validation queries, and reports on others."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from conftest import make_row
from tiny_runs import calling_in, count_trainings, train_tiny, tune_tiny
from transformers import TrainerCallback

from evaluation.serialization import to_json
from evaluation.summary import EvaluationSummary
from evaluation.trials import COMPLETE, FAILED, PRUNED, Search, Trial
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import Interrupted, UserError
from pairs.loading import load_pairs
from pairs.split_file import load_split
from training import fitting, pipeline
from training.search import search as search_module

TRIALS = 4
SPACE = """
learning_rate: {low: 1e-4, high: 1e-2, log: true}
epochs: {low: 1, high: 2}
batch-size: {choices: [4, 8]}
freeze_layers: {low: 0, high: 3}
"""
Tuned = tuple[EvaluationSummary, Path]

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pairs about forty passages of two domains, and a space beside them."""
    folder = tmp_path_factory.mktemp("data")
    rows = [make_row(n, ("forklift", "radar")[n % 2]) for n in range(40)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "pairs.jsonl").write_text(text, encoding="utf-8")
    (folder / "space.yaml").write_text(SPACE, encoding="utf-8")
    return folder / "pairs.jsonl"


def tune(
    model: Path, data: Path, output: Path, *more: str, trials: int = TRIALS
) -> EvaluationSummary:
    space = ("--space", str(data.with_name("space.yaml")), "--trials", str(trials))
    return tune_tiny(model, data, output, *space, *more)


@pytest.fixture(scope="module")
def unbroken(
    tiny_model_folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Tuned:
    output = tmp_path_factory.mktemp("search") / "model"
    return tune(tiny_model_folder, data, output), output


def trials_of(summary: EvaluationSummary) -> list[Trial]:
    """The trials of a summary, whatever time they took."""
    search = summary.results.search
    assert search is not None
    return [replace(trial, seconds=0) for trial in search.trials]


def chosen(summary: EvaluationSummary) -> Trial:
    assert summary.results.search is not None
    return summary.results.search.trials[summary.results.search.chosen]


def test_the_first_trial_has_the_settings_of_the_command_line(unbroken: Tuned) -> None:
    first, *others = trials_of(unbroken[0])
    given = {"learning_rate": 1e-3, "epochs": 2, "batch_size": 8, "freeze_layers": 2}
    assert first.settings == given
    assert len(others) == TRIALS - 1
    for trial in others:
        assert list(trial.settings) == list(given)
        assert 1e-4 <= trial.settings["learning_rate"] <= 1e-2  # type: ignore[operator]
        assert trial.settings["batch_size"] in (4, 8)


def test_the_winner_is_the_complete_trial_with_the_best_validation(unbroken: Tuned) -> None:
    summary, output = unbroken
    scores = [max(found.score for found in trial.validations) for trial in trials_of(summary)]
    winner = chosen(summary)
    assert scores[winner.number] == max(scores)
    assert winner.number == scores.index(max(scores))
    metadata = json.loads((output / "metadata.json").read_text(encoding="utf-8"))
    best = max(
        (entry["eval_validation_recall@5"], entry["eval_validation_mrr"])
        for entry in metadata["training"]["history"]
        if "eval_validation_mrr" in entry and entry["step"]
    )
    assert best == pytest.approx(scores[winner.number])


def test_the_model_is_that_of_a_training_with_the_settings_of_the_winner(
    unbroken: Tuned, tiny_model_folder: Path, data: Path, tmp_path: Path
) -> None:
    summary, output = unbroken
    words = [
        word
        for name, value in chosen(summary).settings.items()
        for word in (f"--{name}", str(value))
    ]
    train_tiny(tiny_model_folder, data, tmp_path / "model", *words, "--test-ratio", "0.1")
    ours, theirs = (folder / "model.safetensors" for folder in (output, tmp_path / "model"))
    assert ours.read_bytes() == theirs.read_bytes()
    ours, theirs = (folder / "metadata.json" for folder in (output, tmp_path / "model"))
    commands = [json.loads(path.read_text())["training"]["command"] for path in (ours, theirs)]
    assert commands[0] == commands[1]


def test_metadata_card_and_record_name_the_trials(unbroken: Tuned) -> None:
    summary, output = unbroken
    metadata = json.loads((output / "metadata.json").read_text(encoding="utf-8"))
    stored = metadata["evaluation"]["search"]
    assert stored["chosen"] == chosen(summary).number
    lines = (output / "nic-trials.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == stored["trials"]
    assert len(lines) == TRIALS
    assert metadata["evaluation"]["data"]["part"] == "test"
    card = " ".join((output / "README.md").read_text(encoding="utf-8").split())
    assert f"chosen among {TRIALS} trials (0 pruned, 0 failed) on the validation queries" in card
    log = (output / "training.log").read_text(encoding="utf-8")
    assert log.count("[INFO] Trial ") == TRIALS + 1
    assert log.count("Starting training:") == 1


def test_only_the_model_itself_and_the_record_are_left(unbroken: Tuned) -> None:
    _, output = unbroken
    assert not list(output.glob("nic-trial-*"))
    assert "nic-trials.jsonl" not in json.loads((output / "metadata.json").read_text())["files"]


def test_no_query_of_the_test_part_is_asked_or_trained_on_in_the_search(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    trained: set[int] = set()
    in_search: dict[str, set[Any]] = {}
    encode, rows_of, search = (
        ChunkedSentenceTransformer.encode_query,
        fitting.training_rows,
        pipeline.search_settings,
    )

    def spy_on_queries(self: Any, texts: list[str], *more: Any, **options: Any) -> Any:
        asked.update(texts)
        return encode(self, texts, *more, **options)

    def spy_on_rows(dataset: Any, rows: list[int], *columns: Any) -> Any:
        trained.update(rows)
        return rows_of(dataset, rows, *columns)

    def spy_on_search(*given: Any) -> Any:
        asked.clear()
        found = search(*given)
        in_search.update(asked=set(asked), trained=set(trained))
        return found

    monkeypatch.setattr(ChunkedSentenceTransformer, "encode_query", spy_on_queries)
    monkeypatch.setattr(fitting, "training_rows", spy_on_rows)
    monkeypatch.setattr(pipeline, "search_settings", spy_on_search)
    tune(tiny_model_folder, data, tmp_path / "model", trials=2)
    pairs = load_pairs(data)
    split = load_split(tmp_path / "model" / "split.json", pairs)
    queries = {
        part: {pairs.column("query")[row] for row in rows} for part, rows in split.parts().items()
    }
    assert in_search["asked"] == queries["validation"]
    assert in_search["trained"] == set(split.train)
    assert queries["test"] <= asked


class At(TrainerCallback):
    """Does something after a step."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.step, self.act = step, act

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Acts after the step."""
        if state.global_step == self.step:
            self.act()


class Killed(BaseException):
    """The process is gone: nothing is saved any more."""


def kill() -> None:
    """Ends the training as `kill -9` does: with what is on the disk."""
    raise Killed


def ask_to_stop() -> None:
    """Sends SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("training", "step", "act"),
    [
        (0, 2, kill),
        (0, 5, kill),
        (2, 2, ask_to_stop),
        (TRIALS, 1, kill),
        (TRIALS, 2, ask_to_stop),
    ],
    ids=["before a checkpoint", "after one", "by a signal", "in the model", "there by a signal"],
)
def test_a_search_that_was_stopped_ends_in_the_same_trials_and_bytes(
    training: int,
    step: int,
    act: Callable[[], None],
    unbroken: Tuned,
    tiny_model_folder: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    summary, whole = unbroken
    output = tmp_path / "model"
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "build_trainer", calling_in(training, At(step, act)))
        with pytest.raises((Killed, Interrupted)):
            tune(tiny_model_folder, data, output)
    with pytest.raises(UserError, match="go on with --resume"):
        tune(tiny_model_folder, data, output)
    built = count_trainings(monkeypatch)
    resumed = tune(tiny_model_folder, data, output, "--resume")
    assert len(built) == TRIALS + 1 - training
    assert trials_of(resumed) == trials_of(summary)
    assert chosen(resumed).number == chosen(summary).number
    weights = [folder / "model.safetensors" for folder in (whole, output)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def stopped(
    model: Path, data: Path, output: Path, monkeypatch: pytest.MonkeyPatch, training: int
) -> None:
    """Leaves a search of two trials that was stopped in a training of a number."""
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "build_trainer", calling_in(training, At(2, ask_to_stop)))
        with pytest.raises(Interrupted, match="after step .*--resume"):
            tune(model, data, output, trials=2)


def test_a_resumed_search_may_have_more_trials_and_no_other_settings(
    unbroken: Tuned,
    tiny_model_folder: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "model"
    stopped(tiny_model_folder, data, output, monkeypatch, 1)
    other = tmp_path / "space.yaml"
    other.write_text("epochs: {low: 1, high: 3}", encoding="utf-8")
    for words, told in (
        (("--trials", "1"), "--trials 2, now 1"),
        (("--space", str(other)), r"--space \(other content\)"),
        (("--epochs", "3"), "--epochs 2.*, now 3"),
    ):
        with pytest.raises(UserError, match=told):
            tune(tiny_model_folder, data, output, "--resume", *words, trials=2)
    resumed = tune(tiny_model_folder, data, output, "--resume")
    assert trials_of(resumed) == trials_of(unbroken[0])


def test_no_trial_is_added_once_the_model_is_trained(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "model"
    stopped(tiny_model_folder, data, output, monkeypatch, 2)
    with pytest.raises(UserError, match="--trials 2, now 3"):
        tune(tiny_model_folder, data, output, "--resume", trials=3)
    with pytest.raises(UserError, match="--trials 2, now 0"):
        train_tiny(tiny_model_folder, data, output, "--resume", "--test-ratio", "0.1")


class PruneSecond(optuna.pruners.BasePruner):
    """Stops the second trial at its first validation."""

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        """Whether it is the second."""
        return trial.number == 1


def test_a_pruned_trial_is_reported_and_not_chosen(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **_: PruneSecond())
    summary = tune(tiny_model_folder, data, tmp_path / "model", "--eval-steps", "1", trials=2)
    first, second = trials_of(summary)
    assert (first.state, second.state) == (COMPLETE, PRUNED)
    assert [found.step for found in second.validations] == [1]
    assert len(first.validations) > 1
    assert chosen(summary).number == 0
    log = (tmp_path / "model" / "training.log").read_text(encoding="utf-8")
    assert "[INFO] Trial 1 (2 of 2) pruned in" in log
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "among 2 trials (1 pruned, 0 failed)" in card


def fail_in(trials: set[int]) -> Callable[..., Any]:
    """Returns a `set_up_training` that refuses trials of these numbers."""
    begun: list[Any] = []
    set_up = search_module.set_up_training

    def refuse(model: Any, data: Any, run: Any, arguments: Any, callbacks: Any) -> Any:
        begun.append(run)
        if len(begun) - 1 in trials:
            raise UserError(f"{arguments.output_dir}: no batch")
        return set_up(model, data, run, arguments, callbacks)

    return refuse


def test_a_trial_that_fails_is_noted_with_its_reason_and_the_search_goes_on(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "set_up_training", fail_in({0}))
    summary = tune(tiny_model_folder, data, tmp_path / "model", trials=2)
    first, second = trials_of(summary)
    assert (first.state, first.reason, first.validations) == (FAILED, "no batch", [])
    assert second.state == COMPLETE
    assert chosen(summary).number == 1


def test_a_search_without_a_complete_trial_ends_on_one_line(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "set_up_training", fail_in({0, 1}))
    with pytest.raises(UserError, match="no trial was trained to its end; no batch"):
        tune(tiny_model_folder, data, tmp_path / "model", trials=2)


def test_a_split_without_a_test_part_is_refused_before_anything_is_written(
    tiny_model_folder: Path, data: Path, tmp_path: Path
) -> None:
    train_tiny(tiny_model_folder, data, tmp_path / "trained", "--max_steps", "1")
    split = str(tmp_path / "trained" / "split.json")
    with pytest.raises(UserError, match="the split has no test part"):
        tune(tiny_model_folder, data, tmp_path / "model", "--split", split)
    assert not (tmp_path / "model").exists()


def test_a_search_that_was_damaged_is_one_line(
    tiny_model_folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "model"
    stopped(tiny_model_folder, data, output, monkeypatch, 1)
    record = output / "nic-trials.jsonl"
    record.write_text(record.read_text(encoding="utf-8")[:50], encoding="utf-8")
    with pytest.raises(UserError, match="nic-trials.jsonl: cannot be read .*--force"):
        tune(tiny_model_folder, data, output, "--resume", trials=2)
    assert tune(tiny_model_folder, data, output, "--force", trials=1)


def test_a_search_comes_back_from_json(unbroken: Tuned) -> None:
    from evaluation.serialization import from_json

    search = unbroken[0].results.search
    assert search is not None
    assert from_json(Search, json.loads(json.dumps(to_json(search)))) == search
