"""Models are measured with their own prompts and by their own similarity."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from own_models import KINDS, own_figures, own_model, plain_figures
from textless_task import task_of

from evaluation.retrieval import ranking
from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.ranking import DenseScorer, rank_queries
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from nic.models import find_model, load_model
from pairs.loading import load_pairs


@pytest.fixture
def task(two_domains: Path) -> RetrievalTask:
    """Forty queries against eighty passages."""
    return retrieval_task(load_pairs(two_domains), range(40))


@pytest.mark.parametrize("kind", KINDS)
def test_the_metrics_are_those_that_the_models_users_have(
    kind: str, task: RetrievalTask, tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = own_model(tiny_model_folder, tmp_path / "own", kind)
    model = load_model(find_model(str(folder)), "cpu")
    report = DomainRetrievalEvaluator(task).evaluate(model)
    found = (report.overall["recall@5"], report.overall["mrr"])
    assert found == pytest.approx(own_figures(folder, task), abs=1e-6)
    assert found != pytest.approx(plain_figures(folder, task), abs=1e-4)


def test_a_model_that_ends_in_normalize_ranks_alike_by_cosine_dot_product_and_distance(
    task: RetrievalTask, tiny_model_folder: Path
) -> None:
    model = load_model(find_model(str(tiny_model_folder)), "cpu")
    reports = []
    for name in ("cosine", "dot", "euclidean"):
        model.similarity_fn_name = name
        reports.append(DomainRetrievalEvaluator(task).evaluate(model))
    assert reports[0] == reports[1] == reports[2]


# Query [1, 1] against [2, 2], [0, 1], [1, 1]: the first is the longest, the last the nearest.
@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        ("dot", [4.0, 1.0, 2.0]),
        ("euclidean", [-(2**0.5), -1.0, 0.0]),
        ("manhattan", [-2.0, -1.0, 0.0]),
    ],
)
def test_scores_worked_out_by_hand(similarity: str, expected: list[float]) -> None:
    corpus = torch.tensor([[2.0, 2.0], [0.0, 1.0], [1.0, 1.0]])
    scorer = DenseScorer(torch.ones(1, 2), corpus, similarity)
    ranked = rank_queries(scorer, task_of([[0]], 3))[0]
    best = sorted(expected, reverse=True)
    assert ranked.top_scores.tolist() == pytest.approx(best)
    assert ranked.ranks.tolist() == [best.index(expected[0]) + 1]


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
def test_equal_vectors_tie_and_the_chunk_size_changes_no_rank(
    similarity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = torch.Generator().manual_seed(0)
    queries = torch.randn(50, 16, generator=generator)
    corpus = torch.randn(60, 16, generator=generator).repeat(2, 1) * 5
    task = task_of([[number] for number in range(50)], 120)
    scorer = DenseScorer(queries, corpus, similarity)
    whole = rank_queries(scorer, task)
    # The twin of each relevant passage scores the same and stands before it.
    assert all(ranked.ranks[0] % 2 == 0 for ranked in whole)
    monkeypatch.setattr(ranking, "LEAST_ROWS", 1)
    chunks = rank_queries(scorer, task, scores_at_a_time=120)
    assert [r.ranks.tolist() for r in chunks] == [r.ranks.tolist() for r in whole]
