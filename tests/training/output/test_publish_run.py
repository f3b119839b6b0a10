"""Publishing straight after training: only what the gates allow, and only where it was asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import make_evaluation
from hub_workers import make_version

from evaluation.gates import GatesFailed, read_thresholds
from evaluation.summary import EvaluationSummary, summarise
from model_card.commands import Packaging
from model_card.hubs import Hub, IntegrityError, Published
from model_card.local_hub.hub import LocalHub
from model_card.remote_hub import hub as remote_hub
from model_card.remote_hub.hub import RemoteHub
from nic.errors import UserError
from training.command.parser import parse_arguments
from training.command.run_arguments import RunArguments
from training.output import publish_run as module
from training.output.publish_run import check_publication, publish_run


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `publish_model` is called with."""
    calls: list[dict[str, Any]] = []

    def publish_model(
        model: Path, hub: Hub, repo_id: str, tag: str, packaging: Packaging
    ) -> Published:
        calls.append(
            {"model": model, "hub": hub, "repo_id": repo_id, "tag": tag, "packaging": packaging}
        )
        return Published(repo_id, tag, "ab" * 20, "hub", already_there=False)

    monkeypatch.setattr(module, "publish_model", publish_model)
    return calls


def asked(*more: str) -> RunArguments:
    given = ["--publish-to", "hub", "--repo-id", "org/nic", "--revision-tag", "v1.0", *more]
    return parse_arguments([*given, "--device", "cpu"])[0]


def summary(**changes: Any) -> EvaluationSummary:
    return summarise(make_evaluation(**changes), read_thresholds())


def test_a_model_whose_gates_pass_goes_to_the_local_hub(pushed: list[dict[str, Any]]) -> None:
    published = publish_run(Path("out"), summary(), asked())
    assert published is not None and published.tag == "v1.0"
    hub = pushed[0].pop("hub")
    assert isinstance(hub, LocalHub)
    assert (hub.folder, hub.copy) == (Path("hub"), False)
    assert pushed == [
        {"model": Path("out"), "repo_id": "org/nic", "tag": "v1.0", "packaging": Packaging()}
    ]


def test_a_url_is_a_private_hub(pushed: list[dict[str, Any]]) -> None:
    publish_run(Path("out"), summary(), asked("--publish-to", "https://hub.example"))
    hub = pushed[0]["hub"]
    assert isinstance(hub, RemoteHub)
    assert (hub.endpoint, hub.public) == ("https://hub.example", False)


def test_a_model_whose_gates_fail_is_not_published_without_a_reason(
    pushed: list[dict[str, Any]],
) -> None:
    with pytest.raises(GatesFailed, match="1 of 7 gates failed: One query must take less"):
        publish_run(Path("out"), summary(speed=None), asked())
    assert pushed == []
    publish_run(Path("out"), summary(speed=None), asked("--allow-failed-gates", "a trial"))
    assert pushed[0]["packaging"] == Packaging(allow_failed_gates="a trial")


def test_a_reason_is_not_passed_on_where_no_gate_failed(pushed: list[dict[str, Any]]) -> None:
    publish_run(Path("out"), summary(), asked("--allow-failed-gates", "just in case"))
    assert pushed[0]["packaging"] == Packaging()


def test_nothing_is_published_unless_asked(pushed: list[dict[str, Any]]) -> None:
    assert publish_run(Path("out"), summary(), parse_arguments(["--device", "cpu"])[0]) is None
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


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ftp://hub.example", "ftp://hub.example: no such kind of hub; give a folder, or a URL"),
        ("http://hub.example", "token and model would be readable on the way; use https"),
    ],
)
def test_a_hub_that_cannot_work_is_refused_before_anything_is_trained(
    address: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        check_publication(asked("--publish-to", address))


@pytest.mark.parametrize("tag", ["main", "a..b", "-v1"])
@pytest.mark.parametrize("address", ["hub", "https://hub.example"])
def test_a_version_that_no_hub_takes_is_refused_before_anything_is_trained(
    address: str, tag: str
) -> None:
    with pytest.raises(UserError, match=f'--revision-tag {tag}: give a version such as "v1.0"'):
        check_publication(asked("--publish-to", address, f"--revision-tag={tag}"))


@pytest.mark.parametrize("name", ["file", "file/hub"])
def test_a_file_as_hub_is_refused_before_anything_is_trained(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="is a file where a folder is needed"):
        check_publication(asked("--publish-to", str(tmp_path / name)))


def test_a_damaged_hub_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    LocalHub(tmp_path / "hub").publish(make_version(tmp_path / "v1", 1), "org/nic", "v0.9")
    history = tmp_path / "hub" / "models--org--nic" / "history.jsonl"
    history.write_text("no move\n", encoding="utf-8")
    with pytest.raises(IntegrityError, match="line 1 is no move of main.*nic-publish repair"):
        check_publication(asked("--publish-to", str(tmp_path / "hub")))
    assert history.read_text(encoding="utf-8") == "no move\n"


def test_a_version_that_exists_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    hub = str(tmp_path / "hub")
    LocalHub(hub).publish(make_version(tmp_path / "v1", 1), "org/nic", "v1.0")
    with pytest.raises(UserError, match="org/nic v1.0 is published in .*give this one a new"):
        check_publication(asked("--publish-to", hub))
    check_publication(asked("--publish-to", hub, "--revision-tag", "v1.1"))
    check_publication(asked("--publish-to", hub, "--resume"))


def test_a_missing_token_is_refused_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_hub, "read_token", lambda: None)
    with pytest.raises(UserError, match="https://hub.example: no token; put it into HF_TOKEN"):
        check_publication(asked("--publish-to", "https://hub.example"))
    monkeypatch.setattr(remote_hub, "read_token", lambda: "hf_word")
    check_publication(asked("--publish-to", "https://hub.example"))


def test_a_hub_that_can_be_published_to_is_not_touched_before_the_training(tmp_path: Path) -> None:
    check_publication(asked("--publish-to", str(tmp_path / "hub")))
    assert list(tmp_path.iterdir()) == []
