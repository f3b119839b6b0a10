"""BM25 and rank fusion, worked out by hand on a few passages."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import MakePairs

from evaluation.collect import score_lexical
from evaluation.retrieval import baselines
from evaluation.retrieval.baselines import BM25Scorer, FusionScorer
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from pairs.loading import load_pairs

PASSAGES = ["replace the hydraulic pump", "tighten the chain", "clean the fan blades", "the"]


def task(write_pairs: MakePairs, query: str = "pumps leak") -> RetrievalTask:
    rows = [
        {"query": query, "positive": PASSAGES[0], "negative": PASSAGES[1], "domain": "hvac"},
        {"query": "fan", "positive": PASSAGES[2], "negative": PASSAGES[3], "domain": "hvac"},
    ]
    return retrieval_task(load_pairs(write_pairs(rows)), [0, 1])


def scores(scorer: BM25Scorer | FusionScorer, row: int = 0) -> list[float]:
    found = scorer.scores(np.array([row]), np.arange(4))[0].tolist()
    return [float(value) for value in found]


def test_bm25_meets_words_by_their_stems_and_gives_nothing_without_a_shared_word(
    write_pairs: MakePairs,
) -> None:
    # Corpus order: positives, then negatives: pump, fan, chain, the.
    found = scores(BM25Scorer.of(task(write_pairs)))
    assert found[0] > 0
    assert found[1:] == [0.0, 0.0, 0.0]


def test_a_query_of_unknown_or_no_words_finds_nothing(write_pairs: MakePairs) -> None:
    assert scores(BM25Scorer.of(task(write_pairs, "zzz !!"))) == [0.0] * 4
    assert scores(BM25Scorer.of(task(write_pairs, "???"))) == [0.0] * 4


def test_a_corpus_without_words_is_no_error(write_pairs: MakePairs) -> None:
    rows = [{"query": "a", "positive": "...", "negative": "the", "domain": "hvac"}]
    bare = retrieval_task(load_pairs(write_pairs(rows)), [0])
    found = BM25Scorer.of(bare).scores(np.array([0]), np.arange(2))
    assert found.tolist() == [[0.0, 0.0]]


def test_fusion_adds_the_reciprocal_ranks_of_both(write_pairs: MakePairs) -> None:
    # The model ranks chain, fan, then pump and "the" alike: both have the last of their ranks, 4.
    corpus = torch.tensor([[0.1], [0.5], [0.9], [0.1]])
    dense = DenseScorer(torch.ones(2, 1), corpus)
    found = scores(FusionScorer(dense, BM25Scorer.of(task(write_pairs))))
    # BM25 knows only the pump, at rank 1; it gives the others nothing.
    assert found == pytest.approx([1 / 64 + 1 / 61, 1 / 62, 1 / 61, 1 / 64])


def test_both_baselines_are_scored_on_the_queries_of_the_task(write_pairs: MakePairs) -> None:
    dense = DenseScorer(torch.ones(2, 1), torch.ones(4, 1))
    found = score_lexical(task(write_pairs), {"nic": dense, "base": dense})
    assert list(found) == ["BM25", "BM25 + nic", "BM25 + base"]
    assert [row.rank for row in found["BM25"]] == [1, 1]
    assert [row.query_id for row in found["BM25 + nic"]] == ["q1", "q2"]


def test_within_a_domain_only_its_passages_are_scored(write_pairs: MakePairs) -> None:
    scorer = BM25Scorer.of(task(write_pairs))
    assert scorer.scores(np.array([0, 1]), np.array([1, 2])).shape == (2, 2)


def test_fusing_a_few_rows_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    passages, queries = ["red pump", "blue pump", "hoist"], ["red hoist", "pump", "blue"]
    dense = DenseScorer(torch.eye(3), torch.tensor([[3.0, 1, 2], [1, 2, 3], [2, 3, 1]]))
    scorer = FusionScorer(dense, BM25Scorer.of_texts(passages, queries))
    whole = scorer.scores(np.arange(3), np.arange(3))
    monkeypatch.setattr(baselines, "SCORES_AT_A_TIME", 3)
    assert torch.equal(scorer.scores(np.arange(3), np.arange(3)), whole)
