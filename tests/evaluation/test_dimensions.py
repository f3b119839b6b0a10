"""What is found with the first numbers of the embeddings."""

from __future__ import annotations

import pytest
import torch
from textless_task import task_of

from evaluation.dimensions import measure_dimensions, score_truncated, truncate
from evaluation.retrieval.query_results import score_task
from evaluation.retrieval.ranking import DenseScorer

# By the first number alone the second passage is nearer; by both the first is.
QUERY = torch.tensor([[0.6, 0.8]])
CORPUS = torch.tensor([[0.6, 0.8], [1.0, 0.0], [-1.0, 0.0]])


def test_embeddings_are_cut_and_get_unit_length_again_for_cosine_alone() -> None:
    cut = truncate(DenseScorer(QUERY, CORPUS), 1)
    assert cut.queries.tolist() == [[1.0]]
    assert cut.corpus.tolist() == [[1.0], [1.0], [-1.0]]
    assert truncate(DenseScorer(QUERY, CORPUS, "dot"), 1).corpus.flatten().tolist() == (
        pytest.approx([0.6, 1.0, -1.0])
    )


def test_each_length_has_the_metrics_of_both_models_and_what_it_costs() -> None:
    task = task_of([[0], [1], [2]], 3)
    whole = torch.eye(3)
    # The base knows nothing: all passages tie.
    scorers = {
        "nic": DenseScorer(whole, whole),
        "base": DenseScorer(torch.ones(3, 3), whole[:1].expand(3, 3)),
    }
    results = {name: score_task(scorer, task) for name, scorer in scorers.items()}
    results |= score_truncated(scorers, task, [3, 2])
    assert set(results) == {"nic", "base", "nic@2", "base@2"}
    # Without the third number the third passage is lost: its query ties with all.
    assert [row.rank for row in results["nic@2"]] == [1, 1, 3]
    long, short = measure_dimensions(results, "nic", "base", [2, 3])
    assert (long.dimension, short.dimension) == (3, 2)
    assert long.difference is None
    assert short.difference is not None
    assert (long.tuned.value, long.base.value) == (1.0, 1.0)
    assert measure_dimensions(results, "nic", "base", []) == []
