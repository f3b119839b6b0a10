"""The cheapest way to search that nothing dearer beats: it may well need no training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.comparison import BETTER, Difference, Estimate, Group
from evaluation.retrieval.baselines import BM25, fusion_name
from evaluation.retrieval_metrics.definitions import PRIMARY

NO_MODEL, NO_TRAINING = "no model", "no training"
QUERIES_ALONE = "training of the queries alone, no new index"
TRAINING = "training and a new index"
COSTS = (NO_MODEL, NO_TRAINING, QUERIES_ALONE, TRAINING)


@dataclass(frozen=True)
class Way:
    """One way to search.

    Attributes:
        name: Its name in the report.
        needs: What it costs, as `NO_MODEL` and the others.
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


def ways_by_cost(base: str, models: Mapping[str, str]) -> dict[str, str]:
    """Returns the ways to search by name, the cheapest first, each with what it needs.

    Args:
        base: Name of the base model.
        models: What each trained model needs, by its name.
    """
    needs = {BM25: NO_MODEL}
    for name, cost in {base: NO_TRAINING, **models}.items():
        needs |= {name: cost, fusion_name(name): cost}
    return dict(sorted(needs.items(), key=lambda item: COSTS.index(item[1])))


def advise(groups: Mapping[str, Group], needs: Mapping[str, str]) -> Advice | None:
    """Returns which way to search is the cheapest that no dearer one beats.

    Args:
        groups: Each way against each other one, as `compare_with_each` gives them.
        needs: What each way needs, by name, the cheapest first.

    Returns:
        The advice; None where a way was not measured.
    """
    if any(name not in groups for name in needs):
        return None
    names = list(needs)
    estimates = {name: groups[name].estimates[name][PRIMARY.key] for name in names}
    differences = {
        name: {
            other: groups[name].differences[other][PRIMARY.key] for other in names if other != name
        }
        for name in names
    }
    beaten_by = {
        name: [n for n in names[place:] if differences[name][n].verdict == BETTER]
        for place, name in enumerate(names, 1)
    }
    ways = [Way(name, needs[name], estimates[name], beaten_by[name]) for name in names]
    cheapest = next(way.name for way in ways if not way.beaten_by)
    best = max(ways, key=lambda way: way.estimate.value).name
    difference = differences[cheapest].get(best)
    return Advice(ways, cheapest, best, difference)
