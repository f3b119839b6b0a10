"""The `evaluate.Metric`: figures by hand, and loading it from its folder alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import evaluate
import numpy as np
import pytest

from evaluation.retrieval_metrics.definitions import query_metrics, ranks_in_list

FOLDER = Path(__file__).resolve().parents[2] / "evaluation" / "retrieval_metrics"
LOAD_WITHOUT_NETWORK = """
import socket, sys

def refuse(*given):
    raise AssertionError(f"network: {given}")

socket.socket.connect = socket.getaddrinfo = refuse
import evaluate

metric = evaluate.load("retrieval_metrics")
print(metric.compute(predictions=[["b", "a"]], references=[["a"]], k=[1, 2]))
print([name for name in sys.modules if name.split(".")[0] in ("evaluation", "training")])
"""


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The metric as others load it, its copies in a folder of their own."""
    cache = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(cache)
        patch.setattr("evaluate.config.HF_MODULES_CACHE", str(cache))
        yield evaluate.load(str(FOLDER), cache_dir=str(cache), keep_in_memory=True)


def test_figures_of_two_queries_worked_out_by_hand(metric: Any) -> None:
    # The first query: its two passages stand at 2 and 4. The second: its one passage at 1.
    found = metric.compute(
        predictions=[["a", "b", "c", "d"], ["x", "y"]], references=[["d", "b"], ["x"]], k=[1, 2]
    )
    gains, best = 1 / np.log2(3) + 1 / np.log2(5), 1 + 1 / np.log2(3)
    assert found == {
        "recall@1": 0.5,
        "recall@2": 0.75,
        "hit_rate@1": 0.5,
        "hit_rate@2": 1.0,
        "mrr": 0.75,
        "ndcg@10": pytest.approx((gains / best + 1) / 2),
        # Precision 1/2 at rank 2 and 2/4 at rank 4; then 1.
        "map@100": pytest.approx((0.5 + 1) / 2),
    }


def test_a_passage_that_the_list_does_not_hold_is_never_found(metric: Any) -> None:
    absent = metric.compute(predictions=[["a", "b"], []], references=[["c"], ["c"]])
    assert set(absent.values()) == {0.0}
    half = metric.compute(predictions=[["a", "b"]], references=[["a", "c"]], k=5)
    assert (half["recall@5"], half["hit_rate@5"], half["mrr"]) == (0.5, 1.0, 1.0)
    # Both would have stood at the two first places.
    assert half["ndcg@10"] == pytest.approx(1 / (1 + 1 / np.log2(3)))


def test_ranked_lists_give_what_the_report_gives_for_their_ranks(metric: Any) -> None:
    rng = np.random.default_rng(5)
    predictions, references, expected = [], [], []
    for _ in range(50):
        order = rng.permutation(60)
        relevant = rng.choice(60, size=rng.integers(1, 15), replace=False)
        places = np.argsort(order)[relevant] + 1
        predictions.append([f"p{n}" for n in order])
        references.append([f"p{n}" for n in relevant])
        expected.append(query_metrics(np.sort(places)))
    found = metric.compute(predictions=predictions, references=references, per_query=True)
    assert found.pop("per_query") == expected
    assert found == {
        name: pytest.approx(np.mean([row[name] for row in expected])) for name in expected[0]
    }


def test_batches_that_are_added_one_by_one_count_together(metric: Any) -> None:
    metric.add_batch(predictions=[["a"]], references=[["a"]])
    metric.add_batch(predictions=[["a"]], references=[["b"]])
    assert metric.compute(k=1)["recall@1"] == 0.5


@pytest.mark.parametrize(
    ("predictions", "references", "k", "message"),
    [
        ([["a"], ["a", "b", "a"]], [["a"], ["b"]], 1, 'query 1: passage "a" stands in the ranked'),
        ([["a"]], [[]], 1, "query 0: no relevant passage is given; leave the query out"),
        ([["a"]], [["a"]], [5, 0], r"k=\[5, 0\]: each has to be 1 or more"),
        ([["a"], ["b"]], [["a"]], 1, "Mismatch in the number of predictions"),
        ([[1, 2]], [[1]], 1, "match the expected format"),
        ([], [], 1, "no query is given"),
    ],
)
def test_what_makes_no_sense_is_refused(
    metric: Any, predictions: Any, references: Any, k: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        metric.compute(predictions=predictions, references=references, k=k)


def test_a_relevant_passage_given_twice_counts_once() -> None:
    assert ranks_in_list(["a", "b"], ["b", "b", "c", "c"]) == [2, float("inf")]


def test_a_copy_of_the_folder_loads_without_the_project_and_without_network(
    tmp_path: Path,
) -> None:
    shutil.copytree(FOLDER, tmp_path / "retrieval_metrics")
    homes = {name: str(tmp_path / "cache") for name in ("HF_HOME", "HF_MODULES_CACHE")}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | homes
    result = subprocess.run(
        [sys.executable, "-c", LOAD_WITHOUT_NETWORK],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert result.returncode == 0, result.stderr
    figures, ours = result.stdout.splitlines()
    assert "'recall@1': 0.0, 'recall@2': 1.0" in figures
    assert ours == "[]"
