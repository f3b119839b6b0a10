"""Models side by side: each mean with its interval, each difference with its test."""

from __future__ import annotations

from collections import defaultdict
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
    def listed(self) -> dict[str, Group]:
        """What a table or plot has room for, "overall" first: of many domains not all.

        They are the largest, and the worst of the others: those in which the first model has the
        lowest value of the first metric.
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
    results: Mapping[str, Sequence[QueryResult]],
    baseline: str,
    seed: int = 0,
    overall: Group | None = None,
) -> Comparison:
    """Compares every model with the baseline on the same queries.

    Args:
        results: Result of each query, by model.
        baseline: Name of one of the models.
        seed: Seed of the resampling; the same seed gives the same intervals.
        overall: What `compare_with_each` gives for the baseline, where it is known.
    """
    first = next(iter(results.values()))
    table = np.hstack([metric_values(rows, COMPARED) for rows in results.values()])
    clusters = np.array([row.cluster for row in first])
    of_domain: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(first):
        of_domain[row.domain].append(number)
    data = {
        name: sum_by_cluster(table[of_domain[name]], clusters[of_domain[name]])
        for name in sorted(of_domain)
    }
    # Groups of as many clusters share their draws, so they follow each other.
    by_clusters = sorted(data, key=lambda name: len(data[name].sizes))
    models = list(results)
    found = {name: _groups(data[name], models, [baseline], seed)[baseline] for name in by_clusters}
    if overall is None:
        overall = _groups(sum_by_cluster(table, clusters), models, [baseline], seed)[baseline]
    return Comparison(baseline, _correct({OVERALL: overall} | {name: found[name] for name in data}))


def compare_all_queries(
    results: Mapping[str, Sequence[QueryResult]], baseline: str, seed: int = 0
) -> Group:
    """Compares every model with the baseline on all queries alone; arguments as in `compare`."""
    return _groups(_all_queries(results), list(results), [baseline], seed)[baseline]


def compare_with_each(
    results: Mapping[str, Sequence[QueryResult]], seed: int = 0
) -> dict[str, Group]:
    """Compares every model with every other one on all queries, with the draws of one comparison.

    Returns:
        What `compare_all_queries` gives, by baseline.
    """
    return _groups(_all_queries(results), list(results), list(results), seed)


def _all_queries(results: Mapping[str, Sequence[QueryResult]]) -> Clustered:
    first = next(iter(results.values()))
    table = np.hstack([metric_values(rows, COMPARED) for rows in results.values()])
    return sum_by_cluster(table, np.array([row.cluster for row in first]))


def _groups(
    data: Clustered, models: list[str], baselines: Sequence[str], seed: int
) -> dict[str, Group]:
    """Returns the group of some queries against each baseline."""
    # Columns whole in memory: they are sorted and subtracted.
    drawn = np.asfortranarray(resampled_means(data, seed=seed))
    low, high = proportion_interval(data, drawn)
    means = data.means
    columns = {
        model: {metric: n * len(KEYS) + m for m, metric in enumerate(KEYS)}
        for n, model in enumerate(models)
    }
    estimates = {
        model: {
            metric: Estimate(float(means[c]), float(low[c]), float(high[c]))
            for metric, c in of_metric.items()
        }
        for model, of_metric in columns.items()
    }
    pairs = {
        (baseline, model, key): (columns[model][key], columns[baseline][key])
        for baseline in baselines
        for model in models
        if model != baseline
        for key in KEYS
    }
    p_values = paired_permutation_test(
        data, [c for c, _ in pairs.values()], [c for _, c in pairs.values()], seed=seed
    )
    compared = _differences(data, drawn, [*pairs.values()], p_values.tolist())
    found: dict[str, dict[str, dict[str, Difference]]] = {baseline: {} for baseline in baselines}
    for (baseline, model, key), difference in zip(pairs, compared, strict=True):
        found[baseline].setdefault(model, {})[key] = difference
    queries, clusters = int(data.sizes.sum()), len(data.sizes)
    return {
        baseline: Group(queries, clusters, estimates, differences)
        for baseline, differences in found.items()
    }


def _differences(
    data: Clustered, drawn: np.ndarray, pairs: Sequence[tuple[int, int]], p_values: Sequence[float]
) -> list[Difference]:
    """Returns the differences of the first column of each pair from the second."""
    if not pairs:
        return []
    columns, others = (list(numbers) for numbers in zip(*pairs, strict=True))
    means, queries = data.means, int(data.sizes.sum())
    values = (means[columns] - means[others]).tolist()
    # One row a pair: the same sums as over one column alone.
    apart = drawn.T[columns] - drawn.T[others]
    errors = apart.std(axis=1, ddof=1).tolist()
    low, high = percentile_interval(apart.T, data.effective_clusters)
    ends = zip(np.maximum(low, -1.0).tolist(), np.minimum(high, 1.0).tolist(), strict=True)
    return [
        _judge(Difference(value, *reach, p, p, ALIKE, queries_needed(value, error, queries)), p)
        for value, reach, p, error in zip(values, ends, p_values, errors, strict=True)
    ]


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
