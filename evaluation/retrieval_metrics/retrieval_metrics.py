"""The metrics of the metrics table as an `evaluate.Metric`.

    metric = evaluate.load("evaluation/retrieval_metrics")
    metric.compute(predictions=[["p3", "p1"]], references=[["p1"]], k=[1, 5])

The folder can be copied elsewhere and loaded from there; loading it needs no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from .definitions import METRICS, query_metrics, ranks_in_list

DESCRIPTION = f"""\
Metrics of ranked lists of passages, means over the queries: {", ".join(m.title for m in METRICS)}.
A relevant passage that a list does not hold is never found: give the whole ranking for exact
metrics without a cutoff.
"""

INPUTS = f"""\
Args:
    predictions: For each query the ids of the passages found (strings, each once), the best first.
    references: For each query the ids of its relevant passages, one or more.
    k: The cutoffs of Recall and hit rate; without them as below.
    per_query: Return the metrics of each query as well.

Returns:
    Each in [0, 1]: {", ".join(m.key for m in METRICS)};
    with per_query a list of the same for each query under "per_query".
"""

CITATION = """\
@article{jarvelin2002cumulated,
  author = {J{\\"a}rvelin, Kalervo and Kek{\\"a}l{\\"a}inen, Jaana},
  title = {Cumulated gain-based evaluation of {IR} techniques},
  journal = {ACM Transactions on Information Systems},
  volume = {20}, number = {4}, pages = {422--446}, year = {2002}
}
"""


class RetrievalMetrics(evaluate.Metric):
    """Retrieval metrics of ranked lists."""

    def _info(self) -> evaluate.MetricInfo:
        ids = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS,
            features=datasets.Features({"predictions": ids, "references": ids}),
        )

    def _compute(
        self,
        predictions: Sequence[Sequence[str]],
        references: Sequence[Sequence[str]],
        k: int | Sequence[int] | None = None,
        per_query: bool = False,
    ) -> dict[str, Any]:
        cutoffs = [k] if isinstance(k, int) else k
        if any(cutoff < 1 for cutoff in cutoffs or []):
            raise ValueError(f"k={cutoffs}: each has to be 1 or more")
        rows = []
        for number, (ranked, relevant) in enumerate(zip(predictions, references, strict=True)):
            try:
                rows.append(query_metrics(ranks_in_list(ranked, relevant), cutoffs))
            except ValueError as error:
                raise ValueError(f"query {number}: {error}") from error
        if not rows:
            raise ValueError("no query is given")
        means: dict[str, Any] = {name: float(np.mean([r[name] for r in rows])) for name in rows[0]}
        return means | ({"per_query": rows} if per_query else {})
