"""A row needs no negative: neither does a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import KeywordModel, MakePairs, ScanRows, make_row

from evaluation.retrieval.task import retrieval_task
from model_card.card.metadata import describe_data
from nic.errors import UserError
from pairs import CheckArguments, check_pairs
from pairs.checks.console import console_lines
from pairs.checks.false_negatives import find_suspects
from pairs.checks.findings import find_all
from pairs.checks.page import read_examples, render_check_page
from pairs.checks.report import build_report
from pairs.loading import Pairs, load_pairs
from pairs.split import Split, split_pairs
from pairs.split_counts import describe_split

NOT_LOOKED_FOR = {
    "conflicts": "rows whose negative answers their query",
    "flawed_negatives": "negatives that are contents tables, digits or debris",
    "shared_negatives": "rows that share their negative with 9 others or more",
    "negatives_elsewhere_positive": "different negatives that are a positive of other rows",
}


def bare(number: int, **more: Any) -> dict[str, Any]:
    """A pair without a negative."""
    row = make_row(number, "hvac", **more)
    if "negative" not in more:
        del row["negative"]
    return row


@pytest.fixture
def pairs(write_pairs: MakePairs) -> Pairs:
    """Thirty pairs without negatives."""
    return load_pairs(write_pairs([bare(n) for n in range(30)]))


def test_a_file_without_negatives_has_no_column_of_them(pairs: Pairs) -> None:
    assert pairs.dataset.column_names == ["query", "positive", "domain"]
    assert pairs.negative_columns == []
    assert pairs.negatives() == [[]] * 30
    assert len(pairs.texts()) == 60


NONE = {
    "missing": {},
    "null": {"negative": None},
    "blank": {"negative": " "},
    "an empty list": {"negative": []},
    "null in numbered fields": {"negative_1": None, "negative_2": None},
    "blank in numbered fields": {"negative_1": "", "negative_2": "\u200b"},
}


@pytest.mark.parametrize("given", NONE.values(), ids=NONE)
def test_a_row_beside_others_may_have_none(given: dict[str, Any], write_pairs: MakePairs) -> None:
    rows = [make_row(0, "hvac", negative=["a b", "c d"]), {**bare(1), **given}]
    found = load_pairs(write_pairs(rows))
    assert found.negatives() == [["a b", "c d"], []]
    assert found.column("negative_2") == ["c d", None]
    assert found.extras == [{}, {}]


def test_an_empty_field_between_numbered_negatives_is_passed_over(write_pairs: MakePairs) -> None:
    row = {**bare(1), "negative_1": "a b", "negative_2": "", "negative_3": "c d"}
    assert load_pairs(write_pairs([row])).negatives() == [["a b", "c d"]]


def test_other_negatives_of_the_same_rows_leave_all_else_as_it_is(pairs: Pairs) -> None:
    filled = pairs.with_negatives([["a b", "c d"], *[[]] * 28, ["e f"]])
    assert filled.negative_columns == ["negative", "negative_2"]
    assert filled.negatives() == [["a b", "c d"], *[[]] * 28, ["e f"]]
    assert filled.with_negatives([[]] * 30).dataset[:] == pairs.dataset[:]
    assert (filled.line_numbers, filled.sha256) == (pairs.line_numbers, pairs.sha256)


def test_split_counts_corpus_and_metadata_know_positives_alone(pairs: Pairs) -> None:
    split = split_pairs(pairs, val_ratio=0.2)
    counts = describe_split(split, pairs)
    assert counts.positives_among_train_negatives == {"validation": 0}
    task = retrieval_task(pairs, split.validation)
    assert task.passage_ids == [f"p{line}" for line in range(1, 31)]
    data = describe_data(pairs, counts.as_dict(), {})
    assert (data["negatives"], data["passages"]) == (0, 30)


def test_the_check_says_what_it_could_not_look_for(scan_rows: ScanRows) -> None:
    scan = scan_rows([bare(n) for n in range(30)])
    report = build_report(scan, Split(list(range(24)), list(range(24, 30)), 1), 0.2, 2, 1)
    lines = console_lines(report)
    assert "(30 positives, 0 negatives)" in lines[0]
    for title in NOT_LOOKED_FOR.values():
        assert f"-       {title}: not looked for, as no row has a negative" in lines
    assert "note    rows without a negative: 30 of 30 rows (100.0%)" in lines
    page = render_check_page(report, read_examples(report, scan))
    assert page.count("not looked for, as no row has a negative") == 4
    assert report.flagged_rows(["conflicts"])["conflicts"].tolist() == [False] * 30


def test_what_is_found_in_negatives_is_a_share_of_the_rows_that_have_one(
    scan_rows: ScanRows,
) -> None:
    answer = bare(0)["positive"]
    rows = [bare(0, negative=answer + " now"), bare(1, negative="a b"), bare(2), bare(3)]
    found = {finding.key: finding for finding in find_all(scan_rows(rows))}
    assert (found["conflicts"].count, found["conflicts"].total) == (1, 2)
    assert (found["without_negatives"].lines, found["without_negatives"].total) == ([3, 4], 4)
    assert found["flawed_negatives"].total == 2


def test_a_row_without_negatives_is_never_suspicious(scan_rows: ScanRows) -> None:
    texts = [("fan", ["pump"]), ("fan", []), ("pump fan", ["pump"])]
    rows = [bare(0, query="pump", positive=p, negative=n) for p, n in texts]
    model = KeywordModel(["pump", "fan"])
    suspects = find_suspects(scan_rows(rows), model, "keywords", margin=0.1, batch_size=8)
    assert (suspects.rows, suspects.lines) == (2, [1, 3])
    suspects = find_suspects(scan_rows(rows[1:2]), model, "keywords", margin=0.1, batch_size=8)
    assert suspects.rows == 0


def test_a_semantic_check_runs_on_a_file_without_negatives(
    write_pairs: MakePairs, tiny_model_folder: Path, tmp_path: Path
) -> None:
    path, html = write_pairs([bare(n) for n in range(40)]), tmp_path / "check.html"
    arguments = CheckArguments(path, str(tiny_model_folder), semantic=True, html=html)
    report = check_pairs(arguments)
    assert not report.refused
    named = [line for line in console_lines(report) if "ranks above the positive" in line]
    assert named == [
        f"Negatives that {tiny_model_folder.name} ranks above the positive: not looked for, as no "
        "row has a negative"
    ]
    assert "No row has a negative." in html.read_text(encoding="utf-8")


def test_a_blank_text_in_a_list_is_still_named(write_pairs: MakePairs) -> None:
    with pytest.raises(UserError, match='negative 2 of field "negative" is empty; leave it out'):
        load_pairs(write_pairs([bare(1, negative=["a b", " "])]))
