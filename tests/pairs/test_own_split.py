"""The split that a data set brings itself is used as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import make_row
from data_files import write_beir, write_splits

from nic.errors import UserError
from pairs.checks.scan import scan_file
from pairs.checks.splits import split_as_training_does
from pairs.checks.tokens import TokenCounter
from pairs.loading import load_pairs
from pairs.own_split import refuse_folds
from pairs.prepare import prepare_pairs
from pairs.split import Split, SplitRules, split_pairs

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


def made(numbers: range) -> list[dict[str, Any]]:
    marks = {"synthetic": True, "origin": "sentence"}
    return [make_row(n, "hvac", query=f"made {n}?", **marks) for n in numbers]


def test_made_pairs_of_a_held_out_part_are_neither_asked_nor_trained_on(tmp_path: Path) -> None:
    # Rows 20 to 23 are made: of training, two of them about the passages of test.
    parts = {
        "train": [*ROWS[:20], *made(range(50, 52)), *made(range(30, 32))],
        "validation": [*ROWS[24:28], *made(range(60, 62))],
        "test": [*ROWS[30:34], *made(range(70, 73))],
    }
    pairs = load_pairs(write_splits(parts, tmp_path))
    split = split_pairs(pairs)
    assert split.train == [*range(22)]
    assert (split.validation, split.test) == ([24, 25, 26, 27], [30, 31, 32, 33])
    assert split.left_out == [22, 23, 28, 29, 34, 35, 36]
    known = split_pairs(pairs, rules=SplitRules(known_passages="all"))
    assert known.train == [*range(24)]
    asked = split_pairs(pairs, rules=SplitRules(hold_out_made=True))
    assert (asked.validation, asked.left_out) == ([*range(24, 30)], [])
    with pytest.raises(UserError, match="--split-by date: the data brings its own split"):
        split_pairs(pairs, rules=SplitRules(split_by="date"))


def test_made_pairs_of_a_test_part_alone_are_trained_on(tmp_path: Path) -> None:
    pairs = load_pairs(write_splits({"test": [*ROWS, *made(range(50, 60))]}, tmp_path))
    split = split_pairs(pairs, 0.2)
    assert set(range(40, 50)) <= set(split.train)
    assert split.left_out == []


def test_a_training_part_of_made_pairs_is_judged_by_what_people_asked(tmp_path: Path) -> None:
    parts = {"train": made(range(50, 90)), "validation": ROWS[:4], "test": ROWS[4:8]}
    split = split_pairs(load_pairs(write_splits(parts, tmp_path)))
    assert split == Split([*range(40)], [*range(40, 44)], 42, [*range(44, 48)])


@pytest.mark.parametrize(
    ("parts", "use"),
    [
        ({"train": ROWS[:20], "validation": made(range(50, 60))}, "ask"),
        ({"train": made(range(50, 60)), "test": ROWS[:20]}, "validate on"),
    ],
)
def test_a_split_that_leaves_nothing_that_people_asked_is_refused(
    parts: dict[str, list[dict[str, Any]]], use: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"has made pairs alone to {use}; allow them with --hold"):
        split_pairs(load_pairs(write_splits(parts, tmp_path)))
