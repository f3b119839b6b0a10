"""Texts of rows are columns, in memory or mapped."""

from __future__ import annotations

import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pairs.text_table import ROWS_AT_A_TIME, Row, tables_of, text_dataset

ROWS: list[Row] = [
    ("why", "Öl", [], "hvac"),
    ("how", "b", ["c"], "radar"),
    ("what", "d", ["e", "f"], "radar"),
]


def many(count: int, letters: int = 20) -> Iterator[Row]:
    for n in range(count):
        yield f"query {n}", f"{n}".ljust(letters, "x"), [f"no {n}"] * (n % 3), "hvac"


def test_a_row_with_fewer_negatives_has_none_in_the_further_columns() -> None:
    dataset = text_dataset(tables_of(ROWS))
    assert dataset.column_names == ["query", "positive", "negative", "negative_2", "domain"]
    assert dataset["negative"][:] == [None, "c", "e"]
    assert dataset["negative_2"][:] == [None, None, "f"]
    assert text_dataset(tables_of(ROWS[:1])).column_names == ["query", "positive", "domain"]
    assert len(text_dataset(tables_of([]))) == 0


def test_a_later_batch_may_have_more_negatives() -> None:
    rows = [*[ROWS[0]] * ROWS_AT_A_TIME, *[ROWS[1]] * ROWS_AT_A_TIME, ROWS[2]]
    dataset = text_dataset(tables_of(rows))
    assert dataset.column_names == ["query", "positive", "negative", "negative_2", "domain"]
    assert dataset[0]["negative"] is None
    assert dataset[len(dataset) - 1] == {
        "query": "what",
        "positive": "d",
        "negative": "e",
        "negative_2": "f",
        "domain": "radar",
    }


def test_texts_beyond_the_bound_are_mapped_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = 3 * ROWS_AT_A_TIME
    held = text_dataset(tables_of(many(rows)))
    before = pa.total_allocated_bytes()
    mapped = text_dataset(tables_of(many(rows)), most_in_memory=0)
    assert pa.total_allocated_bytes() - before < held.data.nbytes / 10
    assert mapped.column_names == held.column_names
    assert mapped.data.table.equals(held.data.table)
    assert not list(tmp_path.iterdir())


def test_memory_does_not_grow_with_the_length_of_texts() -> None:
    def peak(letters: int) -> int:
        tracemalloc.start()
        text_dataset(tables_of(many(8 * ROWS_AT_A_TIME, letters)), most_in_memory=0)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    # Of eight batches the one before and the present one are held.
    assert peak(400) - peak(20) < 3 * ROWS_AT_A_TIME * 380
