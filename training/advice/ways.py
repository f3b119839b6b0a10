"""Measures every way to search on one split."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentence_transformers import SentenceTransformer

from evaluation.advice import QUERIES_ALONE, TRAINING, ways_by_cost
from evaluation.retrieval.baselines import (
    BM25,
    BM25Scorer,
    FusionScorer,
    choose_fusion_weight,
    fusion_name,
)
from evaluation.retrieval.evaluator import embed_task
from evaluation.retrieval.query_results import Results, score_task
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from nic.logs import on_terminal
from nic.query_adapter import shares_passages
from pairs.draws import Split
from pairs.loading import Pairs

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ways:
    """What the ways to search find.

    Attributes:
        needs: What each way needs, by name, the cheapest first.
        results: Its results on those queries.
        weights: Weight of BM25 by fusion, chosen on the validation queries.
        all_queries: Results of BM25 and of each model on every query of the file.
        all_task: Every query of the file.
    """

    needs: dict[str, str]
    results: Results
    weights: dict[str, float]
    all_queries: Results
    all_task: RetrievalTask


def measure_ways(
    models: Mapping[str, SentenceTransformer],
    base: str,
    pairs: Pairs,
    split: Split,
    language: str | None,
) -> Ways:
    """Returns what BM25, each model, and BM25 with each model find.

    Args:
        models: The models by name, the base among them.
        base: Name of the base.
        pairs: The checked file.
        split: Its validation queries choose the weights; those of `reported` compare.
        language: ISO 639 code of the texts, for BM25; None tells it from the corpus.
    """
    whole = retrieval_task(pairs, range(len(pairs)))
    dense = embed_whole(models, base, whole)
    lexical = BM25Scorer.of(whole, language)
    choosing = retrieval_task(pairs, split.validation)
    task = retrieval_task(pairs, split.reported)
    chosen, asked = _places(whole, choosing), _places(whole, task)
    everything: Results = {BM25: score_task(lexical, whole)}
    everything |= {name: score_task(scorer, whole) for name, scorer in dense.items()}
    results = {name: [found[place] for place in asked] for name, found in everything.items()}
    words, choosing_words = lexical.of_queries(asked), lexical.of_queries(chosen)
    weights = {}
    for name, scorer in dense.items():
        weight = choose_fusion_weight(scorer.of_queries(chosen), choosing_words, choosing)
        fused = FusionScorer(scorer.of_queries(asked), words, weight)
        results[fusion_name(name)] = score_task(fused, task)
        weights[fusion_name(name)] = weight
    needs = {
        name: QUERIES_ALONE if shares_passages(model, models[base]) else TRAINING
        for name, model in models.items()
        if name != base
    }
    return Ways(ways_by_cost(base, needs), results, weights, everything, whole)


def embed_whole(
    models: Mapping[str, SentenceTransformer], base: str, task: RetrievalTask
) -> dict[str, DenseScorer]:
    """Returns the scores of each model; what the base gives for passages serves its adapters too.

    Args:
        models: The models by name, the base among them.
        base: Name of the base.
        task: What to encode.
    """
    found: dict[str, DenseScorer] = {}
    for name in [base, *(name for name in models if name != base)]:
        model, known = models[name], None
        if found and shares_passages(model, models[base]):
            known = found[base].corpus
        passages = "no" if known is not None else len(task.corpus)
        logger.info(
            "Encoding %d queries and %s passages with %s", len(task.queries), passages, name
        )
        found[name] = embed_task(model, task, show_progress=on_terminal(), corpus=known)
    return found


def _places(whole: RetrievalTask, part: RetrievalTask) -> Sequence[int]:
    numbers = {id_: number for number, id_ in enumerate(whole.query_ids)}
    return [numbers[id_] for id_ in part.query_ids]
