"""The decision whether the gates of a model allow to package it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluation.gates import Gate, ask_in_words
from nic.errors import UserError

NOT_MEASURED = "no gates were measured"


@dataclass(frozen=True)
class Release:
    """The decision on the release of a model.

    Attributes:
        gates: Content of `metadata.json` under "gates".
        problem: What speaks against publishing; empty if the gates passed.
        reason: The reason to publish it nevertheless; empty if the gates passed.
    """

    gates: dict[str, Any]
    problem: str = ""
    reason: str = ""


def decide_release(metadata: dict[str, Any], allow_failed_gates: str | None) -> Release:
    """Refuses a model whose gates failed or were not measured, unless a reason is given.

    Args:
        metadata: Its `metadata.json`, with the key "gates".
        allow_failed_gates: The reason to publish it nevertheless.

    Raises:
        UserError: The gates did not pass and no reason is given, or an empty one.
    """
    if allow_failed_gates is not None and not allow_failed_gates.strip():
        raise UserError("--allow-failed-gates: give the reason; it is shown in the card")
    gates = metadata.get("gates") or {"passed": None, "gates": []}
    problem = find_problem(gates)
    if not problem:
        return Release(gates)
    if allow_failed_gates is None:
        raise UserError(
            f"not packaged: {problem}. Train it again, or package it all the same with "
            '--allow-failed-gates "the reason", which is then shown in its card'
        )
    reason = " ".join(allow_failed_gates.split())
    return Release({**gates, "allowed_because": reason}, problem, reason)


def find_problem(gates: dict[str, Any]) -> str:
    """Returns what speaks against publishing, in words; empty if every gate passed."""
    measured = gates.get("gates") or []
    failed = [gate for gate in measured if gate["passed"] is not True]
    if failed:
        details = ", ".join(_sentence(gate) for gate in failed)
        return f"{len(failed)} of its {len(measured)} gates failed: {details}"
    if not measured:
        return NOT_MEASURED
    return "" if gates.get("passed") is True else "its gates failed"


def _sentence(gate: dict[str, Any]) -> str:
    """Returns what a gate asks and measured; `metadata.json` may be of an earlier version."""
    asked, measured = _shown(gate["threshold"]), _shown(gate["measured"])
    if ask_in_words(gate["name"], asked):
        return Gate(gate["name"], asked, measured, False).sentence
    return f"{gate['name']} (measured {measured}, threshold {asked})"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
