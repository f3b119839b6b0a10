"""Models side by side: each mean with its interval, each difference with its test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.retrieval.query_results import QueryResult, metric_values
from evaluation.retrieval.task import OVERALL
from evaluation.retrieval_metrics.definitions import Shown, shown_in
from evaluation.significance import (
    CONFIDENCE,
    Clustered,
    holm,
    paired_permutation_test,
    percentile_interval,
    proportion_interval,
    queries_needed,
    resampled_means,
    sum_by_cluster,
)
from nic.shown_domains import left_out, shown_domains

COMPARED = shown_in(Shown.COMPARISON)
KEYS = [metric.key for metric in COMPARED]
BETTER, WORSE, ALIKE = "better", "worse", "not distinguishable"


@dataclass(frozen=True)
class Estimate:
    """A mean in [0, 1] with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The difference of one model from the baseline.

    Attributes:
        value: Difference of the means, in [-1, 1].
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: Two-sided p of the paired permutation test.
        adjusted_p: The same after Holm's correction over the domains; overall it is `p`.
        verdict: "better", "worse" or "not distinguishable" at 95 % by `adjusted_p`.
        queries_needed: About how many queries would show this difference, two digits; None where
            it is shown already, where none was seen, or where more would not be needed.
        corrected_for: Number of domains that `adjusted_p` is corrected for; 1 overall.
    """

    value: float
    low: float
    high: float
    p: float
    adjusted_p: float
    verdict: str
    queries_needed: int | None
    corrected_for: int = 1

    @property
    def in_words(self) -> str:
        """The verdict, with why the interval seems to say otherwise, and what would decide it."""
        needed = f" (needs about {self.queries_needed:,} queries)" if self.queries_needed else ""
        return " ".join(filter(None, [self.verdict, self.unlike_interval])) + needed

    @property
    def unlike_interval(self) -> str:
        """What the verdict rests on, where it and the interval do not say the same; else empty."""
        zero_inside = self.low <= 0 <= self.high
        if zero_inside == (self.verdict == ALIKE):
            return ""
        if self.verdict == ALIKE and self.p < 1 - CONFIDENCE:
            return f"after correction for {self.corrected_for} domains"
        return "by the permutation test"


@dataclass(frozen=True)
class Group:
    """All queries, or those of a domain, with the estimates of each model.

    Attributes:
        queries: Their number.
        clusters: Number of clusters; queries of different clusters are independent.
        estimates: By model and metric.
        differences: By model and metric, for every model but the baseline.
    """

    queries: int
    clusters: int
    estimates: dict[str, dict[str, Estimate]]
    differences: dict[str, dict[str, Difference]]


@dataclass(frozen=True)
class Comparison:
    """Every model against one baseline, overall and by domain.

    Attributes:
        baseline: Name of the model that the others are compared with.
        groups: "overall" first, then the domains in alphabetical order.
    """

    baseline: str
    groups: dict[str, Group]

    @property
    def overall(self) -> Group:
        """All queries."""
        return self.groups[OVERALL]

    @property
    def domains(self) -> dict[str, Group]:
        """The groups of the domains."""
        return {name: group for name, group in self.groups.items() if name != OVERALL}

    @property
    def breakdown(self) -> dict[str, Group]:
        """The groups of the domains, if there are several: a single one is all queries."""
        return self.domains if len(self.domains) > 1 else {}

    @property
    def shown(self) -> dict[str, Group]:
        """What there is to show: "overall" first, then the breakdown by domain."""
        return {OVERALL: self.overall, **self.breakdown}

    @property
    def listed(self) -> dict[str, Group]:
        """What a table has room for: of many domains the largest, and the worst of the others.

        The worst are those in which the first model has the lowest value of the first metric.
        """
        first, key = self.models[0], KEYS[0]
        sizes = {name: group.queries for name, group in self.breakdown.items()}
        scores = {name: self.groups[name].estimates[first][key].value for name in sizes}
        return {name: self.groups[name] for name in (OVERALL, *shown_domains(sizes, scores))}

    def unlisted(self, where: str = "which results.json has") -> list[str]:
        """Returns the line that says how many domains are not listed; arguments as `left_out`."""
        return left_out(len(self.breakdown), len(self.listed) - 1, where)

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order given."""
        return list(self.overall.estimates)


def compare(
    results: Mapping[str, Sequence[QueryResult]], baseline: str, seed: int = 0
) -> Comparison:
    """Compares every model with the baseline on the same queries.

    Args:
        results: Result of each query, by model.
        baseline: Name of one of the models.
        seed: Seed of the resampling; the same seed gives the same intervals.
    """
    first = next(iter(results.values()))
    table = np.hstack([metric_values(rows, COMPARED) for rows in results.values()])
    clusters = np.array([row.cluster for row in first])
    domains = np.array([row.domain for row in first])
    names = [OVERALL, *sorted(set(domains.tolist()))]
    groups = {}
    for name in names:
        rows = np.ones(len(first), bool) if name == OVERALL else domains == name
        data = sum_by_cluster(table[rows], clusters[rows])
        groups[name] = _group(data, list(results), baseline, seed)
    return Comparison(baseline, _correct(groups))


def compare_all_queries(
    results: Mapping[str, Sequence[QueryResult]], baseline: str, seed: int = 0
) -> Group:
    """Compares every model with the baseline on all queries alone; arguments as in `compare`."""
    first = next(iter(results.values()))
    table = np.hstack([metric_values(rows, COMPARED) for rows in results.values()])
    data = sum_by_cluster(table, np.array([row.cluster for row in first]))
    return _group(data, list(results), baseline, seed)


def _group(data: Clustered, models: list[str], baseline: str, seed: int) -> Group:
    drawn = resampled_means(data, seed=seed)
    low, high = proportion_interval(data, drawn)
    columns = {
        model: {metric: n * len(KEYS) + m for m, metric in enumerate(KEYS)}
        for n, model in enumerate(models)
    }
    estimates = {
        model: {
            metric: Estimate(float(data.means[c]), float(low[c]), float(high[c]))
            for metric, c in of_metric.items()
        }
        for model, of_metric in columns.items()
    }
    others = [model for model in models if model != baseline]
    pairs = {(m, key): (columns[m][key], columns[baseline][key]) for m in others for key in KEYS}
    p_values = paired_permutation_test(
        data, [c for c, _ in pairs.values()], [c for _, c in pairs.values()], seed=seed
    )
    found = {
        pair: _difference(data, drawn, *pairs[pair], float(p))
        for pair, p in zip(pairs, p_values, strict=True)
    }
    differences = {model: {key: found[model, key] for key in KEYS} for model in others}
    return Group(int(data.sizes.sum()), len(data.sizes), estimates, differences)


def _difference(
    data: Clustered, drawn: np.ndarray, column: int, baseline: int, p: float
) -> Difference:
    value = float(data.means[column] - data.means[baseline])
    apart = drawn[:, [column]] - drawn[:, [baseline]]
    low, high = percentile_interval(apart, data.effective_clusters)
    needed = queries_needed(value, float(apart.std(ddof=1)), int(data.sizes.sum()))
    ends = (max(float(low[0]), -1.0), min(float(high[0]), 1.0))
    return _judge(Difference(value, *ends, p, p, ALIKE, needed), p)


def _judge(found: Difference, adjusted_p: float, corrected_for: int = 1) -> Difference:
    """Returns the difference with its verdict by a corrected p value."""
    shown = adjusted_p < 1 - CONFIDENCE
    return replace(
        found,
        adjusted_p=adjusted_p,
        corrected_for=corrected_for,
        verdict=(BETTER if found.value > 0 else WORSE) if shown else ALIKE,
        queries_needed=None if shown else found.queries_needed,
    )


def _correct(groups: dict[str, Group]) -> dict[str, Group]:
    """Returns the domains judged by p values that are corrected for their number."""
    names = [name for name in groups if name != OVERALL]
    corrected = {OVERALL: groups[OVERALL]} | {
        name: Group(groups[name].queries, groups[name].clusters, groups[name].estimates, {})
        for name in names
    }
    for model, of_metric in groups[OVERALL].differences.items():
        for name in names:
            corrected[name].differences[model] = {}
        for metric in of_metric:
            plain = [groups[name].differences[model][metric] for name in names]
            for name, old, adjusted in zip(names, plain, holm([d.p for d in plain]), strict=True):
                corrected[name].differences[model][metric] = _judge(old, adjusted, len(names))
    return corrected
