"""Before it trains, a run looks its data over and says what it sees."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from conftest import MakePairs, make_row

from nic.models import find_model
from pairs.arguments import CheckArguments
from training.parser import parse_arguments
from training.run_data import check_data, read_data


def test_a_run_logs_what_the_check_warns_of_and_gives_the_counts(
    write_pairs: MakePairs, tiny_model_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [make_row(n, "hvac") for n in range(40)]
    path = write_pairs([*rows, rows[0], {**rows[1], "query": "How do I 115.?"}])
    run, arguments = parse_arguments(["--data-file", str(path), "--batch-size", "8"])
    data = read_data(run, arguments)
    with caplog.at_level(logging.INFO):
        counts = check_data(data, find_model(str(tiny_model_folder)), run, arguments)
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "Check of the data: Training would run; 2 warnings",
        "rows that repeat an earlier row: 1 of 42 rows (2.4%) (line 41)",
        "queries that say nothing: 1 of 42 rows (2.4%) (line 42)",
    ]
    assert counts["findings"]["exact_duplicates"] == 1
    assert counts["leakage"]["by passage"]["same_positive"] == 0
    assert counts["leakage"]["by passage"]["validation_rows"] == len(data.split.validation)
    assert set(counts["smallest_difference"]) == {"hvac", "overall"}


def test_a_check_has_the_defaults_of_the_training() -> None:
    run, arguments = parse_arguments([])
    check = CheckArguments()
    assert (check.data_file, check.base_model) == (run.data_file, run.base_model)
    assert (check.val_ratio, check.small_domains) == (run.val_ratio, run.small_domains)
    assert check.batch_size == arguments.per_device_train_batch_size
    assert check.seed == arguments.seed
