"""Models side by side: verdicts follow from the queries, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from conftest import make_evaluation, make_results

from evaluation import significance
from evaluation.comparison import Difference, compare, compare_all_queries, compare_with_each
from evaluation.retrieval.query_results import QueryResult, Results


def difference(results: Results, group: str = "overall") -> Difference:
    return compare(results, "base").groups[group].differences["tuned"]["recall@5"]


def test_a_model_that_finds_more_is_better_and_one_that_finds_less_is_worse() -> None:
    few, many = make_results("a", [1] * 10 + [9] * 30), make_results("a", [1] * 40)
    better = difference({"tuned": many, "base": few})
    assert better.value == pytest.approx(0.75)
    assert better.verdict == better.in_words == "better"
    assert 0.55 < better.low < 0.75 < better.high < 0.95
    worse = difference({"tuned": few, "base": many})
    assert (worse.verdict, worse.value) == ("worse", pytest.approx(-0.75))
    assert (worse.low, worse.high) == (pytest.approx(-better.high), pytest.approx(-better.low))


def test_a_difference_that_chance_explains_says_how_many_queries_it_would_take() -> None:
    found = difference(
        {"tuned": make_results("a", [1] * 22 + [9] * 18), "base": make_results("a", [9, 1] * 20)}
    )
    assert found.verdict == "not distinguishable"
    assert found.queries_needed is not None and found.queries_needed > 40
    assert found.in_words == f"not distinguishable (needs about {found.queries_needed:,} queries)"


def test_many_queries_of_one_passage_are_no_more_evidence_than_one() -> None:
    few = make_results("a", [1] * 2 + [9] * 2)
    many = [row for row in few for _ in range(25)]
    tuned = make_results("a", [1] * 4)
    assert difference({"tuned": tuned, "base": few}).p == pytest.approx(
        difference({"tuned": [r for r in tuned for _ in range(25)], "base": many}).p
    )
    overall = compare({"base": many}, "base").overall
    assert (overall.queries, overall.clusters) == (100, 4)


def test_the_domains_are_judged_by_corrected_p_values_and_the_whole_by_its_own() -> None:
    tuned = [*make_results("a", [1] * 6), *make_results("b", [1] * 6, first=6)]
    base = [*make_results("a", [9] * 6), *make_results("b", [1] * 6, first=6)]
    groups = compare({"tuned": tuned, "base": base}, "base").groups
    found = {name: group.differences["tuned"]["recall@5"] for name, group in groups.items()}
    # Six passages all better: 2 of 64 swappings are as extreme. Two domains: twice that.
    assert found["a"].p == pytest.approx(2 / 64)
    assert found["a"].adjusted_p == pytest.approx(4 / 64)
    assert found["a"].verdict == "not distinguishable"
    assert found["b"].adjusted_p == 1.0
    assert found["overall"].p == found["overall"].adjusted_p == pytest.approx(2 / 64)
    assert found["overall"].verdict == "better"


def test_a_verdict_beside_an_interval_that_seems_to_say_otherwise_says_why() -> None:
    tuned = [*make_results("a", [1] * 6), *make_results("b", [1] * 6, first=6)]
    base = [*make_results("a", [9] * 6), *make_results("b", [1] * 6, first=6)]
    groups = compare({"tuned": tuned, "base": base}, "base").groups
    corrected = groups["a"].differences["tuned"]["recall@5"]
    assert corrected.low > 0 and corrected.corrected_for == 2
    assert corrected.in_words == "not distinguishable after correction for 2 domains"
    assert groups["overall"].differences["tuned"]["recall@5"].in_words == "better"
    # Five passages: 2 of 32 swappings are as extreme, and the interval holds no zero.
    few = {"tuned": make_results("a", [1] * 5), "base": make_results("a", [9] * 5)}
    alone = compare(few, "base").groups["a"].differences["tuned"]["recall@5"]
    assert (alone.p, alone.low > 0) == (pytest.approx(2 / 32), True)
    assert alone.in_words == "not distinguishable by the permutation test"
    touching = replace(corrected, low=-0.01, adjusted_p=0.04, verdict="better")
    assert touching.in_words == "better by the permutation test"


def test_equal_models_differ_by_exactly_nothing() -> None:
    rows = make_results("a", [1, 2, 30])
    found = difference({"tuned": rows, "base": rows})
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert found.in_words == "not distinguishable"


def test_equal_rows_give_equal_figures_and_their_order_does_not_matter() -> None:
    results = make_evaluation().per_query
    assert compare(results, "base") == compare(results, "base")
    turned = {name: rows[::-1] for name, rows in results.items()}
    one, other = compare(results, "base").overall, compare(turned, "base").overall
    assert one.estimates["base"]["mrr"].value == other.estimates["base"]["mrr"].value
    assert one.differences["tuned"]["mrr"].p == other.differences["tuned"]["mrr"].p


def test_a_domain_of_one_passage_has_no_interval() -> None:
    rows = make_results("a", [1])
    found = compare({"base": rows, "tuned": make_results("a", [9])}, "base").groups["a"]
    assert (found.estimates["base"]["recall@5"].low, found.differences["tuned"]["mrr"].low) == (
        0.0,
        -1.0,
    )
    assert found.differences["tuned"]["recall@5"].verdict == "not distinguishable"


def test_many_domains_have_the_figures_of_each_domain_alone() -> None:
    """Shared draws change no bit, whatever domains stand before and after one."""
    rng = np.random.default_rng(0)
    domains = {f"domain {n:02d}": rng.integers(1, 9, rng.integers(1, 16)) for n in range(40)}
    tuned: list[QueryResult] = []
    base: list[QueryResult] = []
    for name, ranks in domains.items():
        tuned += make_results(name, ranks.tolist(), first=len(tuned))
        base += make_results(name, rng.permutation(ranks).tolist(), first=len(base))
    together = compare({"tuned": tuned, "base": base}, "base", seed=3)
    for name, group in together.domains.items():
        rows = {
            model: [row for row in results if row.domain == name]
            for model, results in (("tuned", tuned), ("base", base))
        }
        significance._kept.cache_clear()
        alone = compare_all_queries(rows, "base", seed=3)
        assert group.estimates == alone.estimates
        for key, found in group.differences["tuned"].items():
            other = alone.differences["tuned"][key]
            assert (found.value, found.low, found.high) == (other.value, other.low, other.high)
            assert found.p == other.p


def test_each_model_as_the_baseline_has_the_figures_of_a_comparison_of_its_own() -> None:
    results = make_evaluation().per_query
    with_each = compare_with_each(results, seed=5)
    assert with_each == {name: compare_all_queries(results, name, seed=5) for name in results}
    assert compare(results, "base", 5, with_each["base"]) == compare(results, "base", 5)


def test_groups_of_as_many_clusters_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def weights(clusters: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
        drawn.append(clusters)
        yield np.ones((resamples, clusters))

    monkeypatch.setattr(significance, "_drawn_weights", weights)
    rows = [
        row
        for n in range(12)
        for row in make_results(f"domain {n}", [1] * (2 + n % 3), first=10 * n)
    ]
    compare({"tuned": rows, "base": rows}, "base")
    assert drawn == [2, 3, 4, 36]
