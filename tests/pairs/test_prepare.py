"""A training gets its pairs checked, split and counted, anew or by a saved split."""

from __future__ import annotations

from pathlib import Path

import pytest

from pairs.loading import load_pairs
from pairs.prepare import prepare_pairs
from pairs.split import split_pairs
from pairs.split_counts import describe_split
from pairs.split_file import save_split


def test_the_file_is_split_counted_and_logged(
    two_domains: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="pairs"):
        prepared = prepare_pairs(two_domains, None, 0.2, 0.1, seed=7)
    assert prepared.split == split_pairs(prepared.pairs, 0.2, 0.1, seed=7)
    assert prepared.counts == describe_split(prepared.split, prepared.pairs)
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == f"Loaded 40 training pairs from {two_domains}"
    assert messages[1] == "pairs.jsonl: JSONL, UTF-8; query, positive, negative, domain"
    assert messages[2] == "Train/Val/Test split: 28/8/4 (20.0% val, 10.0% test)"


def test_a_saved_split_is_used_whatever_else_is_asked(two_domains: Path, tmp_path: Path) -> None:
    pairs = load_pairs(two_domains)
    saved = split_pairs(pairs, 0.3, seed=3)
    save_split(saved, pairs, tmp_path / "split.json")
    assert prepare_pairs(two_domains, tmp_path / "split.json", 0.1, seed=42).split == saved
