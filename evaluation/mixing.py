"""A tuned model mixed with its base: what each mixture finds, and which one to take.

The weights of a mixture are `base + weight * (tuned - base)` (Wortsman et al., WiSE-FT,
arXiv:2109.01903; Xiao et al., LM-Cocktail, arXiv:2311.13534).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.comparison import WORSE, Difference, Estimate, Group, compare_all_queries
from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS, PRIMARY

AUTO = "auto"
BASE, TUNED = 0.0, 1.0
# The weights that are tried; the base itself is measured beside them.
WEIGHTS = (0.3, 0.5, 0.7, 0.85, TUNED)
Rows = Mapping[float, Sequence[QueryResult]]


@dataclass(frozen=True)
class Mixture:
    """What one mixture finds.

    Attributes:
        weight: Its weight of the tuned model, in [0, 1].
        scores: Its metrics on the validation queries that checkpoints are compared by.
        validation: The primary metric on the validation queries.
        probe: The primary metric on the forgetting probe; None without a probe.
        probe_difference: Its difference from the base model there; None for the base itself.
    """

    weight: float
    scores: list[float]
    validation: Estimate
    probe: Estimate | None
    probe_difference: Difference | None

    @property
    def forgets(self) -> bool:
        """Whether it is significantly worse than the base model on the probe."""
        return self.probe_difference is not None and self.probe_difference.verdict == WORSE


@dataclass(frozen=True)
class MixingCurve:
    """The mixtures of a tuned model with its base.

    Attributes:
        asked: "auto", or the weight that was asked for.
        weight: The weight of the saved model.
        mixtures: By weight, ascending: first the base, last the tuned model.
    """

    asked: str
    weight: float
    mixtures: list[Mixture]

    @property
    def chosen(self) -> Mixture:
        """The mixture that was saved."""
        return next(mixture for mixture in self.mixtures if mixture.weight == self.weight)


def measure_mixtures(validation: Rows, probe: Rows | None) -> list[Mixture]:
    """Returns what mixtures find, with the verdict on what each has forgotten.

    Args:
        validation: Results on the validation queries by weight; 0 is the base.
        probe: Results on the forgetting probe, likewise; None without one.
    """
    found = _compare(validation)
    forgotten = _compare(probe) if probe else None
    mixtures = []
    for weight in sorted(validation):
        name = str(weight)
        of_name = found.estimates[name]
        mixtures.append(
            Mixture(
                weight,
                [of_name[metric.key].value for metric in CHECKPOINT_METRICS],
                of_name[PRIMARY.key],
                forgotten.estimates[name][PRIMARY.key] if forgotten else None,
                forgotten.differences[name][PRIMARY.key] if forgotten and weight != BASE else None,
            )
        )
    return mixtures


def choose_weight(mixtures: Sequence[Mixture]) -> float:
    """Returns the weight of the mixture to save.

    It is the best one on the validation queries among those that are not significantly worse than
    the base model on the probe, and of equal ones that with the least weight. Where each of them is
    worse there, it is the one that loses least.

    Args:
        mixtures: As `measure_mixtures` returns them; the base itself is not chosen.
    """
    mixed = [mixture for mixture in mixtures if mixture.weight != BASE]
    harmless = [mixture for mixture in mixed if not mixture.forgets]
    if harmless:
        return max(harmless, key=lambda mixture: (mixture.scores, -mixture.weight)).weight
    return max(mixed, key=lambda mixture: mixture.probe.value if mixture.probe else 0.0).weight


def _compare(rows: Rows) -> Group:
    return compare_all_queries({str(weight): found for weight, found in rows.items()}, str(BASE))
