"""Variants: scored on torch's queries, timed in turns, refused where they lose."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_models import own_figures, own_model, plain_figures

from evaluation.retrieval.task import RetrievalTask, retrieval_task
from model_card.export import variants
from model_card.export.onnx_export import FP32
from model_card.export.variants import (
    Encoder,
    Variant,
    VariantReport,
    build_variants,
    difference_interval,
    measure_variants,
    refuse_loss,
    time_in_turns,
)
from nic.errors import UserError
from pairs.loading import load_pairs

CORPUS = [f"replace the {word} and the hose" for word in ("pump", "valve", "motor", "belt", "coil")]


def small_task() -> RetrievalTask:
    """Two queries whose passage is certainly among the first five, for there are no more."""
    return RetrievalTask(
        queries=["pump leaks", "belt is worn"],
        query_ids=["q1", "q2"],
        domains=["a", "b"],
        clusters=np.array([0, 1]),
        corpus=CORPUS,
        passage_ids=[f"p{n}" for n in range(5)],
        passage_domains=[frozenset("ab")] * 5,
        relevant=[[0], [3]],
    )


def one_variant(difference: float) -> VariantReport:
    """A report of one int8 variant."""
    variant = Variant(
        file="onnx/model_quantized.onnx",
        megabytes=1.0,
        recall_at_5=0.8,
        difference=difference,
        interval=(difference - 0.01, difference + 0.01),
        cosine=0.99,
        latency_median=1.0,
        latency_p95=2.0,
        speedup=3.0,
        passages_per_second=100.0,
    )
    return VariantReport({"int8": variant}, queries=10, corpus_size=20, runs=5, threads=1)


def test_each_variant_is_scored_and_timed_beside_torch(tiny_onnx_folder: Path) -> None:
    report = measure_variants(tiny_onnx_folder, small_task(), runs=3).as_dict()
    assert list(report["variants"]) == ["torch", "fp32", "int8"]
    assert {key: report[key] for key in ("queries", "corpus_size", "runs")} == {
        "queries": 2,
        "corpus_size": 5,
        "runs": 3,
    }
    for name, variant in report["variants"].items():
        file = tiny_onnx_folder / variant["file"]
        assert variant["megabytes"] == round(file.stat().st_size / 1e6, 1), name
        assert (variant["recall_at_5"], variant["difference"]) == (1, 0), name
        assert variant["interval"] == (0, 0), name
        assert 0 < variant["latency_median"] <= variant["latency_p95"], name
        assert variant["passages_per_second"] > 0, name
    cosines = {name: variant["cosine"] for name, variant in report["variants"].items()}
    assert cosines["fp32"] == pytest.approx(1, abs=1e-6)
    assert 0.99 < cosines["int8"] < 1 - 1e-7


@pytest.mark.parametrize("kind", ["prompts", "prompts_and_dot"])
def test_variants_are_scored_with_the_models_prompts_and_similarity(
    kind: str, tiny_onnx_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    folder = own_model(tiny_onnx_folder, tmp_path / "own", kind)
    task = retrieval_task(load_pairs(two_domains), range(40))
    recall, _ = own_figures(folder, task)
    assert recall != pytest.approx(plain_figures(folder, task)[0], abs=1e-4)
    found = measure_variants(folder, task, ["fp32"], runs=1).variants
    assert found["torch"].recall_at_5 == pytest.approx(recall)
    assert found["fp32"].recall_at_5 == pytest.approx(recall)
    assert found["fp32"].cosine == pytest.approx(1, abs=1e-6)


def test_variants_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "WARM_UP", 1)
    calls: list[Any] = []

    def encoder(name: str) -> Encoder:
        def encode(texts: Sequence[str]) -> np.ndarray:
            calls.append((name, *texts))
            return np.zeros((1, 1), np.float32)

        return encode

    seconds = time_in_turns({"a": encoder("a"), "b": encoder("b")}, [["x"], ["y"]])
    warm_up = [("a", "x"), ("b", "x")]
    assert calls == [*warm_up, ("a", "x"), ("b", "x"), ("a", "y"), ("b", "y")]
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}


def test_a_constant_difference_has_no_width() -> None:
    low, high = difference_interval(np.array([0.5, 0, 1]), np.array([1, 0.5, 1.5]), [0, 0, 1])
    assert (low, high) == pytest.approx((-0.5, -0.5))


def test_queries_of_one_passage_count_as_one_piece_of_evidence() -> None:
    a, b = np.repeat([0.0, 1.0], 50), np.zeros(100)
    low, high = difference_interval(a, b, list(range(100)))
    # The standard error of a mean of 100 zeros and ones is 0.05.
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.05, 0.5 + 1.96 * 0.05), abs=0.015)
    # Two clusters: both drawn alike with probability 1/4 each, which is outside of no 95 %.
    assert difference_interval(a, b, [0] * 50 + [1] * 50) == (0, 1)


def test_a_variant_that_loses_more_than_a_hundredth_is_refused_unless_allowed() -> None:
    message = r"onnx/model_quantized.onnx: Recall@5 0.8000 is 0.0200 below torch's .*--allow-loss"
    with pytest.raises(UserError, match=message):
        refuse_loss(one_variant(-0.02))
    refuse_loss(one_variant(-0.02), allow_loss=True)
    refuse_loss(one_variant(-0.01))
    refuse_loss(one_variant(0.05))


def test_int8_alone_leaves_no_other_file(
    tiny_onnx_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(model_folder: Path, output: Path) -> Path:
        return Path(shutil.copyfile(model_folder / FP32, output))

    monkeypatch.setattr(variants, "export_onnx", export)
    files = build_variants(tiny_onnx_folder, tmp_path, ["int8"])
    assert files == {"int8": tmp_path / "onnx" / "model_quantized.onnx"}
    assert [path.name for path in (tmp_path / "onnx").iterdir()] == ["model_quantized.onnx"]
