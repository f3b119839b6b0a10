"""Gates: what a model has to reach before it is released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from evaluation.comparison import ALIKE, BETTER, WORSE, Comparison
from nic.errors import UserError
from nic.files import read_mapping

DEFAULTS = Path(__file__).with_name("gates.yaml")
NOT_MEASURED = "not measured"


class GatesFailed(UserError):
    """A model does not reach what was asked of it."""

    exit_code = 3


@dataclass(frozen=True)
class Thresholds:
    """The content of a gates file; a gate of `null` or `false` is not asked for.

    Attributes:
        recall_at_5: Recall@5 must be more than this.
        mrr: MRR must be more than this.
        latency_ms: Median milliseconds for one query on the CPU must be less than this.
        better_than_base: Recall@5 must be better than the base model's at 95 %.
        no_domain_worse: Recall@5 of no domain may be worse than the base model's at 95 %.
        probe_loss: Recall@5 lost on the forgetting probe must be less than this.
        loads: The folder must load by `SentenceTransformer()` and encode.
    """

    recall_at_5: float | None
    mrr: float | None
    latency_ms: float | None
    better_than_base: bool
    no_domain_worse: bool
    probe_loss: float | None
    loads: bool


@dataclass(frozen=True)
class Gate:
    """One gate and what came of it.

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


@dataclass(frozen=True)
class Measured:
    """What the gates are held against; None where it was not measured.

    Attributes:
        comparison: The models on the task.
        model: Name of the model under test.
        base: Name of the base model.
        latency_ms: Median for one query.
        probe: The models on the forgetting probe.
        loads: Whether the folder loads and encodes.
    """

    comparison: Comparison
    model: str
    base: str
    latency_ms: float | None = None
    probe: Comparison | None = None
    loads: bool | None = None


def read_thresholds(path: Path = DEFAULTS) -> Thresholds:
    """Read a gates file; a key that it leaves out keeps its default.

    Raises:
        UserError: It cannot be read, is no mapping, or holds an unknown key or a wrong value.
    """
    content = read_mapping(DEFAULTS, "--gates") | read_mapping(path, "--gates")
    known = {field.name: str(field.type) for field in fields(Thresholds)}
    for key, value in content.items():
        if key not in known:
            raise UserError(f'{path}: unknown gate "{key}"; gates are {", ".join(known)}')
        wanted: tuple[type, ...] = (bool,) if known[key] == "bool" else (int, float, type(None))
        if not isinstance(value, wanted) or (known[key] != "bool" and isinstance(value, bool)):
            allowed = "true or false" if known[key] == "bool" else "a number, or null"
            raise UserError(f"{path}: {key} is {value!r}; give {allowed}")
    return Thresholds(**content)


def check_gates(thresholds: Thresholds, measured: Measured) -> list[Gate]:
    """Hold a model against the thresholds, every gate that is asked for."""
    own = measured.comparison.overall.estimates[measured.model]
    gates = [
        _more("recall_at_5", thresholds.recall_at_5, own["recall@5"].value),
        _more("mrr", thresholds.mrr, own["mrr"].value),
        _less("latency_ms", thresholds.latency_ms, measured.latency_ms, "{:.1f} ms"),
        _better(measured) if thresholds.better_than_base else None,
        _no_domain_worse(measured) if thresholds.no_domain_worse else None,
        _less("probe_loss", thresholds.probe_loss, _probe_loss(measured), "{:.4f}"),
        _loads(measured.loads) if thresholds.loads else None,
    ]
    return [gate for gate in gates if gate]


def describe_gates(gates: Sequence[Gate]) -> dict[str, Any]:
    """For metadata and result files: whether all passed, and each."""
    return {"passed": all(gate.passed for gate in gates), "gates": [asdict(gate) for gate in gates]}


def require_passed(gates: Sequence[Gate]) -> None:
    """Refuse where a gate failed.

    Raises:
        GatesFailed: Names the gates that failed; its exit code is 3.
    """
    if failed := [gate for gate in gates if not gate.passed]:
        listed = "; ".join(f"{g.name}: {g.measured}, asked {g.threshold}" for g in failed)
        raise GatesFailed(f"{len(failed)} of {len(gates)} gates failed: {listed}")


def _more(name: str, threshold: float | None, value: float) -> Gate | None:
    if threshold is None:
        return None
    return Gate(name, f"> {threshold:g}", f"{value:.4f}", value > threshold)


def _less(name: str, threshold: float | None, value: float | None, form: str) -> Gate | None:
    if threshold is None:
        return None
    text = NOT_MEASURED if value is None else form.format(value)
    return Gate(name, f"< {threshold:g}", text, value is not None and value < threshold)


def _better(measured: Measured) -> Gate:
    name, threshold = "better_than_base", "Recall@5 better at 95 %"
    if measured.model not in measured.comparison.overall.differences:
        return Gate(name, threshold, "this is the base model", False)
    found = measured.comparison.overall.differences[measured.model]["recall@5"]
    text = f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}], p {found.p:.4f}"
    passed = found.verdict == BETTER and found.low > 0
    return Gate(name, threshold, f"{text}: {found.verdict}", passed)


def _no_domain_worse(measured: Measured) -> Gate:
    domains = measured.comparison.domains
    found = {
        name: group.differences[measured.model]["recall@5"].verdict
        for name, group in domains.items()
        if measured.model in group.differences
    }
    worse = [name for name, verdict in found.items() if verdict == WORSE]
    alike = sum(verdict == ALIKE for verdict in found.values())
    text = f"worse: {', '.join(worse)}" if worse else f"none of {len(domains)} ({alike} unclear)"
    return Gate("no_domain_worse", "no domain worse at 95 %", text, not worse)


def _probe_loss(measured: Measured) -> float | None:
    if measured.probe is None:
        return None
    if measured.model not in measured.probe.overall.differences:
        return 0.0
    return 0.0 - measured.probe.overall.differences[measured.model]["recall@5"].value


def _loads(loads: bool | None) -> Gate:
    text = NOT_MEASURED if loads is None else ("yes" if loads else "no")
    return Gate("loads", "SentenceTransformer() loads and encodes", text, bool(loads))
