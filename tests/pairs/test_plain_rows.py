"""Rows that are read many at a time are those that are read one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import MakePairs, make_row
from datasets import Dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairs import loading, pair_files
from pairs.loading import read_pairs
from pairs.reading import json_rows
from pairs.reading.source import Data, DataSource

TEXTS = ["pump", " pump\t", "o\u0308l", "\u00f6l", "pu\u200bmp", "\u6cf5", "\ufeffx", "a\x1cb"]
WRONG = ["", " ", "\u200b", "\u2800", "\ud800", None, 7, True, 2.5, ["pump"], [], {"a": 1}]
NAMES = ["query", "positive", "negative", "domain", "negative_1", "negative_2", "page", "Answer"]
VALUES = st.sampled_from(TEXTS) | st.sampled_from(WRONG)
GOOD = {"query": "why", "positive": "pump", "negative": "valve", "domain": "hvac"}
ROWS = st.lists(
    st.just(GOOD)
    | st.dictionaries(st.sampled_from(NAMES), VALUES)
    | st.dictionaries(st.sampled_from(NAMES), VALUES).map(lambda changed: {**GOOD, **changed}),
    min_size=1,
    max_size=6,
)
ONE_BY_ONE: Callable[..., None] = lambda *_: None  # noqa: E731


def read(data: Data) -> tuple[Any, ...]:
    pairs, bad = read_pairs(data)
    return (
        pairs.dataset.column_names,
        pairs.dataset[:],
        pairs.line_numbers,
        pairs.extras,
        pairs.sections,
        pairs.parts,
        bad,
    )


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=ROWS, broken=st.sampled_from(["", "", "", "{", '{"query": NaN}', "[]", "\n\n"]))
def test_any_rows_are_read_as_one_by_one(tmp_path: Path, rows: list[Any], broken: str) -> None:
    path = tmp_path / "pairs.jsonl"
    lines = [*(json.dumps(row) for row in [GOOD, *rows]), broken]
    path.write_text("\n".join(lines), encoding="utf-8")
    for asked in ({}, {"domain": "radar"}, {"columns": ["positive=Answer"]}):
        if "columns" in asked and not any("Answer" in row for row in rows):
            continue
        source = DataSource.of(path, **asked)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_rows, "BLOCK", 150)
            many = read(source)
            patch.setattr(pair_files, "plain_rows", ONE_BY_ONE)
            assert many == read(source)


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.csv"])
def test_plain_rows_are_not_looked_at_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(row: object) -> str:
        raise AssertionError(row)

    rows = Dataset.from_list([make_row(n, "hvac", page=str(n)) for n in range(20)])
    path = tmp_path / name
    rows.to_json(path) if path.suffix == ".jsonl" else rows.to_csv(path)
    expected = read(path)
    monkeypatch.setattr(loading, "find_problem", refuse)
    assert read(path) == expected
    assert expected[3] == [{"page": str(n)} for n in range(20)]


def test_numbers_go_on_from_file_to_file(write_pairs: MakePairs) -> None:
    plain = write_pairs([make_row(n, "hvac") for n in range(3)], "a.jsonl")
    mixed = write_pairs([make_row(3, "hvac"), make_row(4, "hvac", query=5)], "b.jsonl")
    last = write_pairs([make_row(5, "hvac")], "c.jsonl")
    pairs, bad = read_pairs([plain, mixed, last])
    assert pairs.line_numbers == [1, 2, 3, 4, 6]
    assert bad.numbers == [5]
    assert [str(pairs.place(row)) for row in (2, 3, 4)] == [f"{plain}:3", f"{mixed}:1", f"{last}:1"]
