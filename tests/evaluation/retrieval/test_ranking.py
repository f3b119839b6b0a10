"""Ranks and metrics, against arithmetic done by hand and a naive implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from textless_task import task_of

from evaluation.retrieval import ranking
from evaluation.retrieval.ranking import SCORES_WITH_BAR, DenseScorer, Ranked, rank_queries
from evaluation.retrieval_metrics.definitions import query_metrics


def found(scores: list[float], relevant: list[int]) -> Ranked:
    """What given scores find: a query [1] against a corpus of one-dimensional vectors."""
    scorer = DenseScorer(torch.ones(1, 1), torch.tensor(scores)[:, None])
    return rank_queries(scorer, task_of([relevant], len(scores)))[0]


def ranks_of(scores: list[float], relevant: list[int]) -> list[int]:
    ranks: list[int] = found(scores, relevant).ranks.tolist()
    return ranks


def test_the_rank_counts_the_passages_that_score_higher() -> None:
    assert ranks_of([0.9, 0.5, 0.7, 0.1], [2]) == [2]
    assert ranks_of([0.9, 0.5, 0.7, 0.1], [3]) == [4]


def test_ties_count_against_the_model() -> None:
    # All equal: the two passages that are not relevant stand first.
    assert ranks_of([0.5, 0.5, 0.5], [0]) == [3]
    assert ranks_of([0.0, 0.0, 0.0, 0.0], [1, 2]) == [3, 4]


def test_several_relevant_passages_do_not_push_each_other_back() -> None:
    # Order: 1 (relevant), 0, 2 (relevant), 3.
    assert ranks_of([0.8, 0.9, 0.7, 0.1], [1, 2]) == [1, 3]
    # The two relevant ones tie with each other alone: places 1 and 2.
    assert ranks_of([0.9, 0.9, 0.1], [0, 1]) == [1, 2]


@settings(max_examples=100, deadline=None)
@given(
    scores=st.lists(st.integers(0, 4).map(float), min_size=2, max_size=12),
    data=st.data(),
)
def test_ranks_equal_those_of_a_sorted_list(scores: list[float], data: st.DataObject) -> None:
    numbers = st.integers(0, len(scores) - 1)
    relevant = data.draw(st.lists(numbers, min_size=1, unique=True))
    # Sorted by falling score; among equal ones the relevant come last.
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], n in relevant))
    expected = [place for place, n in enumerate(order, start=1) if n in relevant]
    assert ranks_of(scores, relevant) == expected
    assert found(scores, relevant).top.tolist() == order[:10]


def test_the_first_ten_stand_in_order_with_their_scores() -> None:
    first = found([0.5, 0.9, 0.7, 0.7], [2])
    assert first.top.tolist() == [1, 3, 2, 0]
    assert first.top_scores.tolist() == pytest.approx([0.9, 0.7, 0.7, 0.5])
    assert first.candidates == 4
    assert len(found([0.1] * 15, [3]).top) == 10


def test_of_many_passages_that_tie_those_that_answer_stand_last() -> None:
    assert found([0.0] * 500, [0, 1]).top.tolist() == list(range(2, 12))
    assert found([0.9] + [0.0] * 7 + [0.5] * 4, [3, 9]).top.tolist() == [
        *[0, 8, 10, 11, 9],
        *[1, 2, 4, 5, 6],
    ]


def test_within_its_domain_a_query_is_ranked_against_that_domains_passages_alone() -> None:
    scorer = DenseScorer(torch.ones(1, 1), torch.tensor([0.5, 0.9, 0.7, 0.1])[:, None])
    (everything,) = rank_queries(scorer, task_of([[3]], 4, "abaa"))
    (own,) = rank_queries(scorer, task_of([[3]], 4, "abaa", "domain"))
    assert (everything.ranks.tolist(), everything.candidates) == ([4], 4)
    assert (own.ranks.tolist(), own.candidates) == ([3], 3)
    assert own.top.tolist() == [2, 0, 3]


@pytest.mark.parametrize("levels", [1, 3, 1000])
@pytest.mark.parametrize("passages", [40, 44, 59, 400])
def test_passages_in_blocks_stand_as_in_a_sorted_list(
    passages: int, levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten, eleven, fourteen and a hundred blocks; few levels make many ties."""
    monkeypatch.setattr(ranking, "BLOCK", 4)
    rng = np.random.default_rng(passages + levels)
    for _ in range(20):
        scores = rng.integers(0, levels, passages).tolist()
        relevant = sorted(rng.choice(passages, rng.integers(1, 15), replace=False).tolist())
        order = sorted(range(passages), key=lambda n: (-scores[n], n in relevant, n))
        ranked = found([float(score) for score in scores], relevant)
        assert ranked.top.tolist() == order[:10]
        assert ranked.top_scores.tolist() == [scores[n] for n in order[:10]]
        assert ranked.ranks.tolist() == [order.index(n) + 1 for n in order if n in relevant]


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    queries, corpus = (torch.randn(n, 4, generator=generator) for n in (300, 20))
    task = task_of([[n % 20] for n in range(300)], 20)
    alone = rank_queries(DenseScorer(queries, corpus), task)
    monkeypatch.setattr(ranking, "LONG_ROW", 20)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    together = rank_queries(DenseScorer(queries, corpus), task)
    assert [repr(r) for r in together] == [repr(r) for r in alone]


def test_a_long_ranking_shows_a_progress_bar_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scorer, task = DenseScorer(torch.ones(3, 1), torch.ones(5, 1)), task_of([[0], [1], [2]], 5)

    def shown(terminal: bool, scores_with_bar: int) -> str:
        monkeypatch.setattr(ranking, "on_terminal", lambda: terminal)
        monkeypatch.setattr(ranking, "SCORES_WITH_BAR", scores_with_bar)
        rank_queries(scorer, task)
        output = capsys.readouterr()
        assert not output.out
        return output.err

    assert "Ranking:   0%" in (bar := shown(True, 15)) and "0/3" in bar
    assert shown(True, 16) == ""
    assert shown(False, 15) == ""
    assert 10_000 * 10_000 < SCORES_WITH_BAR <= 10_000 * 100_000


@pytest.mark.parametrize("scores_at_a_time", [1, 7, 100, 10_000])
def test_the_size_of_a_chunk_changes_nothing(
    scores_at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "LEAST_ROWS", 1)
    generator = torch.Generator().manual_seed(3)
    queries, corpus = (
        torch.randn(9, 4, generator=generator),
        torch.randn(20, 4, generator=generator),
    )
    task = task_of([[n, n + 5] for n in range(9)], 20)
    scorer = DenseScorer(queries, corpus)
    chunked = rank_queries(scorer, task, scores_at_a_time)
    whole = rank_queries(scorer, task)
    assert [r.ranks.tolist() for r in chunked] == [r.ranks.tolist() for r in whole]
    assert [r.top.tolist() for r in chunked] == [r.top.tolist() for r in whole]


def test_metrics_of_one_relevant_passage_at_rank_three() -> None:
    assert query_metrics(np.array([3])) == {
        "recall@1": 0.0,
        "recall@5": 1.0,
        "recall@10": 1.0,
        "hit_rate@1": 0.0,
        "hit_rate@5": 1.0,
        "hit_rate@10": 1.0,
        "mrr": 1 / 3,
        "ndcg@10": 0.5,  # 1 / log2(4), and the best possible is 1
        "map@100": 1 / 3,
    }


def test_metrics_of_three_relevant_passages() -> None:
    metrics = query_metrics(np.array([1, 6, 40]))
    assert metrics["recall@1"] == metrics["recall@5"] == pytest.approx(1 / 3)
    assert metrics["recall@10"] == pytest.approx(2 / 3)
    assert metrics["hit_rate@1"] == metrics["mrr"] == 1.0
    # Gains at ranks 1 and 6: 1 + 1/log2(7); best: 1 + 1/log2(3) + 1/log2(4).
    best = 1 + 1 / math.log2(3) + 0.5
    assert metrics["ndcg@10"] == pytest.approx((1 + 1 / math.log2(7)) / best)
    # Precision at ranks 1, 6 and 40: 1/1, 2/6, 3/40.
    assert metrics["map@100"] == pytest.approx((1 + 2 / 6 + 3 / 40) / 3)
    # The third at rank 101 counts as not found.
    assert query_metrics(np.array([1, 6, 101]))["map@100"] == pytest.approx((1 + 2 / 6) / 3)


def test_nothing_among_the_first_ten_leaves_only_the_reciprocal_rank() -> None:
    metrics = query_metrics(np.array([11]))
    assert metrics.pop("mrr") == metrics.pop("map@100") == pytest.approx(1 / 11)
    assert set(metrics.values()) == {0.0}


def test_more_relevant_passages_than_ten_can_still_be_perfect() -> None:
    assert query_metrics(np.arange(1, 16))["ndcg@10"] == pytest.approx(1.0)
