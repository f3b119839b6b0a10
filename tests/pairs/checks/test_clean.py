"""The clean copy holds what nothing was found in, byte for byte, and says what is missing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from conftest import MakePairs, make_row

from nic.errors import UserError
from pairs.checks.clean import check_clean_path, list_path, write_clean
from pairs.checks.findings import find_all
from pairs.checks.scan import scan_file
from pairs.checks.tokens import TokenCounter


@pytest.fixture
def flawed(write_pairs: MakePairs) -> Path:
    rows = [make_row(n, "hvac", extra=[n, "é"]) for n in range(10)]
    rows[3] = rows[2]
    rows[5]["query"] = "How do I 115.?"
    rows[6]["positive"] = "Brakes ......... 4-1"
    path = write_pairs(rows)
    path.write_bytes(path.read_bytes() + b"\n{}\n")
    return path


def test_the_copy_lacks_the_flagged_lines_and_the_list_says_why(
    flawed: Path, tmp_path: Path, tiny_counter: TokenCounter
) -> None:
    before = flawed.read_bytes()
    scan = scan_file(flawed, tiny_counter)
    copy = tmp_path / "clean.jsonl"
    assert write_clean(scan, find_all(scan), copy) == (7, 4)
    lines = before.split(b"\n")
    assert copy.read_bytes() == b"".join(lines[n] + b"\n" for n in (0, 1, 2, 4, 7, 8, 9))
    entries = [json.loads(line) for line in list_path(copy).read_text("utf-8").splitlines()]
    assert entries == [
        {"line": 4, "reasons": ["exact_duplicates"]},
        {"line": 6, "reasons": ["empty_queries"]},
        {"line": 7, "reasons": ["contents_table"]},
        {"line": 12, "reasons": ["bad_lines"]},
    ]
    assert flawed.read_bytes() == before


def test_nothing_is_flagged_in_the_copy(
    flawed: Path, tmp_path: Path, tiny_counter: TokenCounter
) -> None:
    scan = scan_file(flawed, tiny_counter)
    copy = tmp_path / "clean.jsonl"
    write_clean(scan, find_all(scan), copy)
    found = find_all(scan_file(copy, tiny_counter))
    assert [finding.key for finding in found if finding.count and finding.level != "note"] == []


def test_a_name_that_ends_in_gz_gives_a_gzip_file(
    flawed: Path, tmp_path: Path, tiny_counter: TokenCounter
) -> None:
    scan = scan_file(flawed, tiny_counter)
    write_clean(scan, find_all(scan), tmp_path / "clean.jsonl.gz")
    assert gzip.decompress((tmp_path / "clean.jsonl.gz").read_bytes()).count(b"\n") == 7


def test_nothing_is_ever_written_over(flawed: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is ever changed in place"):
        check_clean_path(flawed)
    list_path(tmp_path / "clean.jsonl").touch()
    with pytest.raises(UserError, match="left_out"):
        check_clean_path(tmp_path / "clean.jsonl")
    with pytest.raises(UserError, match="no such folder"):
        check_clean_path(tmp_path / "nowhere" / "clean.jsonl")
