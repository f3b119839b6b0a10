"""Gates: what a model has to reach before it is released.

To add a gate, add its entry to `GATES` and its default to `gates.yaml`. A metric that the metrics
table shows in `Shown.GATE` is a gate on its mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from evaluation.comparison import ALIKE, BETTER, WORSE, Comparison
from evaluation.retrieval_metrics.definitions import PRIMARY, Metric, Shown, shown_in
from nic.errors import UserError
from nic.files import read_mapping

DEFAULTS = Path(__file__).with_name("gates.yaml")
NOT_MEASURED = "not measured"

# What each gate asks, by the key of the gate: a number, or true; null and false ask nothing.
Thresholds: TypeAlias = Mapping[str, float | bool | None]


class GatesFailed(UserError):
    """A model does not pass its gates."""

    exit_code = 3


@dataclass(frozen=True)
class Gate:
    """A gate and its result.

    Attributes:
        name: Key in the gates file.
        threshold: What is asked, in words.
        measured: What was found, in words.
        passed: Whether it holds; what was not measured has not passed.
    """

    name: str
    threshold: str
    measured: str
    passed: bool

    @property
    def sentence(self) -> str:
        """What is asked and what was measured, as in "MRR must be above 0.65 (measured: 0.7)"."""
        asked = ask_in_words(self.name, self.threshold) or f"{self.name} {self.threshold}"
        missing = self.measured == NOT_MEASURED
        return f"{asked} ({self.measured if missing else f'measured: {self.measured}'})"


@dataclass(frozen=True)
class GateReport:
    """What metadata and result files hold of the gates.

    Attributes:
        passed: Whether all passed.
        gates: Every gate that was asked for.
    """

    passed: bool
    gates: list[Gate]


@dataclass(frozen=True)
class Measured:
    """What the gates are checked against; None where it was not measured.

    Attributes:
        comparison: The models on the task.
        model: Name of the model under test.
        base: Name of the base model.
        latency_ms: Median of one query, in milliseconds.
        probe: The models on the forgetting probe.
        loads: Whether the folder loads and encodes.
    """

    comparison: Comparison
    model: str
    base: str
    latency_ms: float | None = None
    probe: Comparison | None = None
    loads: bool | None = None


@dataclass(frozen=True)
class Rule:
    """An entry of the table of gates.

    Attributes:
        asks: What it asks, as a sentence; `{limit}` stands for its number.
        check: Returns the gate from its key, its threshold and what was measured.
        is_number: Whether the threshold is a number; else it is true or false.
    """

    asks: str
    check: Callable[[str, float, Measured], Gate]
    is_number: bool

    def accepts(self, value: object) -> bool:
        """Whether a value of the gates file is of the right type."""
        if not self.is_number:
            return isinstance(value, bool)
        if value is None:
            return True
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return math.isfinite(value)


def ask_in_words(key: str, threshold: str) -> str | None:
    """Returns what a gate asks as a sentence, None for a key that is not in the table.

    Args:
        key: Key of the gate.
        threshold: What is asked, as a `Gate` holds it: "> 0.7".
    """
    return GATES[key].asks.format(limit=threshold.lstrip("<> ")) if key in GATES else None


def read_thresholds(path: Path = DEFAULTS) -> Thresholds:
    """Reads a gates file; a key that it leaves out keeps its default.

    Raises:
        UserError: It cannot be read, is no mapping, or holds an unknown key or a wrong value.
    """
    content = read_mapping(DEFAULTS, "--gates") | read_mapping(path, "--gates")
    for key, value in content.items():
        if key not in GATES:
            raise UserError(f'{path}: unknown gate "{key}"; gates are {", ".join(GATES)}')
        if not GATES[key].accepts(value):
            allowed = "a number, or null" if GATES[key].is_number else "true or false"
            raise UserError(f"{path}: {key} is {value!r}; give {allowed}")
    return content


def check_gates(thresholds: Thresholds, measured: Measured) -> list[Gate]:
    """Returns the result of every gate that is asked for, in the order of the table."""
    asked = {key: thresholds.get(key) for key in GATES}
    return [
        GATES[key].check(key, threshold, measured)
        for key, threshold in asked.items()
        if threshold is not None and threshold is not False
    ]


def describe_gates(gates: Sequence[Gate]) -> GateReport:
    """Returns what metadata and result files hold of the gates."""
    return GateReport(all(gate.passed for gate in gates), list(gates))


def require_passed(gates: Sequence[Gate]) -> None:
    """Raises an error if a gate failed.

    Raises:
        GatesFailed: Names the gates that failed; its exit code is 3.
    """
    if failed := [gate for gate in gates if not gate.passed]:
        listed = "; ".join(gate.sentence for gate in failed)
        raise GatesFailed(f"{len(failed)} of {len(gates)} gates failed: {listed}")


def _mean_above(key: str, threshold: float, measured: Measured, metric: Metric) -> Gate:
    value = measured.comparison.overall.estimates[measured.model][metric.key].value
    return Gate(key, f"> {threshold:g}", f"{value:.4f}", value > threshold)


def _below(key: str, threshold: float, value: float | None, form: str) -> Gate:
    text = NOT_MEASURED if value is None else form.format(value)
    return Gate(key, f"< {threshold:g}", text, value is not None and value < threshold)


def _latency(key: str, threshold: float, measured: Measured) -> Gate:
    return _below(key, threshold, measured.latency_ms, "{:.1f} ms")


def _better_than_base(key: str, _: float, measured: Measured) -> Gate:
    asked = f"{PRIMARY.title} better at 95 %"
    if measured.model not in measured.comparison.overall.differences:
        return Gate(key, asked, "this is the base model", False)
    found = measured.comparison.overall.differences[measured.model][PRIMARY.key]
    text = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}], p {found.p:.4f}"
    passed = found.verdict == BETTER and found.low > 0
    return Gate(key, asked, f"{text}: {found.verdict}", passed)


def _no_domain_worse(key: str, _: float, measured: Measured) -> Gate:
    domains = measured.comparison.domains
    found = {
        name: group.differences[measured.model][PRIMARY.key].verdict
        for name, group in domains.items()
        if measured.model in group.differences
    }
    worse = [name for name, verdict in found.items() if verdict == WORSE]
    alike = sum(verdict == ALIKE for verdict in found.values())
    text = f"worse: {', '.join(worse)}" if worse else f"none of {len(domains)}, {alike} {ALIKE}"
    return Gate(key, "no domain worse at 95 %", text, not worse)


def _probe_loss(key: str, threshold: float, measured: Measured) -> Gate:
    lost: float | None = None
    if measured.probe is not None:
        differences = measured.probe.overall.differences
        of_model = differences.get(measured.model)
        lost = 0.0 - of_model[PRIMARY.key].value if of_model else 0.0
    form = "{:.4f}" if lost is None or lost >= 0 else "{:.4f}, a gain"
    return _below(key, threshold, lost, form)


def _loads(key: str, _: float, measured: Measured) -> Gate:
    text = NOT_MEASURED if measured.loads is None else ("yes" if measured.loads else "no")
    return Gate(key, "SentenceTransformer() loads and encodes", text, bool(measured.loads))


GATES: dict[str, Rule] = {
    **{
        m.name: Rule(f"{m.title} must be above {{limit}}", partial(_mean_above, metric=m), True)
        for m in shown_in(Shown.GATE)
    },
    "latency_ms": Rule(
        "One query must take less than {limit} ms on the CPU, at the median", _latency, True
    ),
    "better_than_base": Rule(
        f"{PRIMARY.title} must be better than the base model's at 95 %", _better_than_base, False
    ),
    "no_domain_worse": Rule(
        f"{PRIMARY.title} may be worse than the base model's in no domain, at 95 %",
        _no_domain_worse,
        False,
    ),
    "probe_loss": Rule(
        f"Less than {{limit}} of {PRIMARY.title} may be lost on the forgetting probe",
        _probe_loss,
        True,
    ),
    "loads": Rule("SentenceTransformer() must load the folder and encode", _loads, False),
}
