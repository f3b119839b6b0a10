"""What is searched: read from a file, checked, and left out where it does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.trials import Settings
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from training.command.parser import parse_arguments
from training.search.settings import FIELDS, apply_settings, present_setting
from training.search.space import Choices, Range, Space, check_space, default_space, read_space

ROWS = 1000


def read(tmp_path: Path, text: str) -> tuple[Space, dict[str, object]]:
    path = tmp_path / "space.yaml"
    path.write_text(text, encoding="utf-8")
    space, fixed = read_space(path)
    return space, dict(fixed)


def default_of(model: ChunkedSentenceTransformer, *words: str, rows: int = ROWS) -> Space:
    return default_space(*parse_arguments(["--device", "cpu", *words]), model, rows)


def test_a_file_gives_ranges_choices_and_values_that_all_trials_have(tmp_path: Path) -> None:
    text = """
    learning-rate: {low: 2e-5, high: 3e-4, log: true}
    epochs: {low: 1, high: 5}
    num-train-epochs: null
    """
    with pytest.raises(UserError, match='"num-train-epochs" is there twice'):
        read(tmp_path, text)
    space, fixed = read(
        tmp_path,
        """
    learning-rate: {low: 2e-5, high: 3e-4, log: true}
    per_device_train_batch_size: {choices: [16, 32]}
    epochs: {low: 1, high: 5}
    weight_decay: {low: 0, high: 1}
    negatives: {choices: [auto, none]}
    hardness: {choices: [null, in_batch_negatives]}
    dropout: 0.1
    """,
    )
    assert space == {
        "learning_rate": Range(2e-5, 3e-4, log=True),
        "batch_size": Choices((16, 32)),
        "epochs": Range(1, 5),
        "weight_decay": Range(0.0, 1.0),
        "negatives": Choices(("auto", "none")),
        "hardness": Choices((None, "in_batch_negatives")),
    }
    epochs, decay = space["epochs"], space["weight_decay"]
    assert isinstance(epochs, Range) and isinstance(epochs.low, int)
    assert isinstance(decay, Range) and isinstance(decay.low, float)
    assert fixed == {"dropout": 0.1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: {choices: [1, 2]}", 'unknown setting "seed"; a search takes learning_rate, epochs'),
        ("learning_rat: 1", 'unknown setting "learning_rat"'),
        ("learning_rate: {low: 1e-5}", "learning_rate: give {low: ..., high: ...}"),
        ("learning_rate: {low: 1e-5, high: 1e-3, step: 2}", "learning_rate: give {low"),
        ("learning_rate: [1e-5, 1e-3]", "learning_rate: give {low"),
        ("learning_rate: {low: 1e-3, high: 1e-5}", "low 0.001 must be less than high 1e-05"),
        ("learning_rate: {low: 0, high: 1e-5, log: true}", "low 0 must be more than 0 with log"),
        ("learning_rate: {low: 1e-5, high: 1e-3, log: 3}", "log 3: must be true or false"),
        ("learning_rate: {low: few, high: 1e-3}", "learning_rate: .*invalid float value: 'few'"),
        ("batch_size: {low: 1.5, high: 8}", "batch_size: .*invalid int value: '1.5'"),
        ("batch_size: {choices: [8]}", "choices need two or more different values"),
        ("batch_size: {choices: [8, 8]}", "choices need two or more different values"),
        ("loss: {choices: [mnrl, mse]}", "loss: .*invalid choice: 'mse'"),
        ("directions: {low: 1, high: 2}", "low and high need numbers"),
        ("negatives: {choices: [auto, some]}", "negatives: .*invalid choice: 'some'"),
        ("dropout: 0.1", "names nothing to search"),
        ("- a", "not a mapping"),
    ],
)
def test_a_file_that_does_not_fit_is_one_line_that_names_the_setting(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        read(tmp_path, text)
    assert "space.yaml: " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_default_space_follows_the_depth_of_the_model(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    space = default_of(tiny_model)
    assert list(space) == [
        *("learning_rate", "epochs", "batch_size", "freeze_layers", "temperature"),
        *("directions", "negatives"),
    ]
    assert space["freeze_layers"] == Range(0, 3)
    assert space["batch_size"] == Choices((16, 32, 64))


def test_the_default_space_leaves_out_what_does_not_fit(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    assert default_of(tiny_model, rows=40)["batch_size"] == Choices((16, 32))
    assert "batch_size" not in default_of(tiny_model, "--batch-size", "8", rows=20)
    assert "epochs" not in default_of(tiny_model, "--max_steps", "5")
    assert "directions" not in default_of(tiny_model, "--loss", "guided")
    assert "freeze_layers" not in default_of(tiny_model, "--query-adapter")
    assert "negatives" not in default_of(
        tiny_model, "--negatives", "auto", "--hardness", "hard_negatives"
    )
    by_dot = ChunkedSentenceTransformer(modules=list(tiny_model)[:2], similarity_fn_name="dot")
    assert "temperature" not in default_of(by_dot)


@pytest.mark.parametrize(
    ("space", "words", "message"),
    [
        ({"learning_rate": Range(0.1, 2.0)}, "", "learning_rate: --learning-rate 2.0: must be"),
        ({"freeze_layers": Range(0, 4)}, "", "freeze_layers: 4: the encoder has 4 layers; give"),
        (
            {"freeze_layers": Range(0, 3)},
            "--query-adapter",
            "freeze_layers: --query-adapter freezes every layer; leave it out",
        ),
        ({"batch_size": Choices((8, 2000))}, "", "batch_size: .*2000"),
        ({"epochs": Range(1, 5)}, "--max_steps 3", "epochs: --max_steps sets the length"),
        (
            {"directions": Choices(("query_to_doc", "query_to_doc,doc_to_query"))},
            "--loss guided",
            "directions: --directions doc_to_query: no guided loss has it",
        ),
    ],
)
def test_a_value_that_makes_a_training_impossible_is_refused(
    space: Space, words: str, message: str, tiny_model: ChunkedSentenceTransformer
) -> None:
    run, arguments = parse_arguments(["--device", "cpu", *words.split()])
    with pytest.raises(UserError, match=f"space.yaml: {message}"):
        check_space(space, "space.yaml", run, arguments, tiny_model, ROWS)


def test_settings_reach_the_arguments_and_nothing_else_changes() -> None:
    run, arguments = parse_arguments(["--device", "cpu", "--precision", "fp32", "--patience", "2"])
    settings: Settings = {
        "learning_rate": 3e-4,
        "batch_size": 8,
        "freeze_layers": 1,
        "temperature": 0.1,
    }
    changed, theirs = apply_settings(run, arguments, settings)
    assert (changed.freeze_layers, changed.temperature, changed.patience) == (1, 0.1, 2)
    assert (theirs.learning_rate, theirs.per_device_train_batch_size) == (3e-4, 8)
    differ = {
        name
        for name, value in arguments.to_sanitized_dict().items()
        if theirs.to_sanitized_dict()[name] != value
    }
    assert {"learning_rate", "per_device_train_batch_size"} <= differ
    assert differ <= {"learning_rate", "per_device_train_batch_size", "train_batch_size"}
    assert (arguments.learning_rate, run.temperature) == (1e-4, None)


def test_what_a_flag_asks_for_in_other_words_is_named_as_what_is_done(
    tiny_model: ChunkedSentenceTransformer,
) -> None:
    run, arguments = parse_arguments(["--device", "cpu"])
    found = {name: present_setting(name, run, arguments, tiny_model) for name in FIELDS}
    assert run.freeze_layers == 10
    assert found["freeze_layers"] == 2
    assert found["temperature"] == 0.05
    assert found["epochs"] == 2 and isinstance(found["epochs"], int)
    for name in ("learning_rate", "batch_size", "negatives", "directions"):
        assert (
            found[name]
            == {
                "learning_rate": 1e-4,
                "batch_size": 32,
                "negatives": "none",
                "directions": "query_to_doc,doc_to_query",
            }[name]
        )
