"""Split: no passage and no query stands in both halves."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakePairs, make_row
from hypothesis import given, settings
from hypothesis import strategies as st

from nic.errors import UserError
from pairs.loading import Pairs, load_pairs
from pairs.split import connected_units, draw_folds, split_into_folds, split_pairs


def random_rows() -> st.SearchStrategy[list[dict[str, str]]]:
    row = st.fixed_dictionaries(
        {
            "query": st.integers(0, 60).map(lambda n: f"q{n}"),
            "positive": st.integers(0, 40).map(lambda n: f"p{n}"),
            "negative": st.integers(0, 40).map(lambda n: f"n{n}"),
            "domain": st.sampled_from(["radar", "hvac", "vehicle"]),
        }
    )
    return st.lists(row, min_size=1, max_size=80)


def pairs_of(rows: list[dict[str, Any]]) -> Pairs:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return load_pairs(path)


@settings(max_examples=60, deadline=None)
@given(
    rows=random_rows(),
    seed=st.integers(0, 2**32 - 1),
    ratio=st.floats(0.05, 0.45),
    test_ratio=st.sampled_from([0.0, 0.1, 0.4]),
)
def test_no_passage_and_no_query_is_ever_shared(
    rows: list[dict[str, str]], seed: int, ratio: float, test_ratio: float
) -> None:
    pairs = pairs_of(rows)
    try:
        split = split_pairs(pairs, ratio, test_ratio, seed, "train")
    except UserError:
        return
    for column in ("query", "positive"):
        values = pairs.column(column)
        parts = [{values[i] for i in part} for part in split.parts().values()]
        assert sum(map(len, parts)) == len(set(values))
    assert sorted(sum(split.parts().values(), [])) == list(range(len(rows)))


def test_rows_joined_over_a_chain_of_shared_texts_are_one_unit() -> None:
    # q0-p0, q0-p1, q1-p1: one unit; q2-p2 another.
    assert connected_units(["q0", "q0", "q1", "q2"], ["p0", "p1", "p1", "p2"]).tolist() == [
        0,
        0,
        0,
        1,
    ]


def test_a_text_that_is_a_query_and_a_passage_joins_nothing() -> None:
    assert connected_units(["same", "q"], ["p", "same"]).tolist() == [0, 1]


def test_the_test_part_stays_when_the_share_of_validation_changes(two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    one = split_pairs(pairs, 0.1, seed=42, test_ratio=0.2)
    other = split_pairs(pairs, 0.3, seed=42, test_ratio=0.2)
    assert one.test == other.test
    assert one.reported == one.test
    assert one.validation != other.validation


def test_without_a_test_part_the_report_asks_the_validation_half(two_domains: Path) -> None:
    split = split_pairs(load_pairs(two_domains), 0.2, seed=42)
    assert split.test == []
    assert split.reported == split.validation


def test_a_domain_too_small_for_three_parts_is_refused_by_name(write_pairs: MakePairs) -> None:
    rows = [make_row(n, "radar") for n in range(40)] + [make_row(90 + n, "hvac") for n in (0, 2)]
    pairs = load_pairs(write_pairs(rows))
    with pytest.raises(UserError, match="every part: hvac; .*raise --val-ratio or --test-ratio"):
        split_pairs(pairs, 0.1, seed=42, test_ratio=0.1)


def test_one_seed_gives_one_split_and_another_seed_another(two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    assert split_pairs(pairs, 0.2, seed=1) == split_pairs(pairs, 0.2, seed=1)
    assert split_pairs(pairs, 0.2, seed=1) != split_pairs(pairs, 0.2, seed=2)


def test_a_domain_of_one_passage_is_refused_by_name_or_goes_whole_into_training(
    write_pairs: MakePairs,
) -> None:
    rows = [make_row(n, "radar") for n in range(20)] + [make_row(30, "hvac")]
    pairs = load_pairs(write_pairs(rows))
    with pytest.raises(UserError, match="both halves: hvac; .*--small-domains train"):
        split_pairs(pairs, 0.1, seed=42)
    assert 20 in split_pairs(pairs, 0.1, seed=42, small_domains="train").train


def test_a_domain_that_the_draw_leaves_out_of_validation_is_small_too(
    write_pairs: MakePairs,
) -> None:
    rows = [make_row(n, "radar") for n in range(400)] + [make_row(500 + n, "hvac") for n in (0, 1)]
    pairs = load_pairs(write_pairs(rows))
    with pytest.raises(UserError, match="both halves: hvac"):
        split_pairs(pairs, 0.05, seed=42)


@given(
    units=st.lists(st.integers(1, 4), min_size=12, max_size=60),
    folds=st.integers(2, 5),
    seed=st.integers(0, 9),
)
@settings(max_examples=30, deadline=None)
def test_each_row_is_asked_in_one_fold_and_no_unit_is_in_two_parts_of_it(
    units: list[int], folds: int, seed: int
) -> None:
    of_row = np.repeat(np.arange(len(units)), units)
    domains = ["a"] * len(of_row)
    splits = draw_folds(of_row, domains, Path("pairs.jsonl"), folds, 0.1, seed)
    assert sorted(row for split in splits for row in split.test) == list(range(len(of_row)))
    for split in splits:
        parts = [set(of_row[rows].tolist()) for rows in split.parts().values()]
        assert sum(len(part) for part in parts) == len(units)
        assert set.union(*parts) == set(range(len(units)))
        assert len(split.parts()) == 3
        assert all(split.parts().values())


def test_every_fold_asks_its_share_of_every_domain(two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    splits = split_into_folds(pairs, 4, 0.1, seed=42)
    assert splits == split_into_folds(pairs, 4, 0.1, seed=42)
    domains = pairs.column("domain")
    for split in splits:
        found = [domains[row] for row in split.test]
        assert {name: found.count(name) for name in set(found)} == {
            name: len(domains) // 8 for name in set(domains)
        }


def test_a_domain_too_small_for_the_folds_is_refused_by_name_or_only_trained_on(
    write_pairs: MakePairs,
) -> None:
    rows = [make_row(n, "radar") for n in range(40)] + [make_row(90 + n, "hvac") for n in (0, 2)]
    pairs = load_pairs(write_pairs(rows))
    with pytest.raises(UserError, match="every part of 5 folds: hvac; .*fewer --folds"):
        split_into_folds(pairs, 5, 0.1)
    splits = split_into_folds(pairs, 5, 0.1, small_domains="train")
    assert all({40, 41} <= set(split.train) for split in splits)
    assert sorted(row for split in splits for row in split.test) == list(range(40))


def test_a_file_of_one_unit_cannot_be_split(write_pairs: MakePairs) -> None:
    rows = [make_row(n, "hvac", positive="one passage") for n in range(9)]
    with pytest.raises(UserError, match="too few separate passages to hold any out"):
        split_pairs(load_pairs(write_pairs(rows)), 0.1, seed=42, small_domains="train")


@pytest.mark.parametrize(("val_ratio", "test_ratio"), [(0, 0), (1, 0), (0.5, 0.5), (0.1, -0.1)])
def test_shares_that_leave_a_part_empty_are_refused(
    two_domains: Path, val_ratio: float, test_ratio: float
) -> None:
    with pytest.raises(UserError, match=f"val_ratio {val_ratio} and test_ratio {test_ratio}: must"):
        split_pairs(load_pairs(two_domains), val_ratio, test_ratio)
