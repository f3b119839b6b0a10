"""The split that a data set brings itself is used as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import make_row
from data_files import write_beir, write_splits

from nic.errors import UserError
from pairs.checks.scan import scan_file
from pairs.checks.splits import split_as_training_does
from pairs.checks.tokens import TokenCounter
from pairs.own_split import refuse_folds
from pairs.prepare import prepare_pairs
from pairs.split import Split, split_pairs

ROWS = [make_row(n, "hvac", query=f"why {n}?") for n in range(40)]


@pytest.mark.parametrize("kind", ["splits", "beir"])
def test_train_validation_and_test_are_those_of_the_data(
    kind: str, tmp_path: Path, tiny_counter: TokenCounter, caplog: pytest.LogCaptureFixture
) -> None:
    dev = "validation" if kind == "splits" else "dev"
    write = write_splits if kind == "splits" else write_beir
    path = write({"train": ROWS[:25], dev: ROWS[25:30], "test": ROWS[30:]}, tmp_path)
    with caplog.at_level("INFO", logger="pairs"):
        prepared = prepare_pairs(path, val_ratio=0.3, seed=7)
    expected = Split([*range(25)], [*range(25, 30)], 7, [*range(30, 40)])
    assert prepared.split == expected
    assert "The data brings its own split, which is used as it is" in caplog.text
    assert split_as_training_does(scan_file(path, tiny_counter), 0.3, 7, "error") == expected
    with pytest.raises(UserError, match="--folds: the data brings its own split"):
        refuse_folds(prepared.pairs.parts)


def test_a_missing_validation_part_is_drawn_from_the_training_part(tmp_path: Path) -> None:
    path = write_beir({"train": ROWS[:30], "test": ROWS[30:]}, tmp_path)
    prepared = prepare_pairs(path, val_ratio=0.2)
    split = prepared.split
    assert split.test == [*range(30, 40)]
    assert len(split.validation) == 6
    assert sorted([*split.train, *split.validation]) == [*range(30)]
    assert prepared.counts.shared_passages == 0


def test_rows_of_another_part_are_trained_on(tmp_path: Path) -> None:
    parts = {"train": ROWS[:20], "extra": ROWS[20:30], "validation": ROWS[30:]}
    assert prepare_pairs(write_splits(parts, tmp_path)).split.train == [*range(30)]


def test_a_test_part_alone_is_split_as_any_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepared = prepare_pairs(write_beir({"test": ROWS}, tmp_path), val_ratio=0.2)
    assert prepared.split == split_pairs(prepared.pairs, 0.2)
    assert "The data has a test part alone: it is split as any other" in caplog.text
    refuse_folds(prepared.pairs.parts)
