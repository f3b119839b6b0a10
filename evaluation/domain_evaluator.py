"""`DomainRetrievalEvaluator`: one ranking of all queries against the whole corpus, by domain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.evaluation import BaseEvaluator

from evaluation.ranking import query_metrics, ranks_of_relevant
from training.errors import UserError
from training.pairs import Pairs

Metrics = dict[str, float]
RESERVED_DOMAINS = ("macro", "worst")


@dataclass(frozen=True)
class RetrievalTask:
    """Queries, the corpus they are ranked against, and what is relevant.

    Attributes:
        queries: Different query texts.
        domains: Domain of each query: that of its first line in the file.
        corpus: Different passage texts.
        relevant: For each query the indices of its relevant passages in `corpus`.
    """

    queries: list[str]
    domains: list[str]
    corpus: list[str]
    relevant: list[list[int]]


@dataclass(frozen=True)
class RetrievalReport:
    """The figures of one model on one task; metrics are in [0, 1], `queries` is a count.

    Attributes:
        overall: Means over all queries (micro).
        macro: Means over the domains of the domains' figures.
        worst: The figures of the domain with the lowest Recall@5 (then MRR).
        worst_domain: Its name.
        domains: Figures by domain, in alphabetical order.
        corpus_size: Number of passages that each query was ranked against.
    """

    overall: Metrics
    macro: Metrics
    worst: Metrics
    worst_domain: str
    domains: dict[str, Metrics]
    corpus_size: int

    def as_dict(self) -> dict[str, Any]:
        """The form in which metadata and result files hold it."""
        return {
            "overall": self.overall,
            "macro": self.macro,
            "worst": {"domain": self.worst_domain, **self.worst},
            "domains": self.domains,
            "corpus_size": self.corpus_size,
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> RetrievalReport:
        """The report that `as_dict` wrote."""
        worst = dict(content["worst"])
        return cls(**{**content, "worst_domain": worst.pop("domain"), "worst": worst})


def retrieval_task(pairs: Pairs, rows: Sequence[int]) -> RetrievalTask:
    """Build the task of the queries of some rows, against every passage of the file.

    The corpus is every different positive and negative of the whole file, each text once. A query's
    relevant set is every positive that the file gives for its text.

    Args:
        pairs: The checked file.
        rows: Row numbers whose queries are asked.

    Raises:
        UserError: A domain has a name that the report needs for itself.
    """
    queries, positives = pairs.column("query"), pairs.column("positive")
    domains, negatives = pairs.column("domain"), pairs.column("negative")
    taken = [name for name in RESERVED_DOMAINS if name in domains]
    if taken:
        raise UserError(f'{pairs.path}: no domain may be named "{taken[0]}"; rename it')
    numbers = {text: n for n, text in enumerate(dict.fromkeys([*positives, *negatives]))}
    relevant: dict[str, set[int]] = defaultdict(set)
    domain_of: dict[str, str] = {}
    for query, positive, domain in zip(queries, positives, domains, strict=True):
        relevant[query].add(numbers[positive])
        domain_of.setdefault(query, domain)
    asked = list(dict.fromkeys(queries[row] for row in rows))
    return RetrievalTask(
        queries=asked,
        domains=[domain_of[query] for query in asked],
        corpus=list(numbers),
        relevant=[sorted(relevant[query]) for query in asked],
    )


class DomainRetrievalEvaluator(BaseEvaluator):
    """Scores a model on a retrieval task, overall and by domain.

    Queries and corpus are encoded once a call. Its keys are `{name}_recall@5`, `{name}_mrr`,
    `{name}_{domain}_recall@5`, `{name}_macro_...`, `{name}_worst_...`; `primary_metric` is the
    overall Recall@5.

    Args:
        task: The queries, corpus and relevant sets.
        name: First part of every key.
        batch_size: Texts encoded at a time; it changes no figure.
        show_progress: Show a progress bar while encoding.

    Attributes:
        last_report: The report of the latest call, None before the first.
    """

    def __init__(
        self,
        task: RetrievalTask,
        name: str = "validation",
        batch_size: int = 64,
        show_progress: bool = False,
    ) -> None:
        super().__init__()
        if not task.queries:
            raise ValueError("a retrieval task needs one query or more")
        self.task = task
        self.name = name
        self.batch_size = batch_size
        self.show_progress = show_progress
        self.primary_metric = f"{name}_recall@5"
        self.last_report: RetrievalReport | None = None

    def evaluate(self, model: SentenceTransformer) -> RetrievalReport:
        """Encode, rank, and average by domain.

        Returns:
            The figures; equal for equal models, whatever was evaluated before.
        """
        queries, corpus = (
            self._encode(model, self.task.queries),
            self._encode(model, self.task.corpus),
        )
        ranks = ranks_of_relevant(queries, corpus, self.task.relevant)
        return summarise([query_metrics(r) for r in ranks], self.task)

    def __call__(
        self,
        model: SentenceTransformer,
        output_path: str | None = None,
        epoch: float = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Evaluate for the Trainer: the report as one flat dictionary."""
        self.last_report = self.evaluate(model)
        return self.flatten(self.last_report)

    def flatten(self, report: RetrievalReport) -> dict[str, float]:
        """All figures of a report under their flat keys."""
        flat = {f"{self.name}_{key}": value for key, value in report.overall.items()}
        groups = {"macro": report.macro, "worst": report.worst, **report.domains}
        for group, metrics in groups.items():
            flat |= {f"{self.name}_{group}_{key}": value for key, value in metrics.items()}
        return flat

    def _encode(self, model: SentenceTransformer, texts: list[str]) -> torch.Tensor:
        embeddings = model.encode(
            texts,
            batch_size=self.batch_size,
            convert_to_tensor=True,
            normalize_embeddings=True,
            show_progress_bar=self.show_progress,
        )
        return embeddings.float()


def summarise(per_query: list[Metrics], task: RetrievalTask) -> RetrievalReport:
    """Average the queries' metrics overall, by domain, and over the domains.

    The hit rate stands beside Recall@k only where some query has several relevant passages; with
    one a query they are the same.
    """
    several = any(len(relevant) > 1 for relevant in task.relevant)
    keys = [key for key in per_query[0] if several or not key.startswith("hit_rate")]

    def mean(rows: Sequence[Metrics]) -> Metrics:
        return {key: float(np.mean([row[key] for row in rows])) for key in keys}

    by_domain: dict[str, list[Metrics]] = defaultdict(list)
    for metrics, domain in zip(per_query, task.domains, strict=True):
        by_domain[domain].append(metrics)
    domains = {
        name: mean(rows) | {"queries": len(rows)} for name, rows in sorted(by_domain.items())
    }
    worst = min(domains, key=lambda name: (domains[name]["recall@5"], domains[name]["mrr"]))
    count = {"queries": len(per_query)}
    return RetrievalReport(
        overall=mean(per_query) | count,
        macro=mean(list(domains.values())) | count,
        worst=dict(domains[worst]),
        worst_domain=worst,
        domains=domains,
        corpus_size=len(task.corpus),
    )
