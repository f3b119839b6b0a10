"""Made pairs are trained on and not asked; the latest queries can be held out instead."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import MakePairs, make_row

from nic.errors import UserError
from pairs.checks.splits import split_as_training_does
from pairs.draws import Split
from pairs.loading import Pairs, load_pairs
from pairs.split import SplitRules, split_into_folds, split_pairs
from pairs.split_counts import describe_split, log_split
from pairs.split_file import load_split, save_split

ASKED = 20
MADE = {"synthetic": True, "origin": "fault table"}


def made(number: int, positive: str, **changes: Any) -> dict[str, Any]:
    query = f"made query {number}"
    return make_row(number, "hvac", query=query, positive=positive, **MADE, **changes)


def asked_rows() -> list[dict[str, Any]]:
    return [make_row(n, "hvac", positive=f"passage {n}") for n in range(ASKED)]


@pytest.fixture
def mixed(write_pairs: MakePairs) -> Pairs:
    """Twenty asked pairs, one made pair about each of their passages, ten about others."""
    about = [made(n, f"passage {n}") for n in range(ASKED + 10)]
    return load_pairs(write_pairs([*asked_rows(), *about]))


def positives(pairs: Pairs, rows: Sequence[int]) -> set[str]:
    column = pairs.column("positive")
    return {column[row] for row in rows}


def test_made_pairs_are_never_held_out(mixed: Pairs) -> None:
    split = split_pairs(mixed, 0.2, 0.1)
    assert mixed.made.sum() == ASKED + 10
    assert not mixed.made[[*split.validation, *split.test]].any()
    assert (len(split.validation), len(split.test)) == (4, 2)


def test_made_pairs_about_held_out_passages_are_left_out(mixed: Pairs) -> None:
    split = split_pairs(mixed, 0.2, 0.1)
    held_out = positives(mixed, [*split.validation, *split.test])
    assert positives(mixed, split.left_out) == held_out
    assert not positives(mixed, split.train) & held_out
    assert sorted([*sum(split.parts().values(), []), *split.left_out]) == list(range(len(mixed)))


def test_the_passages_that_are_asked_about_do_not_depend_on_made_pairs(
    mixed: Pairs, write_pairs: MakePairs
) -> None:
    alone = split_pairs(load_pairs(write_pairs(asked_rows(), "asked.jsonl")), 0.2, 0.1)
    split = split_pairs(mixed, 0.2, 0.1)
    assert (split.validation, split.test) == (alone.validation, alone.test)


def test_a_made_pair_with_a_held_out_query_is_left_out(write_pairs: MakePairs) -> None:
    rows = asked_rows()
    same_queries = [{**made(n, f"other {n}"), "query": rows[n]["query"]} for n in range(ASKED)]
    pairs = load_pairs(write_pairs([*rows, *same_queries]))
    split = split_pairs(pairs, 0.2, rules=SplitRules(known_passages="all"))
    assert split.left_out == [row + ASKED for row in split.validation]


@pytest.mark.parametrize(("known", "trained"), [("none", 0), ("half", 3), ("all", 6)])
def test_made_pairs_of_known_passages_are_trained_on(
    mixed: Pairs, known: Any, trained: int
) -> None:
    split = split_pairs(mixed, 0.2, 0.1, rules=SplitRules(known_passages=known))
    held_out = positives(mixed, [*split.validation, *split.test])
    assert len(positives(mixed, split.train) & held_out) == trained
    assert len(split.left_out) == len(held_out) - trained


def test_a_file_of_made_pairs_alone_is_refused_unless_they_may_be_asked(
    write_pairs: MakePairs,
) -> None:
    pairs = load_pairs(write_pairs([made(n, f"passage {n}") for n in range(ASKED)]))
    with pytest.raises(UserError, match="every pair is a made one.*--hold-out-made"):
        split_pairs(pairs)
    split = split_pairs(pairs, 0.2, rules=SplitRules(hold_out_made=True))
    assert len(split.validation) == 4
    assert not split.left_out


def test_a_domain_of_made_pairs_alone_is_trained_on(write_pairs: MakePairs) -> None:
    pairs = load_pairs(write_pairs([*asked_rows(), make_row(99, "radar", **MADE)]))
    assert ASKED in split_pairs(pairs, 0.2).train


def test_every_fold_leaves_out_the_made_pairs_of_its_passages(mixed: Pairs) -> None:
    for split in split_into_folds(mixed, 4):
        held_out = positives(mixed, [*split.validation, *split.test])
        assert not mixed.made[[*split.validation, *split.test]].any()
        assert not positives(mixed, split.train) & held_out


def test_a_split_with_rows_left_out_comes_back_from_its_file(mixed: Pairs, tmp_path: Path) -> None:
    split = split_pairs(mixed, 0.2, 0.1)
    save_split(split, mixed, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", mixed) == split


def test_the_counts_and_the_log_say_what_was_made_and_left_out(
    mixed: Pairs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    split = split_pairs(mixed, 0.2, 0.1, rules=SplitRules(known_passages="half"))
    counts = describe_split(split, mixed)
    log_split(counts)
    assert counts.made_pairs == {"train": 27, "validation": 0, "test": 0}
    assert counts.left_out_pairs == 3
    assert sum(counts.known_passages.values()) == 3
    assert counts.shared_passages == counts.shared_queries == 0
    assert "Made pairs: 27 trained on, 0 held out; 3 pairs" in caplog.text
    assert "leaks" not in caplog.text
    assert counts.as_dict()["left_out_pairs"] == 3


@pytest.mark.parametrize("value", [True, "true", "True", 1, "1"])
def test_a_row_is_made_if_it_is_synthetic_and_says_what_made_it(
    write_pairs: MakePairs, value: object
) -> None:
    marks: list[dict[str, Any]] = [
        {},
        {"synthetic": value},
        {"synthetic": False, "origin": "fault table"},
        {"synthetic": value, "origin": "fault table"},
    ]
    rows = [make_row(n, "hvac", **mark) for n, mark in enumerate(marks)]
    assert load_pairs(write_pairs(rows)).made.tolist() == [False, False, False, True]


def test_the_check_draws_the_split_of_the_training(scan_rows: Any, mixed: Pairs) -> None:
    rows = [json.loads(line) for line in mixed.path.read_text(encoding="utf-8").splitlines()]
    scan = scan_rows(rows)
    assert split_as_training_does(scan, 0.2, 42, "error") == split_pairs(mixed, 0.2)


# By date.

BY_DATE = SplitRules(split_by="date")


def dated(dates: Sequence[object], **changes: Any) -> list[dict[str, Any]]:
    return [make_row(n, "hvac", date=day, **changes) for n, day in enumerate(dates)]


def test_the_latest_queries_are_asked_whatever_passages_answer_them(
    write_pairs: MakePairs,
) -> None:
    days = [f"2025-01-{day:02d}" for day in range(20, 0, -1)]
    pairs = load_pairs(write_pairs(dated(days, positive="the one procedure")))
    split = split_pairs(pairs, 0.2, 0.1, rules=BY_DATE)
    assert split.test == [0, 1]
    assert split.validation == [2, 3, 4, 5]
    assert split.train == list(range(6, 20))


def test_queries_of_one_day_stay_together(write_pairs: MakePairs) -> None:
    pairs = load_pairs(write_pairs(dated(["2025-01-01"] * 6 + ["2025-01-02"] * 4)))
    assert split_pairs(pairs, 0.1, rules=BY_DATE).validation == [6, 7, 8, 9]


def test_a_query_that_is_asked_again_later_is_not_trained_on(
    write_pairs: MakePairs, tmp_path: Path
) -> None:
    rows = dated([f"2025-01-{day:02d}T08:00:00Z" for day in range(1, 11)])
    rows[3]["query"] = rows[9]["query"]
    pairs = load_pairs(write_pairs(rows))
    split = split_pairs(pairs, 0.1, 0.1, rules=BY_DATE)
    assert split.left_out == [3]
    assert (split.validation, split.test) == ([8], [9])
    save_split(split, pairs, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", pairs) == split


def test_made_pairs_beside_dated_ones_need_no_date(write_pairs: MakePairs) -> None:
    rows = dated([f"2025-01-{day:02d}" for day in range(1, 11)])
    made = [make_row(n, "hvac", **MADE) for n in range(20, 24)]
    pairs = load_pairs(write_pairs([*made, *rows]))
    split = split_pairs(pairs, 0.2, rules=BY_DATE)
    assert (split.validation, split.train) == ([12, 13], [*range(12)])
    with pytest.raises(UserError, match=':1: field "date" is no date'):
        split_pairs(pairs, 0.2, rules=SplitRules(split_by="date", hold_out_made=True))


def test_the_log_says_how_many_passages_a_split_by_date_knows(
    write_pairs: MakePairs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rows = dated([f"2025-01-{day:02d}" for day in range(1, 11)])
    rows[9]["positive"] = rows[0]["positive"]
    pairs = load_pairs(write_pairs(rows))
    counts = describe_split(split_pairs(pairs, 0.2, rules=BY_DATE), pairs)
    log_split(counts)
    assert counts.known_passages == {"validation": 1}
    assert counts.as_dict()["split_by"] == "date"
    assert "Training knows 1 of 2 validation passages" in caplog.text
    assert "leaks" not in caplog.text


@pytest.mark.parametrize("wrong", [None, "31.3.2025", "", 7])
def test_a_row_without_a_date_is_named(write_pairs: MakePairs, wrong: object) -> None:
    path = write_pairs(dated(["2025-01-01", wrong]))
    with pytest.raises(UserError, match=r"pairs.jsonl:2: field \"date\" is no date"):
        split_pairs(load_pairs(path), rules=BY_DATE)


@pytest.mark.parametrize("rows", [dated(["2025-01-01"] * 9), dated(["2025-01-01", "2025-01-02"])])
def test_too_few_dates_are_refused(write_pairs: MakePairs, rows: list[dict[str, Any]]) -> None:
    with pytest.raises(UserError, match="too few different dates"):
        split_pairs(load_pairs(write_pairs(rows)), 0.2, 0.3, rules=BY_DATE)


def test_a_line_of_a_split_file_stands_in_one_part(mixed: Pairs, tmp_path: Path) -> None:
    save_split(Split([2], [1], 42, [], [0]), mixed, tmp_path / "split.json")
    content = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    content["left_out_lines"] = content["validation_lines"]
    (tmp_path / "split.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="line 2 stands in validation and in left out"):
        load_split(tmp_path / "split.json", mixed)
