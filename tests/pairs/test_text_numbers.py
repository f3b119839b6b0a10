"""Rows are compared by numbers of their texts."""

from __future__ import annotations

import pyarrow as pa
import pytest
from conftest import MakePairs, make_row

from pairs import text_numbers
from pairs.loading import load_pairs
from pairs.text_numbers import number_texts, shared_texts
from pairs.words import comparable


def column(*chunks: list[str | None]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())


def test_equal_texts_have_one_number_over_columns_and_chunks() -> None:
    queries, positives = column(["a", "b"], ["a"]), column(["p", "q"], ["r"])
    further = column([None, None, "p"])
    found = number_texts(queries, positives, [column(["q", None], ["s"]), further])
    assert found.queries.tolist() == [0, 1, 0]
    assert found.positives.tolist() == [0, 1, 2]
    assert found.negatives.tolist() == [[1, -1, 3], [-1, -1, 0]]
    assert found.passages == 4


def test_texts_of_one_comparable_form_have_one_number() -> None:
    found = number_texts(column(["o\u0308l", "\u00f6l"]), column(["pump\u200b", "pump"]), [])
    assert found.queries.tolist() == [0, 0]
    assert found.positives.tolist() == [0, 0]
    assert found.negatives.shape == (0, 2)


def test_equal_values_of_a_column_are_one_object() -> None:
    texts = shared_texts(column(["pump 1", None], ["pump 1"]))
    assert texts == ["pump 1", None, "pump 1"]
    assert texts[0] is texts[2]
    assert shared_texts(column()) == []


def test_ascii_texts_are_numbered_without_a_function_per_row(
    write_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make_row(n, "hvac") for n in range(20)]
    pairs = load_pairs(write_pairs([*rows, make_row(20, "hvac", query="Öldruck")]))
    seen: list[str] = []

    def spy(text: str) -> str:
        seen.append(text)
        return comparable(text)

    monkeypatch.setattr(text_numbers, "comparable", spy)
    assert len(pairs.numbers.queries) == 21
    # The batch of the one query that is not ASCII.
    assert len(seen) == 21
    seen.clear()
    load_pairs(write_pairs(rows)).numbers  # noqa: B018
    assert not seen
