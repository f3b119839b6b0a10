"""The cheapest way to search that nothing dearer beats: it may well need no training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.comparison import BETTER, Difference, Estimate, compare_all_queries
from evaluation.retrieval.baselines import BM25, fusion_name
from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval_metrics.definitions import PRIMARY


@dataclass(frozen=True)
class Way:
    """One way to search.

    Attributes:
        name: Its name in the report.
        needs: What it costs: "no model", "no training" or "training".
        estimate: Its primary metric.
        beaten_by: The dearer ways that are better, by the verdict of the report.
    """

    name: str
    needs: str
    estimate: Estimate
    beaten_by: list[str]


@dataclass(frozen=True)
class Advice:
    """The ways to search by their cost, and which one to take.

    Attributes:
        ways: The cheapest first.
        cheapest: Name of the cheapest one that no dearer one beats.
        best: Name of the way with the highest primary metric.
        difference: Difference of the best one from the cheapest; None where they are the same.
    """

    ways: list[Way]
    cheapest: str
    best: str
    difference: Difference | None

    @property
    def needs(self) -> str:
        """What the cheapest way needs."""
        return next(way.needs for way in self.ways if way.name == self.cheapest)


def ways_by_cost(model: str, base: str) -> dict[str, str]:
    """Returns the ways to search by name, the cheapest first, each with what it needs."""
    return {
        BM25: "no model",
        base: "no training",
        fusion_name(base): "no training",
        model: "training",
        fusion_name(model): "training",
    }


def advise(
    results: Mapping[str, Sequence[QueryResult]], model: str, base: str, seed: int
) -> Advice | None:
    """Returns which way to search is the cheapest that no dearer one beats.

    Args:
        results: Results on the same queries by name.
        model: Name of the model under test.
        base: Name of its base.
        seed: Seed of the resampling.

    Returns:
        The advice; None where the base is under test or a baseline was not measured.
    """
    needs = ways_by_cost(model, base)
    if model == base or any(name not in results for name in needs):
        return None
    found = {name: results[name] for name in needs}
    estimates, beaten_by = {}, {}
    differences: dict[str, dict[str, Difference]] = {}
    for place, name in enumerate(found):
        group = compare_all_queries(found, name, seed)
        differences[name] = {other: of[PRIMARY.key] for other, of in group.differences.items()}
        estimates[name] = group.estimates[name][PRIMARY.key]
        dearer = list(found)[place + 1 :]
        beaten_by[name] = [n for n in dearer if differences[name][n].verdict == BETTER]
    ways = [Way(name, needs[name], estimates[name], beaten_by[name]) for name in found]
    cheapest = next(way.name for way in ways if not way.beaten_by)
    best = max(ways, key=lambda way: way.estimate.value).name
    difference = differences[cheapest].get(best)
    return Advice(ways, cheapest, best, difference)
