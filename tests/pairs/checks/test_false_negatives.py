"""False negatives: the expectation is right, and suspicious negatives are found."""

from __future__ import annotations

from math import comb
from pathlib import Path

import numpy as np
import pytest
from conftest import KeywordModel, ScanRows, make_row
from own_models import DOCUMENT_PROMPT, QUERY_PROMPT, own_model
from sentence_transformers import SentenceTransformer

from pairs.checks import false_negatives
from pairs.checks.false_negatives import find_suspects, in_batch, share_with_a_mate

VERSION = "stop the engine and let it cool for ten minutes before the cap of the tank is opened"


def test_the_chance_of_a_mate_is_that_of_drawing_without_putting_back() -> None:
    # One row in four has 3 others alike among 20 rows; a batch of 5 draws 4 of the 19 others.
    others = np.array([3, 0, 0, 0] * 5)
    expected = (1 - comb(16, 4) / comb(19, 4)) / 4
    assert share_with_a_mate(others, 5) == pytest.approx(expected)


def test_a_batch_as_large_as_the_file_holds_every_mate() -> None:
    assert share_with_a_mate(np.array([1, 1, 0, 0]), 32) == pytest.approx(0.5)


def test_the_chance_agrees_with_drawing_batches() -> None:
    numbers = np.random.default_rng(0)
    kinds = np.repeat(np.arange(30), 4)
    drawn = [numbers.permutation(kinds)[:16] for _ in range(2000)]
    share = np.mean([(np.bincount(batch)[batch] > 1).mean() for batch in drawn])
    assert share_with_a_mate(np.full(120, 3), 16) == pytest.approx(share, abs=0.01)


def test_equal_and_nearly_equal_positives_are_told_apart(scan_rows: ScanRows) -> None:
    rows = [make_row(n, "hvac") for n in (1, 10, 20)]
    rows += [make_row(1, "hvac", query="why again")]
    rows += [make_row(n, "hvac", positive=VERSION + end) for n, end in ((30, ""), (31, " again"))]
    expected = in_batch(scan_rows(rows), batch_size=6)
    assert expected.same_positive == pytest.approx(2 / 6)
    assert expected.near_positive == pytest.approx(2 / 6)


@pytest.mark.parametrize("kind", ["prompts", "dot", "euclidean"])
def test_a_model_ranks_negatives_with_its_own_prompts_and_similarity(
    kind: str, scan_rows: ScanRows, tiny_model_folder: Path, tmp_path: Path
) -> None:
    rows = [make_row(n, "hvac") for n in range(20)]
    folder = own_model(tiny_model_folder, tmp_path / "own", kind)
    model = SentenceTransformer(str(folder), device="cpu")
    before, *others = (QUERY_PROMPT, DOCUMENT_PROMPT) if kind == "prompts" else ("", "")
    query, positive, negative = (
        model.encode([prompt + row[name] for row in rows], prompt="")
        for name, prompt in (("query", before), ("positive", *others), ("negative", *others))
    )
    excess = (model.similarity(query, negative) - model.similarity(query, positive)).diag().numpy()
    margin = float(np.median(excess))
    found = find_suspects(scan_rows(rows), model, "own", margin, batch_size=8)
    expected = np.argsort(-excess, kind="stable")[: (excess > margin).sum()] + 1
    assert found.lines == expected.tolist()


def test_negatives_above_the_positive_by_the_margin_are_named_worst_first(
    scan_rows: ScanRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Cosine to the query "pump": of "pump" 1, of "pump fan" 0.71, of "fan" 0.
    texts = [("pump", "fan"), ("pump fan", "pump"), ("fan", "pump"), ("pump", "pump fan")]
    scan = scan_rows([make_row(0, "hvac", query="pump", positive=p, negative=n) for p, n in texts])
    model = KeywordModel(["pump", "fan"])
    monkeypatch.setattr(false_negatives, "ROWS_AT_A_TIME", 3)
    found = find_suspects(scan, model, "keywords", margin=0.1, batch_size=8)
    assert (found.model, found.rows, found.lines) == ("keywords", 2, [3, 2])
    assert find_suspects(scan, model, "keywords", margin=0.5, batch_size=8).lines == [3]
    assert max(len(texts) for texts in model.calls) <= 3
