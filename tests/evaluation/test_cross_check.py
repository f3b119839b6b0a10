"""Our figures against those of independent implementations: trec_eval and sentence-transformers."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval
import torch
from conftest import WORDS
from random_tasks import random_task
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.ranking import DenseScorer, rank_queries
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import query_metrics

# Our name of a metric, and trec_eval's.
TREC_EVAL = {
    "recall@1": "recall_1",
    "recall@5": "recall_5",
    "recall@10": "recall_10",
    "hit_rate@1": "success_1",
    "hit_rate@5": "success_5",
    "hit_rate@10": "success_10",
    "mrr": "recip_rank",
    "ndcg@10": "ndcg_cut_10",
    "map@100": "map_cut_100",
}
QUERIES, PASSAGES = 120, 300


def trec_eval(scores: torch.Tensor, task: RetrievalTask) -> list[dict[str, float]]:
    """What trec_eval says of a run: ties are in order before it sees them, the relevant last."""
    run, qrel = {}, {}
    for id_, row, relevant in zip(task.query_ids, scores.tolist(), task.relevant, strict=True):
        order = sorted(range(len(row)), key=lambda n: (-row[n], n in relevant, n))
        run[id_] = {task.passage_ids[n]: float(-place) for place, n in enumerate(order)}
        qrel[id_] = {task.passage_ids[n]: 1 for n in relevant}
    found = pytrec_eval.RelevanceEvaluator(qrel, set(TREC_EVAL.values())).evaluate(run)
    return [found[id_] for id_ in task.query_ids]


@pytest.mark.parametrize("levels", [3, 40, 10**6])
@pytest.mark.parametrize("seed", range(3))
def test_every_metric_of_every_query_equals_trec_evals(levels: int, seed: int) -> None:
    # Scores are whole numbers: with three levels nearly all tie, with a million none does.
    rng = np.random.default_rng(seed)
    task = random_task(rng, [""] * QUERIES, [""] * PASSAGES)
    scores = torch.from_numpy(rng.integers(0, levels, (QUERIES, PASSAGES))).float()
    # A query is a unit vector of its own, so that its scores are the row as it stands.
    ranked = rank_queries(DenseScorer(torch.eye(QUERIES), scores.T), task)
    theirs = trec_eval(scores, task)
    for found, expected in zip(ranked, theirs, strict=True):
        ours = query_metrics(found.ranks)
        assert set(ours) == set(TREC_EVAL)
        for name, value in ours.items():
            assert value == pytest.approx(expected[TREC_EVAL[name]], abs=1e-9), name


def test_a_models_figures_equal_those_of_the_information_retrieval_evaluator(
    tiny_model: SentenceTransformer,
) -> None:
    rng = np.random.default_rng(0)
    texts = list(dict.fromkeys(" ".join(rng.choice(WORDS, 7)) for _ in range(100)))
    task = random_task(rng, texts[:40], texts[40:])
    evaluator = DomainRetrievalEvaluator(task)
    scores = evaluator.embed(tiny_model).scores(np.arange(40), np.arange(len(task.corpus)))
    # No tie: the two break them differently.
    assert scores.sort().values.diff().min() > 1e-7
    everything = len(task.corpus)
    theirs = InformationRetrievalEvaluator(
        queries=dict(zip(task.query_ids, task.queries, strict=True)),
        corpus=dict(zip(task.passage_ids, task.corpus, strict=True)),
        relevant_docs={
            id_: {task.passage_ids[n] for n in relevant}
            for id_, relevant in zip(task.query_ids, task.relevant, strict=True)
        },
        mrr_at_k=[everything],
        ndcg_at_k=[10],
        map_at_k=[100],
        accuracy_at_k=[1, 5, 10],
        precision_recall_at_k=[1, 5, 10],
        name="theirs",
    )(tiny_model)
    ours = evaluator.evaluate(tiny_model).overall
    assert 0.05 < ours["recall@10"] < 0.95
    assert ours["mrr"] == pytest.approx(theirs[f"theirs_cosine_mrr@{everything}"], abs=1e-6)
    assert ours["ndcg@10"] == pytest.approx(theirs["theirs_cosine_ndcg@10"], abs=1e-6)
    assert ours["map@100"] == pytest.approx(theirs["theirs_cosine_map@100"], abs=1e-6)
    for k in (1, 5, 10):
        assert ours[f"recall@{k}"] == pytest.approx(theirs[f"theirs_cosine_recall@{k}"], abs=1e-6)
        assert ours[f"hit_rate@{k}"] == pytest.approx(
            theirs[f"theirs_cosine_accuracy@{k}"], abs=1e-6
        )
