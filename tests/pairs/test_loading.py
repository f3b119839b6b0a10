"""Pairs: every line is checked, and nothing comes through that is wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from conftest import MakePairs, make_row

from nic.errors import UserError
from pairs.loading import load_pairs

GOOD = make_row(1, "hvac")


def line(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_a_bad_line_is_reported_with_file_and_line_and_stops_everything(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(line() + b"\n\n" + line(positive="") + b"\n")
    with pytest.raises(UserError, match=re.escape(f'{path}:3: field "positive" is empty')) as error:
        load_pairs(path)
    assert "1 problem in" in str(error.value)


def test_the_first_twenty_problems_are_listed_and_all_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b"{}\n" * 33)
    with pytest.raises(UserError) as error:
        load_pairs(path)
    lines = str(error.value).splitlines()
    assert len(lines) == 21
    assert lines[19].startswith(f"{path}:20: ")
    assert lines[20].startswith(f"these are the first 20 of 33 problems in {path}")


def test_byte_order_mark_crlf_blank_lines_and_a_missing_last_line_end_are_accepted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line() + b"\r\n\r\n   \n" + line(query="why") + b"\r\n\n")
    pairs = load_pairs(path)
    assert pairs.column("query") == [GOOD["query"], "why"]
    assert pairs.line_numbers == [1, 4]


def test_a_gzipped_file_gives_the_same_rows(write_pairs: MakePairs, tmp_path: Path) -> None:
    plain = write_pairs([make_row(n, "hvac") for n in range(5)])
    packed = tmp_path / "pairs.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert load_pairs(packed).dataset[:] == load_pairs(plain).dataset[:]


def test_the_dataset_has_the_four_columns_and_further_fields_are_kept_aside(
    write_pairs: MakePairs,
) -> None:
    path = write_pairs([make_row(1, "hvac", source_section="4.2", hard_negative=True)])
    pairs = load_pairs(path)
    assert pairs.dataset.column_names == ["query", "positive", "negative", "domain"]
    assert pairs.extras == [{"source_section": "4.2", "hard_negative": True}]
    assert pairs.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no pairs"),
        (b"\n \n", "holds no pairs"),
        (gzip.compress(line())[:-9], "damaged gzip file"),
        (b"\x1f\x8bnot gzip at all", "damaged gzip file"),
    ],
)
def test_a_file_without_usable_content_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_pairs(path)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere.jsonl: no such file"):
        load_pairs(tmp_path / "nowhere.jsonl")
    with pytest.raises(UserError, match="a folder that is neither"):
        load_pairs(tmp_path)
