"""From Python: the names that the room exports do a user's work on pairs."""

from __future__ import annotations

from pathlib import Path

import pairs
from pairs import CheckArguments, check_pairs, load_pairs, load_split, save_split, split_pairs


def test_a_file_is_checked_loaded_and_split_and_the_split_is_used_again(
    two_domains: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    report = check_pairs(CheckArguments(two_domains, str(tiny_model_folder)))
    assert not report.refused
    data = load_pairs(two_domains)
    assert len(data) == report.rows == 40
    split = split_pairs(data, val_ratio=0.2, test_ratio=0.1, seed=7)
    save_split(split, data, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", data) == split
    assert split == split_pairs(data, 0.2, 0.1, 7)


def test_every_exported_name_exists_and_says_what_it_does() -> None:
    for name in pairs.__all__:
        assert getattr(pairs, name).__doc__, name
