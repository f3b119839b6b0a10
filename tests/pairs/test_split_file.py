"""A split is written and read by line numbers, and one that does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_file import load_split, save_split


def test_a_saved_split_comes_back_by_line_numbers(two_domains: Path, tmp_path: Path) -> None:
    two_domains.write_text("\n\n" + two_domains.read_text(encoding="utf-8"), encoding="utf-8")
    pairs = load_pairs(two_domains)
    split = split_pairs(pairs, 0.2, seed=7)
    save_split(split, pairs, tmp_path / "split.json")
    content = json.loads((tmp_path / "split.json").read_text(encoding="utf-8"))
    assert set(content) == {"data_sha256", "seed", "validation_lines"}
    assert content["validation_lines"] == [row + 3 for row in split.validation]
    assert load_split(tmp_path / "split.json", pairs) == split


def test_a_saved_split_with_a_test_part_comes_back(two_domains: Path, tmp_path: Path) -> None:
    pairs = load_pairs(two_domains)
    split = split_pairs(pairs, 0.2, seed=7, test_ratio=0.1)
    save_split(split, pairs, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", pairs) == split
    assert split.test


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"data_sha256": "other", "seed": 1, "validation_lines": [1]}', "another file than"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('{"data_sha256": "SHA", "seed": 1, "validation_lines": [true]}', "needs the fields"),
        ("[]", "needs the fields data_sha256"),
        ('{"data_sha256": 3}', "needs the fields data_sha256"),
        ('{"data_sha256": "SHA", "seed": 1, "validation_lines": [99]}', "line 99 is no row"),
        ('{"data_sha256": "SHA", "seed": 1, "validation_lines": []}', "leaves one half empty"),
        ('{"data_sha256": "SHA", "seed": 1, "validation_lines": ["a"]}', "needs the fields"),
        (
            '{"data_sha256": "SHA", "seed": 1, "validation_lines": [1, 2], "test_lines": [2]}',
            "line 2 stands in validation and in test",
        ),
    ],
)
def test_a_split_file_that_does_not_fit_is_refused(
    two_domains: Path, tmp_path: Path, content: str, message: str
) -> None:
    pairs = load_pairs(two_domains)
    path = tmp_path / "split.json"
    path.write_text(content.replace("SHA", pairs.sha256), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_split(path, pairs)
