"""Intervals and tests, against arithmetic done by hand and exact distributions."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, norm
from scipy.stats import t as student

from evaluation import significance
from evaluation.significance import (
    Clustered,
    holm,
    paired_permutation_test,
    percentile_interval,
    proportion_interval,
    queries_needed,
    resampled_means,
    sum_by_cluster,
)


def column(*sums: float, sizes: list[int] | None = None) -> Clustered:
    """One figure, summed over clusters of one query each unless other sizes are given."""
    return Clustered(np.array(sums)[:, None], np.array(sizes or [1] * len(sums), float))


def pairs_of(differences: list[float]) -> Clustered:
    """Two columns whose difference in each cluster is given."""
    return Clustered(np.array([[d, 0.0] for d in differences]), np.ones(len(differences)))


def test_the_queries_of_a_cluster_are_summed_whatever_their_order() -> None:
    values = np.array([[1.0, 0.5], [0.0, 0.25], [1.0, 1.0], [1.0, 0.0]])
    data = sum_by_cluster(values, [7, 3, 7, 9])
    # Clusters 3, 7 and 9.
    assert data.sums.tolist() == [[0.0, 0.25], [2.0, 1.5], [1.0, 0.0]]
    assert data.sizes.tolist() == [1, 2, 1]
    # Means over the four queries, not over the three clusters.
    assert data.means.tolist() == [0.75, 0.4375]


def test_a_resample_holds_clusters_whole() -> None:
    # Cluster A: 1 query of figure 0. B: 3 queries of figure 1. Two draws of two clusters give
    # AA: 0/2, AB: 3/4, BB: 6/6 and nothing else, a quarter, a half and a quarter of the time.
    means = resampled_means(column(0.0, 3.0, sizes=[1, 3]))[:, 0]
    figures, counts = np.unique(means, return_counts=True)
    assert figures.tolist() == [0.0, 0.75, 1.0]
    # Five standard errors of a share of 10,000 draws are 0.022 and 0.025.
    assert counts / len(means) == pytest.approx([0.25, 0.5, 0.25], abs=0.025)


def test_all_columns_see_the_same_draws() -> None:
    figures = np.random.default_rng(0).random((20, 1))
    means = resampled_means(Clustered(np.hstack([figures, figures + 0.1]), np.ones(20)))
    assert means[:, 1] - means[:, 0] == pytest.approx(0.1)


def test_the_same_seed_gives_the_same_resamples_and_another_gives_others() -> None:
    data = column(0.0, 1.0, 1.0, 0.0, 1.0)
    assert np.array_equal(resampled_means(data, 100, seed=1), resampled_means(data, 100, seed=1))
    assert not np.array_equal(
        resampled_means(data, 100, seed=1), resampled_means(data, 100, seed=2)
    )


def test_how_many_weights_are_held_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = np.random.default_rng(0).random((7, 2))
    data = Clustered(figures, np.ones(7))
    means, p = resampled_means(data, 1000), paired_permutation_test(data, [0], [1], resamples=100)
    monkeypatch.setattr(significance, "WEIGHTS_AT_A_TIME", 50)
    assert np.array_equal(resampled_means(data, 1000), means)
    assert np.array_equal(paired_permutation_test(data, [0], [1], resamples=100), p)


def test_the_interval_of_many_clusters_is_the_normal_one() -> None:
    # 400 independent queries, 300 right: standard error sqrt(0.75 * 0.25 / 400) = 0.02165.
    data = column(*[1.0] * 300, *[0.0] * 100)
    low, high = proportion_interval(data, resampled_means(data))
    assert (low[0], high[0]) == pytest.approx(
        (0.75 - 1.96 * 0.02165, 0.75 + 1.96 * 0.02165), abs=4e-3
    )


def test_few_clusters_widen_the_interval() -> None:
    # Normal resamples of standard deviation 1. Student's 0.975 quantile with 3 degrees of freedom
    # is 3.1824; times sqrt(4 / 3) it is 3.6748.
    resamples = np.random.default_rng(0).standard_normal((2_000_000, 1))
    for clusters, reach in ((4, 3.6748), (10**6, 1.96)):
        low, high = percentile_interval(resamples, clusters)
        assert (low[0], high[0]) == pytest.approx((-reach, reach), rel=0.02)


def test_repeated_queries_of_a_passage_narrow_nothing() -> None:
    # Ten passages, each asked once or a hundred times with the same outcome.
    once = column(*[1.0] * 6, *[0.0] * 4)
    often = column(*[100.0] * 6, *[0.0] * 4, sizes=[100] * 10)
    for ends in zip(
        *(proportion_interval(d, resampled_means(d)) for d in (once, often)), strict=True
    ):
        assert ends[0] == pytest.approx(ends[1])


def test_one_cluster_has_no_interval_and_no_test() -> None:
    data = Clustered(np.array([[3.0, 1.0]]), np.array([4.0]))
    means = resampled_means(data, 100)
    low, high = percentile_interval(means, 1)
    assert (low.tolist(), high.tolist()) == ([-np.inf] * 2, [np.inf] * 2)
    low, high = proportion_interval(data, means)
    assert (low.tolist(), high.tolist()) == ([0, 0], [1, 1])
    assert paired_permutation_test(data, [0], [1]).tolist() == [1.0]


def test_where_all_are_right_or_wrong_the_open_end_is_the_exact_binomial_one() -> None:
    # Clopper and Pearson: the share under which 30 of 30 clusters happen in 2.5 of 100 cases.
    sizes = [2] * 30
    data = Clustered(np.array([[2.0, 0.0]] * 30), np.array(sizes, float))
    low, high = proportion_interval(data, resampled_means(data, 100))
    assert (low[0], high[0]) == (pytest.approx(0.025 ** (1 / 30)), 1.0)
    assert (low[1], high[1]) == (0.0, pytest.approx(1 - 0.025 ** (1 / 30)))
    assert binom.pmf(30, 30, low[0]) == pytest.approx(0.025)


def test_no_end_of_a_share_leaves_zero_and_one() -> None:
    data = column(*[1.0] * 4, 0.9)
    means = resampled_means(data)
    assert proportion_interval(data, means + 0.2)[1].tolist() == [1.0]
    assert proportion_interval(data, means - 2)[0].tolist() == [0.0]


def test_three_clusters_give_the_p_value_of_their_eight_swappings() -> None:
    differences = [3.0, 1.0, -2.0]
    # Sums of all signs: 6, 0, 2, -4 and their negatives, or seen: 2. As large: 6, 2, -4, twice.
    sums = [abs(np.dot(signs, differences)) for signs in product([1, -1], repeat=3)]
    assert sorted(sums) == [0, 0, 2, 2, 4, 4, 6, 6]
    assert paired_permutation_test(pairs_of(differences), [0], [1]).tolist() == [0.75]
    # All alike in direction: only the swapping of none and of all is as large.
    assert paired_permutation_test(pairs_of([3.0, 1.0, 2.0]), [0], [1]).tolist() == [0.25]


def test_which_model_is_the_better_does_not_matter_to_p() -> None:
    data = pairs_of([3.0, 1.0, -2.0, 0.5, 0.25, -1.0])
    assert paired_permutation_test(data, [0], [1]) == paired_permutation_test(data, [1], [0])


def test_a_drawn_p_is_close_to_the_exact_one_and_never_zero() -> None:
    # 17 clusters have 131,072 swappings. With equal differences the sum is binomial.
    data = pairs_of([1.0] * 13 + [-1.0] * 4)
    exact = 2 * binom.cdf(4, 17, 0.5)
    error = np.sqrt(exact * (1 - exact) / 10_000)
    assert paired_permutation_test(data, [0], [1])[0] == pytest.approx(exact, abs=5 * error)
    assert paired_permutation_test(pairs_of([1.0] * 60), [0], [1])[0] == pytest.approx(1 / 10_000)


@pytest.mark.parametrize("clusters", [8, 40])
def test_several_tests_at_once_equal_each_alone(clusters: int) -> None:
    figures = np.random.default_rng(3).random((clusters, 4))
    figures[:, 1] += 0.2
    data = Clustered(figures, np.ones(clusters))
    together = paired_permutation_test(data, [1, 2, 3, 1], [0, 0, 0, 3])
    alone = [
        paired_permutation_test(data, [a], [b])[0] for a, b in ((1, 0), (2, 0), (3, 0), (1, 3))
    ]
    assert together.tolist() == alone
    assert len(set(alone)) == 4


def test_models_that_are_alike_everywhere_are_not_different() -> None:
    data = Clustered(np.tile(np.random.default_rng(1).random((30, 1)), 2), np.ones(30))
    assert paired_permutation_test(data, [0], [1]).tolist() == [1.0]
    assert paired_permutation_test(data, [], []).tolist() == []


def test_the_seed_decides_a_drawn_p() -> None:
    data = pairs_of(np.random.default_rng(0).normal(0.2, 1, 40).tolist())
    first, again, other = (
        paired_permutation_test(data, [0], [1], seed=seed)[0] for seed in (1, 1, 2)
    )
    assert first == again != other


def test_holms_correction_by_hand() -> None:
    # Ascending: 0.01 * 4, 0.02 * 3, 0.03 * 2 (not under the one before), 0.5.
    assert holm([0.02, 0.5, 0.01, 0.03]) == pytest.approx([0.06, 0.5, 0.04, 0.06])
    assert holm([0.4, 0.6]) == pytest.approx([0.8, 0.8])
    assert holm([0.7, 0.9]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_how_many_queries_would_show_a_difference() -> None:
    # (1.95996 + 0.84162) standard errors of 0.05 are 0.14008; a difference of 0.1 needs
    # (0.14008 / 0.1) squared = 1.9622 times the 100 queries.
    assert queries_needed(0.1, 0.05, 100) == 200
    assert queries_needed(-0.1, 0.05, 100) == 200
    assert queries_needed(0.01, 0.05, 100) == 20_000
    # (0.14008 / 0.12) squared = 1.363 times 400 are 545: two digits, rounded up.
    assert queries_needed(0.12, 0.05, 400) == 550


@pytest.mark.parametrize(
    ("difference", "standard_error"), [(0.0, 0.05), (0.1, 0.0), (0.1, float("nan")), (0.5, 0.05)]
)
def test_no_number_is_given_where_none_makes_sense(
    difference: float, standard_error: float
) -> None:
    assert queries_needed(difference, standard_error, 100) is None


def test_clusters_of_unequal_size_tell_less_than_their_number() -> None:
    values = np.ones((10, 1))
    assert sum_by_cluster(values, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]).effective_clusters == 5.0
    # Sizes 9 and 1: 100 / 82.
    assert sum_by_cluster(values, [0] * 9 + [1]).effective_clusters == pytest.approx(100 / 82)
    assert sum_by_cluster(values, [0] * 10).effective_clusters == 1.0


@pytest.mark.parametrize("clusters", [1.01, 2, 3, 7.5, 40, 1000])
def test_the_ends_of_an_interval_are_the_quantiles_of_the_means(clusters: float) -> None:
    """Bit for bit those of numpy, at the levels of Hesterberg's correction."""
    means = np.random.default_rng(1).integers(0, 30, (10_000, 5)) / 7
    reach = student.ppf(0.975, clusters - 1) * math.sqrt(clusters / (clusters - 1))
    tail = float(norm.sf(reach))
    expected = np.quantile(means, [tail, 1 - tail], axis=0)
    assert np.array_equal(percentile_interval(means, clusters), expected)
