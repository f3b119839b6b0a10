"""`DomainRetrievalEvaluator`: one ranking of all queries against the whole corpus, by domain."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator

from evaluation.defaults import BATCH_SIZE
from evaluation.retrieval.query_results import QueryResult, score_task
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS, METRICS, PRIMARY
from nic.encoding import COSINE
from nic.errors import UserError

# Metrics by key, and under "queries" the number of queries.
Metrics = dict[str, int | float]

# The evaluator that chooses the checkpoint; the Trainer puts "eval_" before its keys.
VALIDATION = "validation"


@dataclass(frozen=True)
class RetrievalReport:
    """The metrics of one model on one task; metrics are in [0, 1], `queries` is a count.

    Attributes:
        overall: Means over all queries (micro).
        macro: Means over the domains of the domains' metrics.
        worst: The metrics of the domain with the lowest primary metric.
        worst_domain: Its name.
        domains: Metrics by domain, in alphabetical order.
        corpus_size: Number of passages that each query was ranked against.
    """

    overall: Metrics
    macro: Metrics
    worst: Metrics
    worst_domain: str
    domains: dict[str, Metrics]
    corpus_size: int


class DomainRetrievalEvaluator(BaseEvaluator):
    """Scores a model on a retrieval task, overall and by domain.

    Queries and corpus are encoded once per call. Its keys are `{name}_{metric}`,
    `{name}_{domain}_{metric}`, `{name}_macro_{metric}` and `{name}_worst_{metric}` for every metric
    of the metrics table; `primary_metric` is the key of the overall primary metric.

    Args:
        task: The queries, corpus and relevant sets.
        name: First part of every key.
        batch_size: Texts encoded at a time; it changes no metric.
        show_progress: Show a progress bar while encoding.

    Attributes:
        last_report: The report of the latest call, None before the first.
    """

    def __init__(
        self,
        task: RetrievalTask,
        name: str = VALIDATION,
        batch_size: int = BATCH_SIZE,
        show_progress: bool = False,
    ) -> None:
        super().__init__()
        if not task.queries:
            raise ValueError("a retrieval task needs one query or more")
        self.task = task
        self.name = name
        self.batch_size = batch_size
        self.show_progress = show_progress
        self.primary_metric = f"{name}_{PRIMARY.key}"
        self.last_report: RetrievalReport | None = None

    def embed(self, model: SentenceTransformer) -> DenseScorer:
        """Encodes queries and corpus, each text once."""
        return embed_task(model, self.task, self.batch_size, self.show_progress)

    def evaluate(self, model: SentenceTransformer) -> RetrievalReport:
        """Encodes, ranks, and averages by domain.

        Returns:
            The metrics; equal for equal models, whatever was evaluated before.
        """
        return aggregate_metrics(score_task(self.embed(model), self.task))

    def __call__(
        self,
        model: SentenceTransformer,
        output_path: str | None = None,
        epoch: float = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Evaluates for the Trainer: returns the report as one flat dictionary."""
        self.last_report = self.evaluate(model)
        return self.flatten(self.last_report)

    def flatten(self, report: RetrievalReport) -> dict[str, float]:
        """Returns all metrics of a report under their flat keys."""
        flat = {f"{self.name}_{key}": value for key, value in report.overall.items()}
        groups = {"macro": report.macro, "worst": report.worst, **report.domains}
        for group, metrics in groups.items():
            flat |= {f"{self.name}_{group}_{key}": value for key, value in metrics.items()}
        return flat


def embed_task(
    model: SentenceTransformer,
    task: RetrievalTask,
    batch_size: int = BATCH_SIZE,
    show_progress: bool = False,
    corpus: torch.Tensor | None = None,
) -> DenseScorer:
    """Encodes queries and corpus, each text once, as the model's own users do.

    Args:
        model: The model; its `encode_query`, `encode_document` and similarity are used.
        task: Its texts.
        batch_size: Texts encoded at a time; it changes no metric.
        show_progress: Show a progress bar.
        corpus: `(passages, dim)` embeddings of the corpus, where they are known already.

    Raises:
        UserError: An embedding is not finite: comparing with it would put every passage first.
    """
    similarity = str(model.similarity_fn_name)

    def embed(encode: Callable[..., torch.Tensor], texts: list[str]) -> torch.Tensor:
        embeddings = encode(
            texts,
            batch_size=batch_size,
            convert_to_tensor=True,
            normalize_embeddings=similarity == COSINE,
            show_progress_bar=show_progress,
        )
        if not math.isfinite(float(embeddings.sum())):
            raise UserError(
                "the model gives embeddings that are no numbers; it is broken: train again with "
                "a lower learning rate, or without --fp16"
            )
        return embeddings.float()

    queries = embed(model.encode_query, task.queries)
    passages = embed(model.encode_document, task.corpus) if corpus is None else corpus
    return DenseScorer(queries, passages, similarity)


def aggregate_metrics(results: Sequence[QueryResult]) -> RetrievalReport:
    """Averages the queries' metrics overall, by domain, and over the domains.

    The hit rate stands beside Recall@k only where some query has several relevant passages; with
    one per query they are the same.
    """
    per_query = [result.metrics() for result in results]
    several = any(len(result.ranks) > 1 for result in results)
    keys = [metric.key for metric in METRICS if several or not metric.needs_several]

    def mean(rows: Sequence[Metrics]) -> Metrics:
        return {key: float(np.mean([row[key] for row in rows])) for key in keys}

    by_domain: dict[str, list[Metrics]] = defaultdict(list)
    for metrics, result in zip(per_query, results, strict=True):
        by_domain[result.domain].append(metrics)
    domains = {
        name: mean(rows) | {"queries": len(rows)} for name, rows in sorted(by_domain.items())
    }
    worst = min(domains, key=lambda name: [domains[name][m.key] for m in CHECKPOINT_METRICS])
    count = {"queries": len(per_query)}
    return RetrievalReport(
        overall=mean(per_query) | count,
        macro=mean(list(domains.values())) | count,
        worst=dict(domains[worst]),
        worst_domain=worst,
        domains=domains,
        corpus_size=max(result.candidates for result in results),
    )
