"""Readers: each row comes with its place, one at a time, whatever the format."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import make_row

from nic.errors import UserError
from pairs import readers
from pairs.checks.clean import write_clean
from pairs.checks.findings import find_all
from pairs.checks.scan import scan_file
from pairs.checks.tokens import TokenCounter
from pairs.loading import load_pairs
from pairs.readers import Place, Record, read_jsonl, read_records


def test_a_place_prints_as_file_and_line() -> None:
    assert str(Place(Path("pairs.jsonl"), 17)) == "pairs.jsonl:17"


def test_each_row_comes_with_its_place_and_the_bytes_of_its_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"a": 2}')
    assert list(read_records(path)) == [
        Record(Place(path, 1), {"a": 1}, "", b'{"a":1}'),
        Record(Place(path, 4), {"a": 2}, "", b'{"a": 2}'),
    ]


def test_a_line_that_cannot_be_read_is_a_problem_and_the_rows_after_it_follow(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'nonsense\n[1]\n\xff\n{"a": 1}\n')
    records = list(read_records(path))
    assert [(record.place.line, record.row) for record in records] == [
        (1, {}),
        (2, {}),
        (3, {}),
        (4, {"a": 1}),
    ]
    assert [record.problem.split(":")[0] for record in records] == [
        "not valid JSON",
        'not a JSON object; every line needs one, such as {"field"',
        "not valid UTF-8 (byte 1 of the line)",
        "",
    ]


def test_rows_arrive_before_the_rest_of_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(gzip.compress(b'{"a": 1}\n') + b"\x1f\x8bnot gzip at all")
    records = read_records(path)
    assert next(records).row == {"a": 1}
    with pytest.raises(UserError, match="damaged gzip file"):
        next(records)


def test_gzip_is_known_by_its_content_and_a_suffix_without_a_format_means_jsonl(
    tmp_path: Path,
) -> None:
    for name in ("rows.jsonl", "rows.jsonl.gz", "rows.txt", "rows"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(b'{"a": 1}\n'))
        assert readers.find_reader(path) is read_jsonl
        assert [record.row for record in read_records(path)] == [{"a": 1}]


def test_another_format_is_one_entry_that_loading_checking_and_copying_read_through(
    tmp_path: Path, tiny_counter: TokenCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_csv(path: Path) -> Iterator[Record]:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                yield Record(Place(path, number), row)

    monkeypatch.setitem(readers.READERS, ".csv", read_csv)
    rows = [make_row(n, "hvac") for n in range(3)]
    path = tmp_path / "pairs.CSV"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows([*rows, {**rows[0], "query": ""}])
    with pytest.raises(UserError, match='pairs.CSV:5: field "query" is empty'):
        load_pairs(path)
    scan = scan_file(path, tiny_counter)
    assert (scan.lines.tolist(), scan.bad_lines.tolist()) == ([2, 3, 4], [5])
    copy = tmp_path / "clean.jsonl"
    assert write_clean(scan, find_all(scan), copy) == (3, 1)
    assert [json.loads(line) for line in copy.read_text("utf-8").splitlines()] == rows
