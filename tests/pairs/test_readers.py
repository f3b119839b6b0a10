"""Readers: each row comes with its place, one at a time, whatever the format."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from nic.errors import UserError
from pairs.readers import Place, Record, read_records, refuse_problems


def zstd(content: bytes) -> bytes:
    packed: bytes = pyarrow.compress(content, codec="zstd", asbytes=True)
    return packed


def test_a_place_prints_as_file_and_line() -> None:
    assert str(Place(Path("pairs.jsonl"), 17)) == "pairs.jsonl:17"


def test_places_of_tables_name_row_line_and_section() -> None:
    assert str(Place(Path("a.csv"), 17, "row", text_line=23)) == "a.csv: row 17 (line 23)"
    assert str(Place(Path("a.xlsx"), 18, "row", 'sheet "Q&A"')) == 'a.xlsx: sheet "Q&A", row 18'
    assert str(Place(Path("a.parquet"), 17, "row")) == "a.parquet: row 17"


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


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_packing_is_known_by_its_content_and_a_suffix_without_a_format_means_jsonl(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    for name in ("rows.jsonl", "rows.jsonl.gz", "rows.jsonl.zst", "rows.txt", "rows"):
        path = tmp_path / name
        path.write_bytes(pack(b'{"a": 1}\n') + pack(b'{"a": 2}\n'))
        assert [record.row for record in read_records(path)] == [{"a": 1}, {"a": 2}]


def test_a_damaged_zstd_file_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.zst"
    path.write_bytes(zstd(b'{"a": 1}\n' * 1000)[:-6])
    with pytest.raises(UserError, match="damaged zstd file .*copy or pack it again"):
        list(read_records(path))


def test_more_problems_than_are_shown_are_counted() -> None:
    problems = [f"pairs.jsonl:{n}: wrong" for n in range(1, 205)]
    with pytest.raises(UserError) as error:
        refuse_problems(Path("pairs.jsonl"), problems, 3)
    lines = str(error.value).splitlines()
    assert lines[:20] == problems[:20]
    assert lines[20:] == [
        "these are the first 20 of 204 problems in pairs.jsonl; correct the file, nothing was done"
    ]
