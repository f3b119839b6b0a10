"""Gates: each passes and fails where its threshold says, and is never softened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import make_evaluation, make_results

from evaluation.gates import (
    DEFAULTS,
    Gate,
    GateReport,
    GatesFailed,
    Thresholds,
    describe_gates,
    read_thresholds,
    require_passed,
)
from evaluation.serialization import to_json
from evaluation.summary import summarise
from nic.errors import UserError


def gates(thresholds: Thresholds | None = None, **changes: Any) -> dict[str, Gate]:
    found = summarise(make_evaluation(**changes), thresholds or read_thresholds()).gates
    return {gate.name: gate for gate in found}


def test_the_defaults_are_the_runbooks() -> None:
    assert read_thresholds() == {
        "recall_at_5": 0.70,
        "mrr": 0.65,
        "latency_ms": 10,
        "better_than_base": True,
        "no_domain_worse": True,
        "probe_loss": 0.02,
        "loads": True,
    }


def test_a_good_model_passes_every_gate() -> None:
    found = gates()
    assert list(found) == [
        "recall_at_5",
        "mrr",
        "latency_ms",
        "better_than_base",
        "no_domain_worse",
        "probe_loss",
        "loads",
    ]
    assert all(gate.passed for gate in found.values())
    assert found["latency_ms"].measured == "5.0 ms"
    assert found["probe_loss"].measured == "0.0000"


def test_a_figure_at_its_threshold_does_not_pass() -> None:
    rows = make_results("a", [1] * 7 + [20] * 3)
    found = gates(per_query={"tuned": rows, "base": rows}, probe=None)
    assert found["recall_at_5"] == Gate("recall_at_5", "> 0.7", "0.7000", False)
    assert not found["better_than_base"].passed


def test_a_worse_domain_is_named() -> None:
    good, bad = make_results("radar", [1] * 30), make_results("radar", [50] * 30)
    more = make_results("hvac", [1] * 30, first=30)
    found = gates(per_query={"tuned": bad + more, "base": good + more})
    assert found["no_domain_worse"] == Gate(
        "no_domain_worse", "no domain worse at 95 %", "worse: radar", False
    )


def test_forgetting_is_measured_by_the_probe() -> None:
    before, after = make_results("g", [1] * 60), make_results("g", [1] * 58 + [9] * 2)
    found = gates(probe={"tuned": after, "base": before})["probe_loss"]
    assert found == Gate("probe_loss", "< 0.02", "0.0333", False)


@pytest.mark.parametrize("changes", [{"speed": None}, {"probe": None}, {"loads": None}])
def test_what_was_not_measured_has_not_passed(changes: dict[str, Any]) -> None:
    failed = [gate for gate in gates(**changes).values() if not gate.passed]
    assert [gate.measured for gate in failed] == ["not measured"]


def test_a_model_that_does_not_load_fails() -> None:
    assert gates(loads=False)["loads"].measured == "no"


def test_the_base_model_is_not_better_than_itself() -> None:
    assert gates(model="base")["better_than_base"].measured == "this is the base model"


def test_every_gate_is_a_sentence_and_the_file_keeps_its_key() -> None:
    found = gates(speed=None)
    stored = to_json(describe_gates([*found.values()]))["gates"]
    assert [gate["name"] for gate in stored] == list(read_thresholds())
    assert {name: gate.sentence for name, gate in found.items()} == {
        "recall_at_5": "Recall@5 must be above 0.7 (measured: 1.0000)",
        "mrr": "MRR must be above 0.65 (measured: 1.0000)",
        "latency_ms": "One query must take less than 10 ms on the CPU, at the median "
        "(not measured)",
        "better_than_base": "Recall@5 must be better than the base model's at 95 % (measured: "
        f"{found['better_than_base'].measured})",
        "no_domain_worse": "Recall@5 may be worse than the base model's in no domain, at 95 % "
        "(measured: none of 2, 1 not distinguishable)",
        "probe_loss": "Less than 0.02 of Recall@5 may be lost on the forgetting probe "
        "(measured: 0.0000)",
        "loads": "SentenceTransformer() must load the folder and encode (measured: yes)",
    }


def test_a_gate_of_another_version_is_shown_as_it_was_written() -> None:
    gate = Gate("worst_domain", "> 0.5", "0.4000", False)
    assert gate.sentence == "worst_domain > 0.5 (measured: 0.4000)"


def test_a_gain_on_the_probe_is_called_one() -> None:
    before, after = make_results("g", [1] * 58 + [9] * 2), make_results("g", [1] * 60)
    found = gates(probe={"tuned": after, "base": before})["probe_loss"]
    assert (found.measured, found.passed) == ("-0.0333, a gain", True)


def test_gates_that_are_not_asked_for_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text("latency_ms: null\nbetter_than_base: false\nmrr: 0.9\n", encoding="utf-8")
    found = gates(read_thresholds(path), speed=None)
    assert "latency_ms" not in found
    assert "better_than_base" not in found
    assert found["mrr"].threshold == "> 0.9"
    assert found["recall_at_5"].threshold == "> 0.7"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("recal: 0.7\n", 'unknown gate "recal"; gates are recall_at_5, mrr'),
        ("mrr: high\n", "mrr is 'high'; give a number, or null"),
        ("mrr: true\n", "mrr is True; give a number, or null"),
        ("loads: 1\n", "loads is 1; give true or false"),
        ("- a\n", "not a mapping"),
        ("a: [\n", "not valid YAML"),
    ],
)
def test_a_gates_file_that_does_not_fit_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_thresholds(path)
    with pytest.raises(UserError, match="--gates needs it"):
        read_thresholds(tmp_path / "nowhere.yaml")


def test_an_empty_gates_file_keeps_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("", encoding="utf-8")
    assert read_thresholds(tmp_path / "empty.yaml") == read_thresholds(DEFAULTS)


def test_a_failed_gate_ends_the_command_with_three_and_one_line() -> None:
    failed = [Gate("mrr", "> 0.65", "0.5000", False), Gate("loads", "loads", "yes", True)]
    message = "1 of 2 gates failed: MRR must be above 0.65 (measured: 0.5000)"
    with pytest.raises(GatesFailed, match=re.escape(message)):
        require_passed(failed)
    assert GatesFailed.exit_code == 3
    assert describe_gates(failed) == GateReport(False, failed)
    require_passed(failed[1:])


@pytest.mark.parametrize("value", [".nan", ".inf", "true", "high"])
def test_a_threshold_that_nothing_could_reach_or_miss_is_refused(
    value: str, tmp_path: Path
) -> None:
    path = tmp_path / "gates.yaml"
    path.write_text(f"recall_at_5: {value}\n", encoding="utf-8")
    with pytest.raises(UserError, match="recall_at_5 is .*give a number, or null"):
        read_thresholds(path)
