"""Resuming with other settings is refused by name, whatever does not belong to the weights goes."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer

from nic.errors import UserError
from training.command.parser import parse_arguments
from training.command.resumed_settings import (
    describe_settings,
    hash_weights,
    refuse_other_settings,
    settings_to_record,
)
from training.output.manifest import record_settings

BEGAN = ["--epochs", "3", "--batch-size", "8", "--device", "cpu"]


@pytest.fixture
def settings_of(tiny_model: SentenceTransformer) -> Any:
    """A function that gives the settings of a command line."""

    def describe(*words: str) -> dict[str, Any]:
        run, arguments = parse_arguments([*BEGAN, *words])
        data: Any = SimpleNamespace(pairs=SimpleNamespace(sha256="ab" * 32))
        return describe_settings(run, arguments, data, tiny_model)

    return describe


@pytest.fixture
def began(tmp_path: Path, settings_of: Any) -> Path:
    """The output folder of a run that began with `BEGAN`."""
    folder = tmp_path / "out"
    (folder / "checkpoint-4").mkdir(parents=True)
    state = json.dumps({"train_batch_size": 8, "global_step": 4})
    (folder / "checkpoint-4" / "trainer_state.json").write_text(state, encoding="utf-8")
    (folder / "split.json").write_text('{"seed": 42}', encoding="utf-8")
    record_settings(folder, settings_to_record(folder, settings_of()))
    return folder


def resume(folder: Path, settings: dict[str, Any], restarts: bool = True) -> None:
    refuse_other_settings(folder, folder / "checkpoint-4", settings, restarts)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--batch-size 4", "--batch-size 8, now 4"),
        ("--learning-rate 2e-5", "--learning-rate 0.0001, now 2e-05"),
        ("--seed 7", "--seed 42, now 7"),
        ("--loss cached_mnrl", "--loss mnrl, now cached_mnrl"),
        ("--temperature 0.1", "--temperature None, now 0.1"),
        (
            "--directions query_to_doc",
            "--directions query_to_doc,doc_to_query, now query_to_doc",
        ),
        ("--hardness all_negatives", "--hardness None, now all_negatives"),
        ("--negatives auto", "--negatives none, now auto"),
        (
            "--guide-margin -0.1 --loss guided",
            "--loss mnrl, now guided; --directions query_to_doc,doc_to_query, now query_to_doc; "
            "--guide-margin -0.2, now -0.1",
        ),
        ("--layer-lr-decay 0.9", "--layer-lr-decay 1, now 0.9"),
        ("--freeze-layers 2", "--freeze-layers 10, now 2"),
        ("--dropout 0.1", "--dropout 0, now 0.1"),
        ("--val-ratio 0.2", "--val-ratio 0.1, now 0.2"),
        ("--test-ratio 0.2", "--test-ratio 0, now 0.2"),
        ("--epochs 2", "--epochs 3, now 2"),
        ("--weight_decay 0.1", "--weight-decay 0.01, now 0.1"),
        ("--gradient_accumulation_steps 2", "--gradient-accumulation-steps 1, now 2"),
        ("--batch_sampler batch_sampler", "--batch-sampler no_duplicates, now batch_sampler"),
        ("--lr_scheduler_type linear", "--lr-scheduler-type cosine, now linear"),
        ("--eval-corpus-limit 50", "--eval-corpus-limit 0, now 50"),
        ("--base-revision v2", "--base-revision None, now v2"),
        ("--pooling cls", "--pooling None, now cls"),
    ],
)
def test_a_setting_that_changes_the_training_is_refused_with_both_values(
    began: Path, settings_of: Any, words: str, told: str
) -> None:
    with pytest.raises(UserError, match=f"out: --resume .*changed: {told}; give the former"):
        resume(began, settings_of(*words.split()))


@pytest.mark.parametrize(
    "words",
    [
        "--epochs 5",
        "--max_steps 50",
        "--logging_steps 1 --eval-steps 5 --save_strategy steps --save_steps 9 --report_to none",
        "--temperature 0.05 --directions doc_to_query,query_to_doc",
        "--patience 2 --keep-checkpoints 1 --probe none --no-speed --frozen-cache-gb 0",
    ],
)
def test_what_leaves_the_weights_as_they_are_may_change(
    began: Path, settings_of: Any, words: str
) -> None:
    resume(began, settings_of(*words.split()))


def test_more_epochs_are_refused_where_the_rate_depends_on_their_number(
    began: Path, settings_of: Any
) -> None:
    with pytest.raises(UserError, match="changed: --epochs 3, now 5"):
        resume(began, settings_of("--epochs", "5"), restarts=False)


def test_another_number_of_processes_goes_on_unless_they_draw_dropout(
    began: Path, settings_of: Any
) -> None:
    resume(began, {**settings_of(), "processes": 4})
    drawing = settings_of("--dropout", "0.1")
    record_settings(began, settings_to_record(began, drawing))
    resume(began, drawing)
    told = "changed: the number of processes, which draw --dropout, 1, now 4; give the former"
    with pytest.raises(UserError, match=told):
        resume(began, {**drawing, "processes": 4})


def test_a_run_with_a_batch_for_each_process_is_not_gone_on_with(
    began: Path, settings_of: Any
) -> None:
    before = {**settings_of(), "processes": 2}
    del before["batches"]
    record_settings(began, settings_to_record(began, before))
    with pytest.raises(UserError, match="out: an earlier version .* a batch for each of 2 proces"):
        resume(began, settings_of())


def test_all_differences_are_named_at_once_and_contents_without_their_values(
    began: Path, settings_of: Any
) -> None:
    changed = {**settings_of("--seed", "7"), "data": "cd" * 32, "base": "ef" * 32}
    told = r"--seed 42, now 7; --data-file \(other content\); --base-model \(other content\);"
    with pytest.raises(UserError, match=told):
        resume(began, changed)


def test_an_edited_split_is_refused(began: Path, settings_of: Any) -> None:
    (began / "split.json").write_text('{"seed": 42 }', encoding="utf-8")
    with pytest.raises(UserError, match="split.json: was changed since the training began"):
        resume(began, settings_of())


def test_a_folder_of_an_earlier_version_is_compared_as_far_as_it_tells(
    began: Path, settings_of: Any, caplog: pytest.LogCaptureFixture
) -> None:
    (began / "nic-run.json").unlink()
    with caplog.at_level("WARNING"):
        resume(began, settings_of("--learning-rate", "1e-4"))
    assert "only batch size and seed are compared" in caplog.text
    for word, told in (("--batch-size", "8, now 7"), ("--seed", "42, now 7")):
        with pytest.raises(UserError, match=f"{word} {told}"):
            resume(began, settings_of(word, "7"))


def test_a_run_of_an_earlier_version_had_the_defaults_of_later_flags(
    began: Path, settings_of: Any
) -> None:
    path = began / "nic-run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record["settings"]["temperature"]
    path.write_text(json.dumps(record), encoding="utf-8")
    resume(began, settings_of())
    with pytest.raises(UserError, match="changed: --temperature None, now 0.2"):
        resume(began, settings_of("--temperature", "0.2"))


def test_one_changed_weight_changes_the_hash(tiny_model: SentenceTransformer) -> None:
    before = hash_weights(tiny_model)
    assert hash_weights(tiny_model) == before
    with torch.no_grad():
        next(iter(tiny_model.parameters())).view(-1)[0] += 1e-3
    assert hash_weights(tiny_model) != before
