"""The command line of `nic-tune`: that of `nic-train`, with a test part and two flags more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nic.errors import UserError
from training.command import search_arguments
from training.command.help_text import answer_tune_help, tune_help_text
from training.command.parser import parse_arguments, parse_search

PROJECT = Path(__file__).resolve().parents[3]


def test_a_search_has_a_test_part_by_default_and_takes_every_flag_of_a_training(
    tmp_path: Path,
) -> None:
    run, arguments, search = parse_search(["--epochs", "2", "--warmup_steps", "0"])
    assert (run.test_ratio, arguments.num_train_epochs) == (0.1, 2)
    assert (search.trials, search.space) == (20, None)
    assert parse_arguments([])[0].test_ratio == 0
    config = tmp_path / "search.yaml"
    config.write_text("trials: 7\ntest_ratio: 0.2\n", encoding="utf-8")
    run, _, search = parse_search(["--config", str(config)])
    assert (run.test_ratio, search.trials) == (0.2, 7)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--test-ratio 0", "--test-ratio 0: the validation queries choose the settings"),
        ("--folds 3", "--folds: nic-tune reports on a test part of its own; leave it out"),
        ("--trials 0", "--trials 0: must be 1 or more"),
        ("--nope 1", "--nope 1; --help lists the flags, nic-train --help-all also the Trainer's"),
    ],
)
def test_what_a_search_cannot_do_is_one_line(words: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_search(words.split())


def test_nic_train_does_not_take_the_flags_of_a_search() -> None:
    with pytest.raises(UserError, match="--trials 2"):
        parse_arguments(["--trials", "2"])


def test_without_optuna_a_search_is_one_line_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(search_arguments, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r'pip install "nic-embeddings\[tune\]"'):
        parse_search([])
    assert parse_arguments([])


def test_a_training_needs_no_optuna(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['optuna'] = None\n"
        "import training.pipeline, training.tune\n"
        "assert 'training.search.plan' in sys.modules\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def test_the_help_fits_on_one_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = tune_help_text().splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 100
    with pytest.raises(SystemExit) as stopped:
        answer_tune_help(["--help"])
    assert stopped.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--trials N trainings to compare; the first has the settings given here [20]" in shown
    assert (
        "--test-ratio SHARE share for the final report, which no trial is scored on [0.1]" in shown
    )
    answer_tune_help(["--epochs", "3"])
    assert capsys.readouterr().out == ""
