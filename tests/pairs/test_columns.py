"""Columns: every kind of row that is no pair is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import make_row

from pairs.columns import read_pair_records, texts_of
from pairs.pair_files import PairFiles

GOOD = make_row(1, "hvac")


def line(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


BAD_LINES = {
    b'{"query": ': "not valid JSON",
    b"[1, 2]": "not a JSON object",
    b'"text"': "not a JSON object",
    b"\xff\xfe{}": "not valid UTF-8 (byte 1 of the line)",
    line(domain=""): 'field "domain" is empty',
    line(positive=""): 'field "positive" is empty',
    line(query="  \t "): 'field "query" is empty',
    line(negative=3): 'field "negative" is int, not a string',
    line(domain=3): 'field "domain" is int, not a string',
    line(query=["a"]): 'field "query" is list, not a string',
    line(query="\ud800"): "half a surrogate pair",
    line(negative=GOOD["positive"] + " "): "positive and negative are the same text",
    b"[" * 100_000: "not valid JSON",
    line(query="\u200b\u200d"): 'field "query" is empty',
    line(positive="\ufeff \u00ad"): 'field "positive" is empty',
    line(domain="\u3164\u2800"): 'field "domain" is empty',
    line(positive="Öl pru\u0308fen", negative="Öl prüfen"): (
        "positive and negative are the same text; the"
    ),
}


@pytest.mark.parametrize(("bad", "problem"), BAD_LINES.items(), ids=BAD_LINES.values())
def test_each_kind_of_bad_line_is_named(bad: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(bad + b"\n")
    [(place, row, found, _)] = read_pair_records(PairFiles.open(path))
    assert str(place) == f"{path}:1"
    assert row == {}
    assert problem in found


def test_the_texts_of_a_row_lose_the_white_space_around_them() -> None:
    assert texts_of({"query": " a\n", "positive": "b ", "negative": "\tc", "n": 1}) == (
        "a",
        "b",
        ["c"],
    )
