"""The parser: the runbook's flags with its defaults, the Trainer's flags, a YAML file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sentence_transformers.sentence_transformer.training_args import BatchSamplers

from nic.errors import UserError
from training.command.parser import parse_arguments

RECIPES = Path(__file__).resolve().parents[3] / "training" / "recipes"


def test_the_defaults_are_the_runbooks_but_for_the_recipe() -> None:
    run, training = parse_arguments([])
    assert run.data_file == "data/finetuning/training_pairs.jsonl"
    assert run.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    assert (run.freeze_layers, run.val_ratio, run.device) == (10, 0.1, "auto")
    assert training.output_dir == "models/nic-embeddings-v1.0"
    assert (training.num_train_epochs, training.per_device_train_batch_size) == (2, 32)
    assert (training.learning_rate, training.seed) == (1e-4, 42)
    assert (training.lr_scheduler_type, run.directions, run.mix) == ("cosine", None, "auto")
    assert run.negatives == "none"
    assert (training.weight_decay, training.max_grad_norm) == (0.01, 1.0)
    assert (training.eval_steps, training.dataloader_drop_last) == (100, True)
    assert training.batch_sampler == BatchSamplers.NO_DUPLICATES


@pytest.mark.parametrize("dash", ["-", "_"])
def test_dashes_and_underscores_both_work(dash: str) -> None:
    flags = ["--batch size", "16", "--freeze layers", "3", "--learning rate", "1e-5"]
    run, training = parse_arguments([flag.replace(" ", dash) for flag in flags])
    assert (training.per_device_train_batch_size, run.freeze_layers) == (16, 3)
    assert training.learning_rate == 1e-5


def test_every_trainer_flag_is_there() -> None:
    _, training = parse_arguments(["--gradient_accumulation_steps", "4", "--report_to", "none"])
    assert training.gradient_accumulation_steps == 4


def test_a_recipe_is_found_by_its_name_and_a_file_of_that_name_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_arguments(["--config", "cpu"])[1].per_device_train_batch_size == 16
    (tmp_path / "cpu").write_text("batch_size: 8\n", encoding="utf-8")
    assert parse_arguments(["--config", "cpu"])[1].per_device_train_batch_size == 8
    with pytest.raises(UserError, match="no recipe"):
        parse_arguments(["--config", "../recipes/fast"])


def test_the_recipe_of_the_runbook_is_what_the_runbook_says() -> None:
    run, training = parse_arguments(["--config", "runbook"])
    assert (training.num_train_epochs, training.per_device_train_batch_size) == (5, 32)
    assert (training.learning_rate, training.weight_decay) == (2e-5, 0.01)
    assert (training.max_grad_norm, training.eval_steps) == (1.0, 100)
    assert training.restarts_every_epoch
    assert (run.freeze_layers, run.loss, run.mix) == (10, "mnrl", "off")
    assert (run.directions, run.negatives) == ("query_to_doc", "given")


@pytest.mark.parametrize(
    ("recipe", "epochs", "batch", "rate"),
    [("fast", 1, 32, 1e-4), ("production", 2, 32, 1e-4), ("cpu", 2, 16, 1e-4)],
)
def test_each_recipe_is_what_the_pages_say(
    recipe: str, epochs: int, batch: int, rate: float
) -> None:
    _, training = parse_arguments(["--config", str(RECIPES / f"{recipe}.yaml")])
    assert training.num_train_epochs == epochs
    assert training.per_device_train_batch_size == batch
    assert training.learning_rate == rate


def test_flags_win_over_the_file_wherever_they_stand(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("epochs: 7\nbatch-size: 8\nresume: true\n", encoding="utf-8")
    given = ["--epochs", "4", "--config", str(tmp_path / "c.yaml")]
    run, training = parse_arguments(given)
    assert (training.num_train_epochs, training.per_device_train_batch_size) == (4, 8)
    assert run.resume


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epocs: 3\n", 'unknown key "epocs"'),
        ("config: x.yaml\n", 'unknown key "config"'),
        ("- 3\n", "not a mapping"),
        ("a: [\n", "not valid YAML"),
        ("epochs: many\n", "invalid float value: 'many'"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_by_name(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "c.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        parse_arguments(["--config", str(tmp_path / "c.yaml")])


def test_a_missing_config_and_an_empty_one(tmp_path: Path) -> None:
    names = "fast, manuals, production, query_adapter, runbook"
    with pytest.raises(UserError, match=f"nowhere.yaml: no such file, .* {names}"):
        parse_arguments(["--config", "nowhere.yaml"])
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    assert parse_arguments(["--config", str(tmp_path / "empty.yaml")])[1].num_train_epochs == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--epochs 0", "--epochs 0.0: must be more than 0"),
        ("--epochs nan", "--epochs nan: must be more than 0"),
        ("--batch-size 1", "--batch-size 1: must be 2 or more"),
        ("--learning-rate -1", "--learning-rate -1.0: must be more than 0"),
        ("--freeze-layers -1", "--freeze-layers -1: must be 0 or more"),
        ("--val-ratio 1", "--val-ratio 1.0: must be a share"),
        ("--val-ratio 0", "--val-ratio 0.0: must be a share"),
        ("--seed -4", "--seed -4: must be 0 to 4294967295"),
        ("--patience -1", "--patience -1: must be 0 or more"),
        ("--frozen-cache-gb -1", "--frozen-cache-gb -1.0: must be 0 or more"),
        ("--resume --force", "give one of them"),
        ("--device tpu", "invalid choice: 'tpu'"),
        ("--epochs ten", "invalid float value: 'ten'"),
        ("--epoch 3", "unrecognized arguments: --epoch 3"),
        ("--load_best_model_at_end", "checkpoint-best is always kept"),
        ("--push_to_hub", "use --publish-to with --repo-id and --revision-tag, or nic-publish"),
        ("--lr_scheduler_type wavy", "wavy is not a valid SchedulerType"),
    ],
)
def test_what_cannot_be_is_one_clear_line(given: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_arguments(given.split())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(UserError, match=f"--device {device}: PyTorch sees no"):
        parse_arguments(["--device", device])


def test_cpu_is_told_to_the_trainer() -> None:
    assert parse_arguments(["--device", "cpu"])[1].device.type == "cpu"


def test_the_licence_and_the_languages_of_the_card_are_not_stated_by_default() -> None:
    run, _ = parse_arguments(["--device", "cpu"])
    assert (run.license, run.language) == (None, None)


@pytest.mark.parametrize("given", ["--license", "--language"])
def test_a_licence_or_language_that_hubs_refuse_is_refused_before_training(given: str) -> None:
    with pytest.raises(UserError, match=f"^{given} 'Not One': give "):
        parse_arguments([given, "Not One", "--device", "cpu"])


@pytest.mark.parametrize(
    ("recipe", "says"),
    [
        ("epochs: [1, 2]", '"epochs" is a list; give one value'),
        ("seed: [1, --force]", '"seed" is a list; give one value'),
    ],
)
def test_no_value_of_a_recipe_is_taken_for_another_flag(
    recipe: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe, encoding="utf-8")
    with pytest.raises(UserError, match=says):
        parse_arguments(["--config", str(path)])


def test_a_prompt_of_a_recipe_may_begin_with_a_dash(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text('query_prompt: "--force "', encoding="utf-8")
    run, _ = parse_arguments(["--config", str(path)])
    assert (run.query_prompt, run.force) == ("--force ", False)


def test_a_folder_with_the_name_of_a_recipe_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "manuals").mkdir()
    monkeypatch.chdir(tmp_path)
    run, _ = parse_arguments(["--config", "manuals"])
    assert (run.hold_out_made, run.mix) == (True, "auto")
