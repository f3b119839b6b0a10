"""Publishing straight after training: only what the gates allow, and only where it was asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import make_evidence

from evaluation.gates import GatesFailed, read_thresholds
from evaluation.summary import EvaluationSummary, assess
from model_card.hubs import Published
from nic.errors import UserError
from training import publish_run as module
from training.arguments import RunArguments, parse_arguments
from training.publish_run import check_publication, publish_run


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `push` is called with."""
    calls: list[dict[str, Any]] = []

    def push(model: Path, repo_id: str, tag: str, **more: Any) -> Published:
        calls.append({"model": model, "repo_id": repo_id, "tag": tag, **more})
        return Published(repo_id, tag, "ab" * 20, "hub", already_there=False)

    monkeypatch.setattr(module, "push", push)
    return calls


def asked(*more: str) -> RunArguments:
    given = ["--publish-to", "hub", "--repo-id", "org/nic", "--revision-tag", "v1.0", *more]
    return parse_arguments([*given, "--device", "cpu"])[0]


def assessment(**changes: Any) -> EvaluationSummary:
    return assess(make_evidence(**changes), read_thresholds())


def test_a_model_whose_gates_pass_goes_to_the_local_hub(pushed: list[dict[str, Any]]) -> None:
    published = publish_run(Path("out"), assessment(), asked())
    assert published is not None and published.tag == "v1.0"
    assert pushed == [
        {
            "model": Path("out"),
            "repo_id": "org/nic",
            "tag": "v1.0",
            "local_hub": Path("hub"),
            "endpoint": None,
            "allow_failed_gates": None,
        }
    ]


def test_a_url_is_a_private_hub(pushed: list[dict[str, Any]]) -> None:
    publish_run(Path("out"), assessment(), asked("--publish-to", "https://hub.example"))
    assert (pushed[0]["local_hub"], pushed[0]["endpoint"]) == (None, "https://hub.example")


def test_a_model_whose_gates_fail_is_not_published_without_a_reason(
    pushed: list[dict[str, Any]],
) -> None:
    with pytest.raises(GatesFailed, match="1 of 7 gates failed: latency_ms"):
        publish_run(Path("out"), assessment(speed=None), asked())
    assert pushed == []
    publish_run(Path("out"), assessment(speed=None), asked("--allow-failed-gates", "a trial"))
    assert pushed[0]["allow_failed_gates"] == "a trial"


def test_a_reason_is_not_passed_on_where_no_gate_failed(pushed: list[dict[str, Any]]) -> None:
    publish_run(Path("out"), assessment(), asked("--allow-failed-gates", "just in case"))
    assert pushed[0]["allow_failed_gates"] is None


def test_nothing_is_published_unless_asked(pushed: list[dict[str, Any]]) -> None:
    assert publish_run(Path("out"), assessment(), parse_arguments(["--device", "cpu"])[0]) is None
    assert pushed == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--publish-to hub", "give the name and the version too"),
        ("--publish-to hub --repo-id org/nic", "give the name and the version too"),
        ("--repo-id org/nic", "say where with --publish-to"),
        ("--allow-failed-gates why", "say where with --publish-to"),
    ],
)
def test_half_an_order_is_refused_before_anything_is_trained(given: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_arguments([*given.split(), "--device", "cpu"])


def test_a_name_that_no_hub_takes_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(UserError, match="--repo-id nic: give organisation/name"):
        check_publication(asked("--repo-id", "nic"))
