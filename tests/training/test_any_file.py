"""A training on another format: its columns are recorded, and the evaluation reads them alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import make_row
from data_files import delimited, write_beir
from tiny_runs import FLAGS, named, train_tiny

from evaluation.arguments import EvaluationArguments
from evaluation.pipeline import evaluate_models
from nic.errors import UserError
from training.command.parser import parse_arguments

NAMES = {"query": "Frage", "positive": "Antwort", "negative": "Falsch", "domain": "Gerät"}
READING = [
    *("--columns", "query=Frage", "positive=Antwort", "negative=Falsch"),
    *("--domain-from", "Gerät"),
]
ROWS = [make_row(n, "hvac" if n % 2 else "radar", query=f"pump {n}?") for n in range(40)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    rows = [{NAMES[name]: text for name, text in row.items()} for row in ROWS]
    path.write_text(delimited(rows, ";"), encoding="utf-8", newline="")
    return path


def test_a_training_on_csv_is_evaluated_and_resumed_as_it_was_read(
    tiny_model_folder: Path, table: Path, tmp_path: Path, no_pictures: None
) -> None:
    out = tmp_path / "out"
    train_tiny(tiny_model_folder, table, out, *READING)
    facts = json.loads((out / "metadata.json").read_text("utf-8"))
    assert facts["data"]["reading"] == [
        {
            "file": "pairs.csv",
            "format": 'CSV with ";"',
            "encoding": "UTF-8",
            "columns": {role: name for role, name in NAMES.items()},
        }
    ]
    card = (out / "README.md").read_text("utf-8")
    assert "--columns negative=Falsch positive=Antwort query=Frage --domain-from" in card
    evaluated = evaluate_models(
        EvaluationArguments(
            model=[out], base=tiny_model_folder, data_file=table, probe="none", speed=False
        )
    )
    assert evaluated is not None
    assert evaluated.results.data.sha256 == facts["data"]["sha256"]
    assert set(evaluated.comparison.domains) == {"hvac", "radar"}
    with pytest.raises(UserError, match=r"changed: --columns negative=Falsch .*, now none; --dom"):
        train_tiny(tiny_model_folder, table, out, "--resume")


def test_a_beir_folder_is_trained_on_by_its_own_split(
    tiny_model_folder: Path, tmp_path: Path, no_pictures: None
) -> None:
    parts = {"train": ROWS[:24], "dev": ROWS[24:32], "test": ROWS[32:]}
    data = write_beir(parts, tmp_path, more=["a passage that nobody asks for"])
    summary = train_tiny(tiny_model_folder, data, tmp_path / "out")
    assert summary.results.task.queries == 8
    assert summary.results.data.part == "test"
    texts = {text for row in ROWS for text in (row["positive"], row["negative"])}
    assert summary.results.task.passages == len(texts) + 1
    assert list(summary.comparison.listed) == ["overall"]
    with pytest.raises(UserError, match="--folds: the data brings its own split"):
        train_tiny(tiny_model_folder, data, tmp_path / "other", "--folds", "3")


def test_the_data_file_is_not_overwritten_whatever_place_it_has(
    tiny_model_folder: Path, table: Path, tmp_path: Path
) -> None:
    other = tmp_path / "out" / "README.md"
    other.parent.mkdir()
    other.write_bytes(table.read_bytes())
    with pytest.raises(UserError, match=r"--data-file .*README.md: the run writes to"):
        train_tiny(tiny_model_folder, table, other.parent, "--data-file", str(table), str(other))


def test_columns_in_yaml_are_a_mapping_or_a_list(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    for columns in ("{query: Frage, positive: Antwort}", "[query=Frage, positive=Antwort]"):
        recipe.write_text(
            f"columns: {columns}\ndata_file: [b.csv, a.csv]\ndomain: hvac\n", encoding="utf-8"
        )
        run, _ = parse_arguments(["--config", str(recipe)])
        assert run.source.named_columns() == {"query": "Frage", "positive": "Antwort"}
        assert run.data_file == ["b.csv", "a.csv"]
        assert run.domain == "hvac"


def test_one_data_file_stays_a_word(tmp_path: Path) -> None:
    flags = [*named(tmp_path, tmp_path / "a.csv", tmp_path / "out"), *FLAGS]
    assert parse_arguments(flags)[0].data_file == str(tmp_path / "a.csv")
