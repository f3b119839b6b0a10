"""What the Trainer would refuse late, in a traceback, or not at all is refused at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_runs import exit_code
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from nic.errors import UserError
from training import train as command
from training.command.parser import parse_arguments

WRONG = {
    "--learning-rate": ("nan", "-1", "inf", "0"),
    "--epochs": ("0", "-1", "nan", "inf"),
    "--seed": ("-1", "1099511627776", "nan"),
    "--batch-size": ("0", "1", "-1", "1000000000000"),
    "--warmup-ratio": ("2", "-1", "nan"),
    "--warmup_steps": ("-1", "nan", "inf"),
    "--val-ratio": ("nan", "0", "1", "-1"),
    "--test-ratio": ("nan", "1", "-1"),
    "--eval_steps": ("0", "-1", "1.5", "nan", "inf"),
    "--save_steps": ("0", "-1", "1.5", "nan", "inf"),
    "--logging_steps": ("0", "-1", "1.5", "nan", "inf"),
    "--max_steps": ("0", "-2", "1000000000000"),
    "--gradient_accumulation_steps": ("0", "-1"),
    "--per_device_eval_batch_size": ("0", "-1"),
    "--save_total_limit": ("0", "-1"),
    "--dataloader_num_workers": ("-1", "1000000"),
    "--weight_decay": ("-1", "nan", "inf"),
    "--max_grad_norm": ("-1", "nan"),
    "--adam_beta1": ("1", "-1", "nan"),
    "--adam_epsilon": ("-1", "nan"),
    "--eval_delay": ("-1", "nan"),
    "--data_seed": ("-1", "4294967296"),
    "--optim": ("x", ""),
    "--optim_args": ("x", "a=1,b"),
    "--lr_scheduler_type": ("x", ""),
    "--lr_scheduler_kwargs": ("x", "1", "["),
    "--learning_rate_mapping": ("1", "x"),
    "--router_mapping": ("1", "x"),
    "--accelerator_config": ("nowhere.json", '{"a": 1}'),
    "--deepspeed": ("nowhere.json",),
}


@pytest.fixture(autouse=True)
def _no_deepspeed() -> Iterator[None]:
    """What transformers keeps of a refused configuration would reach every later model."""
    yield
    unset_hf_deepspeed_config()


@pytest.mark.parametrize("flag", WRONG)
def test_a_value_out_of_its_range_is_one_line(flag: str) -> None:
    for value in WRONG[flag]:
        with pytest.raises(UserError) as refused:
            parse_arguments(["--device", "cpu", f"{flag}={value}"])
        assert "\n" not in str(refused.value), (flag, value)


def test_what_the_ranges_name_is_a_flag_of_the_trainer() -> None:
    _, arguments = parse_arguments(["--device", "cpu"])
    from training.command.trainer_ranges import MAPPINGS, RANGES

    for name in (*RANGES, *MAPPINGS):
        assert hasattr(arguments, name), name


@pytest.mark.parametrize("folder", ["", ".", "/", "..", "a\nb", "a\x1b[31mb", " ", "x" * 300])
def test_an_output_folder_without_a_usable_name_is_refused_and_nothing_is_made(
    folder: str,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    given = ["--data-file", str(two_domains), "--device", "cpu", f"--output-dir={folder}"]
    assert exit_code(command.main, given, monkeypatch) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_name_that_leaves_no_room_for_that_of_the_report_is_refused_before_the_training(
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    given = ["--base-model", str(tiny_model_folder), "--data-file", str(two_domains)]
    given += ["--device", "cpu", "--output-dir", str(tmp_path / ("y" * (longest - 15)))]
    assert exit_code(command.main, given, monkeypatch) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "no folder can be made in" in said
    assert [path.name for path in tmp_path.iterdir()] == ["pairs.jsonl"]
