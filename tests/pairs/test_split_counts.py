"""The counts of a split: what each part holds, and what the parts share."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import MakePairs, make_row

from pairs.loading import load_pairs
from pairs.split import Split, split_pairs
from pairs.split_counts import describe_split, log_split


def test_each_domain_gives_its_share(write_pairs: MakePairs) -> None:
    rows = [make_row(n, "radar" if n < 150 else "hvac") for n in range(200)]
    pairs = load_pairs(write_pairs(rows))
    counts = describe_split(split_pairs(pairs, 0.2, seed=42), pairs)
    assert counts.domains == {
        "hvac": {"train": 40, "validation": 10},
        "radar": {"train": 120, "validation": 30},
    }


def test_each_domain_gives_its_share_to_a_test_part_too(
    write_pairs: MakePairs, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [make_row(n, "radar" if n < 150 else "hvac") for n in range(200)]
    pairs = load_pairs(write_pairs(rows))
    counts = describe_split(split_pairs(pairs, 0.2, seed=42, test_ratio=0.1), pairs)
    assert counts.domains == {
        "hvac": {"train": 35, "validation": 10, "test": 5},
        "radar": {"train": 105, "validation": 30, "test": 15},
    }
    with caplog.at_level("INFO"):
        log_split(counts)
    assert "Train/Val/Test split: 140/40/20 (20.0% val, 10.0% test)" in caplog.text
    assert "radar               : 105/30/15" in caplog.text
    assert " validation and " in caplog.text and " test passages also occur" in caplog.text


def test_the_counts_tell_which_held_out_passages_are_training_negatives(
    write_pairs: MakePairs, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [make_row(n, "hvac", negative=f"n{n}") for n in range(4)]
    rows[0]["negative"] = rows[3]["positive"]
    pairs = load_pairs(write_pairs(rows))
    counts = describe_split(Split([0, 1], [2, 3], 0), pairs)
    assert counts.positives_among_train_negatives == {"validation": 1}
    assert (counts.shared_passages, counts.shared_queries) == (0, 0)
    with caplog.at_level("INFO"):
        log_split(counts)
    assert "Train/Val split: 2/2 (50.0% val)" in caplog.text
    assert "leaks" not in caplog.text


def test_a_leaking_split_is_warned_of(
    write_pairs: MakePairs, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [make_row(n, "hvac", positive="same") for n in range(2)]
    pairs = load_pairs(write_pairs(rows))
    log_split(describe_split(Split([0], [1], 0), pairs))
    assert "the given split leaks" in caplog.text


def test_the_metadata_has_one_key_per_part_and_count(two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    counts = describe_split(split_pairs(pairs, 0.2, 0.1), pairs).as_dict()
    assert list(counts) == [
        "train_pairs",
        "validation_pairs",
        "test_pairs",
        "train_passages",
        "validation_passages",
        "test_passages",
        "shared_queries",
        "shared_passages",
        "validation_positives_among_train_negatives",
        "test_positives_among_train_negatives",
        "domains",
    ]
    assert [counts[f"{part}_pairs"] for part in ("train", "validation", "test")] == [28, 8, 4]
