"""A data set of the Hub is read as its splits, each a part of the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pytest
from conftest import make_row
from data_files import table
from datasets import Dataset, DatasetDict

from pairs.loading import load_pairs

ROWS = [make_row(n, "hvac", query=f"why {n}?") for n in range(12)]


@pytest.mark.parametrize("name", ["org/manuals", "hf://datasets/org/manuals"])
def test_the_splits_of_a_data_set_are_its_rows_and_parts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(name: str) -> DatasetDict:
        asked.append(name)
        return DatasetDict({"train": Dataset(table(ROWS[:8])), "test": Dataset(table(ROWS[8:]))})

    def info(self: object, name: str, **options: Any) -> None:
        asked.append(name)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path))
    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    pairs = load_pairs(name)
    assert asked == ["org/manuals", "org/manuals"]
    assert pairs.column("query") == [row["query"] for row in ROWS]
    assert pairs.parts == ["train"] * 8 + ["test"] * 4
    assert str(pairs.place(9)) == 'org/manuals: split "test", row 2'
    assert pairs.files.describe() == [
        "manuals: a data set of the Hub (train 8, test 4); query, positive, negative, domain"
    ]
    assert load_pairs(name).sha256 == pairs.sha256
