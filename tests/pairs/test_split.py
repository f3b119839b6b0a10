"""Split: no passage and no query stands in both halves."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from conftest import MakePairs, make_row
from hypothesis import given, settings
from hypothesis import strategies as st

from nic.errors import UserError
from pairs.loading import Pairs, load_pairs
from pairs.split import (
    Split,
    connected_units,
    describe_split,
    load_split,
    log_split,
    save_split,
    split_by_passage,
)


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
        split = split_by_passage(pairs, ratio, seed, "train", test_ratio)
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


def test_each_domain_gives_its_share(write_pairs: MakePairs) -> None:
    rows = [make_row(n, "radar" if n < 150 else "hvac") for n in range(200)]
    pairs = load_pairs(write_pairs(rows))
    counts = describe_split(split_by_passage(pairs, 0.2, 42), pairs)
    assert counts["domains"] == {
        "hvac": {"train": 40, "validation": 10},
        "radar": {"train": 120, "validation": 30},
    }


def test_each_domain_gives_its_share_to_a_test_part_too(
    write_pairs: MakePairs, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [make_row(n, "radar" if n < 150 else "hvac") for n in range(200)]
    pairs = load_pairs(write_pairs(rows))
    counts = describe_split(split_by_passage(pairs, 0.2, 42, test_ratio=0.1), pairs)
    assert counts["domains"] == {
        "hvac": {"train": 35, "validation": 10, "test": 5},
        "radar": {"train": 105, "validation": 30, "test": 15},
    }
    with caplog.at_level("INFO"):
        log_split(counts)
    assert "Train/Val/Test split: 140/40/20 (20.0% val, 10.0% test)" in caplog.text
    assert "radar               : 105/30/15" in caplog.text
    assert " validation and " in caplog.text and " test passages also occur" in caplog.text


def test_the_test_part_stays_when_the_share_of_validation_changes(two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    one = split_by_passage(pairs, 0.1, 42, test_ratio=0.2)
    other = split_by_passage(pairs, 0.3, 42, test_ratio=0.2)
    assert one.test == other.test
    assert one.reported == one.test
    assert one.validation != other.validation


def test_without_a_test_part_the_report_asks_the_validation_half(two_domains: Path) -> None:
    split = split_by_passage(load_pairs(two_domains), 0.2, 42)
    assert split.test == []
    assert split.reported == split.validation


def test_a_domain_too_small_for_three_parts_is_refused_by_name(write_pairs: MakePairs) -> None:
    rows = [make_row(n, "radar") for n in range(40)] + [make_row(90 + n, "hvac") for n in (0, 2)]
    pairs = load_pairs(write_pairs(rows))
    with pytest.raises(UserError, match="every part: hvac; .*raise --val-ratio or --test-ratio"):
        split_by_passage(pairs, 0.1, 42, test_ratio=0.1)


def test_one_seed_gives_one_split_and_another_seed_another(two_domains: Path) -> None:
    pairs = load_pairs(two_domains)
    assert split_by_passage(pairs, 0.2, 1) == split_by_passage(pairs, 0.2, 1)
    assert split_by_passage(pairs, 0.2, 1) != split_by_passage(pairs, 0.2, 2)


def test_a_domain_of_one_passage_is_refused_by_name_or_goes_whole_into_training(
    write_pairs: MakePairs,
) -> None:
    rows = [make_row(n, "radar") for n in range(20)] + [make_row(30, "hvac")]
    pairs = load_pairs(write_pairs(rows))
    with pytest.raises(UserError, match="both halves: hvac; .*--small-domains train"):
        split_by_passage(pairs, 0.1, 42)
    assert 20 in split_by_passage(pairs, 0.1, 42, "train").train


def test_a_domain_that_the_draw_leaves_out_of_validation_is_small_too(
    write_pairs: MakePairs,
) -> None:
    rows = [make_row(n, "radar") for n in range(400)] + [make_row(500 + n, "hvac") for n in (0, 1)]
    pairs = load_pairs(write_pairs(rows))
    with pytest.raises(UserError, match="both halves: hvac"):
        split_by_passage(pairs, 0.05, 42)


def test_a_file_of_one_unit_cannot_be_split(write_pairs: MakePairs) -> None:
    rows = [make_row(n, "hvac", positive="one passage") for n in range(9)]
    with pytest.raises(UserError, match="too few separate passages to hold any out"):
        split_by_passage(load_pairs(write_pairs(rows)), 0.1, 42, "train")


def test_a_saved_split_comes_back_by_line_numbers(two_domains: Path, tmp_path: Path) -> None:
    two_domains.write_text("\n\n" + two_domains.read_text(encoding="utf-8"), encoding="utf-8")
    pairs = load_pairs(two_domains)
    split = split_by_passage(pairs, 0.2, 7)
    save_split(split, pairs, tmp_path / "split.json")
    content = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    assert set(content) == {"data_sha256", "seed", "validation_lines"}
    assert content["validation_lines"] == [row + 3 for row in split.validation]
    assert load_split(tmp_path / "split.json", pairs) == split


def test_a_saved_split_with_a_test_part_comes_back(two_domains: Path, tmp_path: Path) -> None:
    pairs = load_pairs(two_domains)
    split = split_by_passage(pairs, 0.2, 7, test_ratio=0.1)
    save_split(split, pairs, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", pairs) == split
    assert split.test


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"data_sha256": "other", "seed": 1, "validation_lines": [1]}', "another file than"),
        ("{", "not valid JSON"),
        ("[]", "needs the fields data_sha256"),
        ('{"data_sha256": 3}', "needs the fields data_sha256"),
        ('{"data_sha256": "SHA", "seed": 1, "validation_lines": [99]}', "line 99 is no row"),
        ('{"data_sha256": "SHA", "seed": 1, "validation_lines": []}', "leaves one half empty"),
        ('{"data_sha256": "SHA", "seed": 1, "validation_lines": ["a"]}', "needs the fields"),
        (
            '{"data_sha256": "SHA", "seed": 1, "validation_lines": [1, 2], "test_lines": [2]}',
            "line 2 stands in validation and in test",
        ),
    ],
)
def test_a_split_file_that_does_not_fit_is_refused(
    two_domains: Path, tmp_path: Path, content: str, message: str
) -> None:
    pairs = load_pairs(two_domains)
    path = tmp_path / "split.json"
    path.write_text(content.replace("SHA", pairs.sha256), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_split(path, pairs)


def test_the_counts_tell_which_held_out_passages_are_training_negatives(
    write_pairs: MakePairs, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [make_row(n, "hvac", negative=f"n{n}") for n in range(4)]
    rows[0]["negative"] = rows[3]["positive"]
    pairs = load_pairs(write_pairs(rows))
    counts = describe_split(Split([0, 1], [2, 3], 0), pairs)
    assert counts["validation_positives_among_train_negatives"] == 1
    assert (counts["shared_passages"], counts["shared_queries"]) == (0, 0)
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
