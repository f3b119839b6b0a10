"""Distractors: passages from a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.retrieval.distractors import read_distractors
from nic.errors import UserError


def test_each_text_goes_by_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "more.jsonl"
    path.write_text('{"text": " a "}\n\n{"text": "b", "n": 1}\n{"text": "a"}\n', encoding="utf-8")
    assert read_distractors(path) == {"a": "x1", "b": "x3"}


@pytest.mark.parametrize("line", ["{", "[]", "3", "{}", '{"text": ""}', '{"text": 3}', "\xff"])
def test_a_line_without_a_text_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "more.jsonl"
    path.write_bytes(b'{"text": "a"}\n' + line.encode("latin-1") + b"\n")
    with pytest.raises(UserError, match='more.jsonl:2: not a JSON object with a non-empty "text"'):
        read_distractors(path)


def test_an_empty_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="holds no passages"):
        read_distractors(tmp_path / "empty.jsonl")
    with pytest.raises(UserError, match="no such file; give a data file with --extra-corpus"):
        read_distractors(tmp_path / "nowhere.jsonl")
