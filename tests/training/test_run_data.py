"""Before it trains, a run looks its data over and says what it sees."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from conftest import MakePairs, make_row

from nic.errors import UserError
from nic.models import find_model
from pairs.arguments import CheckArguments
from training.command.parser import parse_arguments
from training.run_data import RunData, check_data, read_data, without_flagged


def test_a_run_logs_what_the_check_warns_of_and_gives_the_counts(
    write_pairs: MakePairs, tiny_model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [make_row(n, "hvac") for n in range(40)]
    path = write_pairs([*rows, rows[0], {**rows[1], "query": "How do I 115.?"}])
    run, arguments = parse_arguments(["--data-file", str(path), "--batch-size", "8"])
    data = read_data(run, arguments)
    with caplog.at_level(logging.INFO):
        report, _ = check_data(data, find_model(str(tiny_model_folder)), run, arguments)
    counts = report.summary()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "Check of the data: Training would run; 2 warnings",
        "rows that repeat an earlier row: 1 of 42 rows (2.4%) (line 41)",
        "queries that say nothing: 1 of 42 rows (2.4%) (line 42)",
    ]
    assert counts["findings"]["exact_duplicates"] == 1
    assert counts["leakage"]["by passage"]["same_positive"] == 0
    assert counts["leakage"]["by passage"]["validation_rows"] == len(data.split.validation)
    assert set(counts["smallest_difference"]) == {"overall"}


def test_a_check_has_the_defaults_of_the_training() -> None:
    run, arguments = parse_arguments([])
    check = CheckArguments()
    assert (check.data_file, check.base_model) == (run.data_file, run.base_model)
    assert (check.val_ratio, check.small_domains) == (run.val_ratio, run.small_domains)
    assert check.batch_size == arguments.per_device_train_batch_size
    assert check.seed == arguments.seed


def flawed(write_pairs: MakePairs) -> Path:
    """Sixty good pairs, one that repeats the first of them, and two queries that say nothing."""
    rows = [make_row(n, "hvac") for n in range(60)]
    empty = [{**make_row(60 + n, "hvac"), "query": f"How do I {n}?"} for n in range(2)]
    return write_pairs([*rows, rows[0], *empty])


def dropped(path: Path, base: Path, named: str, *more: str) -> RunData:
    given = ["--data-file", str(path), "--batch-size", "8", "--drop-flagged", named, *more]
    run, arguments = parse_arguments(given)
    data = read_data(run, arguments)
    report, _ = check_data(data, find_model(str(base)), run, arguments)
    return without_flagged(data, report, run.drop_flagged, arguments)


@pytest.mark.parametrize(
    ("named", "rows"),
    [
        ("none", set()),
        ("all", {60, 61, 62}),
        ("empty_queries", {61, 62}),
        ("empty_queries,exact_duplicates", {60, 61, 62}),
    ],
)
def test_flagged_rows_are_not_trained_on_and_stay_in_the_evaluation(
    named: str, rows: set[int], write_pairs: MakePairs, tiny_model_folder: Path
) -> None:
    data = dropped(flawed(write_pairs), tiny_model_folder, named)
    assert set(data.training_rows) == set(data.split.train) - rows
    plain = dropped(flawed(write_pairs), tiny_model_folder, "none")
    assert data.split == plain.split
    assert data.final_task.queries == plain.final_task.queries
    assert data.final_task.corpus == plain.final_task.corpus
    assert sum(data.dropped.values()) == len(rows & set(data.split.train))


def test_a_finding_that_flags_no_rows_is_refused_with_those_that_do(
    write_pairs: MakePairs, tiny_model_folder: Path
) -> None:
    with pytest.raises(UserError, match='--drop-flagged junk: .*"junk"; give exact_duplicates, '):
        dropped(flawed(write_pairs), tiny_model_folder, "junk")


def test_what_is_left_has_to_fill_a_batch(write_pairs: MakePairs, tiny_model_folder: Path) -> None:
    path = flawed(write_pairs)
    rows = len(dropped(path, tiny_model_folder, "none").split.train)
    with pytest.raises(UserError, match="do not fill one batch"):
        dropped(path, tiny_model_folder, "all", "--batch-size", str(rows))
