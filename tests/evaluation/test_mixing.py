"""Which mixture of a tuned model with its base is taken."""

from __future__ import annotations

import pytest

from evaluation.mixing import Mixture, choose_weight, measure_mixtures
from evaluation.retrieval.query_results import QueryResult

QUERIES = 40


def rows(found: int) -> list[QueryResult]:
    """Results in which so many queries find their passage first, and the others at rank 20."""
    return [
        QueryResult(f"q{n}", "a", n, [1 if n < found else 20], 50, [], []) for n in range(QUERIES)
    ]


def mixtures(validation: dict[float, int], probe: dict[float, int] | None) -> list[Mixture]:
    """What is measured where so many queries are found, by weight."""
    return measure_mixtures(
        {weight: rows(found) for weight, found in validation.items()},
        {weight: rows(found) for weight, found in probe.items()} if probe else None,
    )


def test_each_mixture_has_its_metrics_and_what_it_lost() -> None:
    base, half, tuned = mixtures({1.0: 30, 0.0: 10, 0.5: 20}, {0.0: 40, 0.5: 39, 1.0: 10})
    assert [m.weight for m in (base, half, tuned)] == [0.0, 0.5, 1.0]
    assert [m.validation.value for m in (base, half, tuned)] == [0.25, 0.5, 0.75]
    assert half.scores == pytest.approx([0.5, (20 + 20 / 20) / 40])
    assert base.probe_difference is None
    assert half.probe_difference is not None
    assert half.probe_difference.value == pytest.approx(-1 / 40)
    assert [m.forgets for m in (base, half, tuned)] == [False, False, True]


@pytest.mark.parametrize(
    ("validation", "probe", "weight"),
    [
        # The best one on validation, where none forgets.
        ({0.0: 10, 0.3: 20, 0.7: 30, 1.0: 25}, {0.0: 40, 0.3: 40, 0.7: 40, 1.0: 40}, 0.7),
        # Not the best one on validation, for it forgets.
        ({0.0: 10, 0.3: 20, 0.7: 25, 1.0: 30}, {0.0: 40, 0.3: 40, 0.7: 38, 1.0: 10}, 0.7),
        # Never the base, however good it is.
        ({0.0: 40, 0.3: 20, 1.0: 10}, {0.0: 40, 0.3: 40, 1.0: 40}, 0.3),
        # Of equal ones that with the least weight.
        ({0.0: 10, 0.3: 30, 0.7: 30, 1.0: 30}, {0.0: 40, 0.3: 40, 0.7: 40, 1.0: 40}, 0.3),
        # All forget: the one that loses least.
        ({0.0: 10, 0.3: 20, 1.0: 30}, {0.0: 40, 0.3: 20, 1.0: 10}, 0.3),
        # No probe.
        ({0.0: 10, 0.3: 20, 1.0: 30}, None, 1.0),
    ],
)
def test_the_best_mixture_that_forgets_nothing_is_taken(
    validation: dict[float, int], probe: dict[float, int] | None, weight: float
) -> None:
    assert choose_weight(mixtures(validation, probe)) == weight
