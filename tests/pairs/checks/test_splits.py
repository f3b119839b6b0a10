"""What splits leak is counted, and what a held-out half could show is worked out."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ScanRows, make_row

from nic.errors import UserError
from pairs.checks.scan import scan_file
from pairs.checks.splits import (
    Leakage,
    leakage,
    power_by_domain,
    smallest_difference,
    split_as_training_does,
    split_by_row,
)
from pairs.checks.tokens import TokenCounter
from pairs.loading import load_pairs
from pairs.split import Split, split_pairs

VERSION = "stop the engine and let it cool for ten minutes before the cap of the tank is opened"


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_the_split_is_the_very_one_that_training_draws(
    seed: int, two_domains: Path, tiny_counter: TokenCounter
) -> None:
    scan = scan_file(two_domains, tiny_counter)
    drawn = split_as_training_does(scan, 0.2, seed, "error")
    assert drawn == split_pairs(load_pairs(two_domains), 0.2, seed=seed)


def test_a_split_that_training_refuses_is_refused(scan_rows: ScanRows) -> None:
    with pytest.raises(UserError, match="too few separate passages"):
        split_as_training_does(scan_rows([make_row(0, "hvac")]), 0.1, 42, "error")


def test_a_split_by_row_holds_out_its_share_of_rows_once_each() -> None:
    split = split_by_row(50, 0.2, 42)
    assert len(split.validation) == 10
    assert sorted(split.train + split.validation) == list(range(50))
    assert split == split_by_row(50, 0.2, 42) != split_by_row(50, 0.2, 43)


def test_each_kind_of_leak_is_counted(scan_rows: ScanRows) -> None:
    train = [make_row(0, "hvac"), make_row(10, "hvac", positive=VERSION)]
    held_out = [
        make_row(20, "hvac", positive=train[0]["positive"]),
        make_row(21, "hvac", positive=VERSION + " again"),
        make_row(22, "hvac", query=train[0]["query"]),
        make_row(23, "hvac", positive=train[0]["negative"]),
        make_row(24, "hvac"),
    ]
    counts = leakage(scan_rows(train + held_out), Split([0, 1], [2, 3, 4, 5, 6], 42))
    assert counts == Leakage(
        validation_rows=5, same_positive=1, near_positive=1, same_query=1, positive_as_negative=1
    )


def test_a_hundred_and_nine_queries_cannot_show_less_than_nine_points() -> None:
    # 1.96 * sqrt(0.25 / 109) = 0.0939
    assert smallest_difference(109) == pytest.approx(0.0939, abs=1e-4)
    assert smallest_difference(0) is None
    assert smallest_difference(1) == pytest.approx(0.98, abs=1e-3)


def test_each_domain_has_its_held_out_queries_and_passages_counted(scan_rows: ScanRows) -> None:
    rows = [make_row(n // 2, "hvac", query=f"why {n}") for n in range(8)]
    scan = scan_rows([*rows, make_row(90, "radar")])
    hvac, radar, overall = power_by_domain(scan, Split([2, 3, 4, 5, 6, 7, 8], [0, 1], 42))
    assert (hvac.domain, hvac.rows, hvac.queries, hvac.passages) == ("hvac", 8, 2, 1)
    assert hvac.smallest_difference == smallest_difference(2)
    assert hvac.smallest_if_alike == smallest_difference(1)
    assert (radar.queries, radar.smallest_difference) == (0, None)
    assert (overall.domain, overall.rows, overall.queries) == ("overall", 9, 2)
