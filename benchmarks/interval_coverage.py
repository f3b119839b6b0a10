"""How often a 95 % interval holds the truth: `python benchmarks/interval_coverage.py`.

Evaluations are simulated whose true metrics are known. Each passage is a cluster of 1 to 12 queries
(3.9 at the mean, few of them large, as in real files of pairs). Its chance that a query finds it
among the first five is drawn from a Beta distribution, and the ranks of its queries are geometric.
Two models share part of what makes a passage and a query hard.

Each draw gets the report's intervals and test. Printed are the share of draws whose interval holds
the truth, and the share of draws of two equally good models that the test calls different, each
with its standard error.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np
from scipy.stats import beta, norm

from evaluation.significance import (
    Clustered,
    paired_permutation_test,
    percentile_interval,
    proportion_interval,
    resampled_means,
    sum_by_cluster,
)

SIZES = np.arange(1, 13)
CHANCE_OF_SIZE = (1 / SIZES) / np.sum(1 / SIZES)
FIRST = 5
METRICS = ("Recall@5", "MRR")
# Correlation of two models' difficulties of a passage, and of their luck with a query.
SHARED_BY_PASSAGE = 0.7
SHARED_BY_QUERY = 0.5
LEVEL = 0.05


class World:
    """A population of passages and two models, with known means.

    Args:
        recalls: True Recall@5 of the two models.
        correlation: Correlation of two queries of a passage, in (0, 1).
    """

    def __init__(self, recalls: tuple[float, float], correlation: float) -> None:
        total = 1 / correlation - 1
        self.difficulties = [beta(recall * total, (1 - recall) * total) for recall in recalls]
        grid = (np.arange(200_000) + 0.5) / 200_000
        self.truth = np.array(
            [
                [recall, _mean_reciprocal_rank(d.ppf(grid))]
                for recall, d in zip(recalls, self.difficulties, strict=True)
            ]
        )

    def draw(self, clusters: int, rng: np.random.Generator) -> Clustered:
        """An evaluation: Recall@5 and MRR of the first model, then those of the second."""
        sizes = rng.choice(SIZES, clusters, p=CHANCE_OF_SIZE)
        of_query = np.repeat(np.arange(clusters), sizes)
        passages = _correlated(clusters, SHARED_BY_PASSAGE, rng)
        queries = _correlated(len(of_query), SHARED_BY_QUERY, rng)
        columns = []
        for difficulty, passage, query in zip(self.difficulties, passages, queries, strict=True):
            chance = _chance_of_a_place(difficulty.ppf(passage))[of_query]
            ranks = np.ceil(np.log1p(-query) / np.log1p(-chance)).clip(1, 1e6)
            columns += [ranks <= FIRST, 1 / ranks]
        return sum_by_cluster(np.stack(columns, axis=1).astype(float), of_query)


def _correlated(count: int, correlation: float, rng: np.random.Generator) -> np.ndarray:
    """`(2, count)` uniform numbers, correlated within a column (a Gaussian copula)."""
    cover = [[1, correlation], [correlation, 1]]
    uniform: np.ndarray = norm.cdf(rng.multivariate_normal([0, 0], cover, count)).T
    return uniform


def _chance_of_a_place(among_first: np.ndarray) -> np.ndarray:
    """The chance of each further place that gives this chance of the first five."""
    return (1 - (1 - among_first) ** (1 / FIRST)).clip(1e-6, 1 - 1e-6)


def _mean_reciprocal_rank(among_first: np.ndarray) -> float:
    """The mean of 1 / rank of geometric ranks: -p log(p) / (1 - p)."""
    chance = _chance_of_a_place(among_first)
    return float(np.mean(-chance * np.log(chance) / (1 - chance)))


def holds(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether each interval holds its truth."""
    return (low <= truth) & (truth <= high)


def covered(world: World, clusters: int, seed: int, resamples: int) -> tuple[np.ndarray, ...]:
    """Of one draw: which intervals hold the truth, of the second model's means and differences."""
    data = world.draw(clusters, np.random.default_rng([clusters, seed, 0]))
    means = resampled_means(data, resamples, seed)
    shares = holds(*proportion_interval(data, means), world.truth.ravel())[2:]
    apart = percentile_interval(means[:, 2:] - means[:, :2], data.effective_clusters)
    return shares, holds(*apart, world.truth[1] - world.truth[0])


def called_different(world: World, clusters: int, seed: int, resamples: int) -> np.ndarray:
    """Of one draw of two equally good models: which tests call them different."""
    data = world.draw(clusters, np.random.default_rng([clusters, seed, 1]))
    return paired_permutation_test(data, [2, 3], [0, 1], resamples, seed) < LEVEL


def as_text(name: str, found: Sequence[np.ndarray]) -> str:
    """Shares of the draws with their standard errors."""
    shares = np.mean(found, axis=0)
    errors = np.sqrt(shares * (1 - shares) / len(found))
    shown = [f"{m} {s:.3f} ± {e:.3f}" for m, s, e in zip(METRICS, shares, errors, strict=True)]
    return f"{name:<38} {'   '.join(shown)}"


def main() -> None:
    """Print the coverage and the false-positive rate for each number of clusters."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--clusters", type=int, nargs="+", default=[99, 44, 14])
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--correlation", type=float, default=0.35, help="of queries of a passage")
    parser.add_argument("--recalls", type=float, nargs=2, default=(0.6, 0.75))
    given = parser.parse_args()
    world = World(tuple(given.recalls), given.correlation)
    alike = World((given.recalls[1],) * 2, given.correlation)
    print(f"{given.draws:,} draws, correlation within a passage {given.correlation}")
    for clusters in given.clusters:
        start = time.perf_counter()
        both = [covered(world, clusters, n, given.resamples) for n in range(given.draws)]
        wrong = [called_different(alike, clusters, n, given.resamples) for n in range(given.draws)]
        print(f"{clusters} clusters ({time.perf_counter() - start:.0f} s)")
        print(as_text("  interval of a mean holds it", [share for share, _ in both]))
        print(as_text("  interval of a difference holds it", [apart for _, apart in both]))
        print(as_text("  equal models called different at 5 %", wrong), flush=True)


if __name__ == "__main__":
    main()
