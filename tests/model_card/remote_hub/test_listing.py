"""The versions that a remote hub lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest
from hub_server import WRITE_TOKEN, HubRepository, HubServer, store
from huggingface_hub import close_session

from model_card.remote_hub.hub import RemoteHub
from model_card.versions import Version
from nic.errors import UserError

NAME = "org/nic"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub, and a user with a token."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    close_session()
    with HubServer() as server:
        yield server
    close_session()


@pytest.fixture
def repository(hub: HubServer) -> HubRepository:
    """A repository with v1.10, v1.9 and a newer main."""
    found = hub.add_repository(NAME)
    metadata = {"gates": {"passed": False}, "metrics": {"tuned": {"overall": {"recall@5": 0.5}}}}
    files = {"metadata.json": store(json.dumps(metadata).encode()), "a": store(b"12345")}
    found.tags["v1.10"] = found.add("main", files, found.branches["main"], "first")
    found.tags["v1.9"] = found.add("main", {"a": store(b"1")}, found.branches["main"], "second")
    return found


def test_versions_are_listed_by_date_with_size_gates_and_recall(
    hub: HubServer, repository: HubRepository
) -> None:
    first, second = repository.tags["v1.10"], repository.tags["v1.9"]
    size = len(repository.commits[first].files["metadata.json"].data) + 5
    assert RemoteHub(hub.address).versions(NAME) == [
        Version(NAME, "v1.10", first, _date(1), size, False, False, 0.5),
        Version(NAME, "v1.9", second, _date(2), 1, True, None, None),
    ]


def _date(second: int) -> datetime:
    return datetime(2026, 1, 1, second=second, tzinfo=timezone.utc)


def test_a_hub_that_lists_no_commits_gives_no_dates(
    hub: HubServer, repository: HubRepository
) -> None:
    hub.break_at("GET .*/commits/", 404, times=2)
    versions = RemoteHub(hub.address).versions(NAME)
    assert [(version.tag, version.date) for version in versions] == [
        ("v1.10", None),
        ("v1.9", None),
    ]


def test_a_repository_that_is_not_there_or_not_named_is_one_line(hub: HubServer) -> None:
    with pytest.raises(UserError, match="org/nic at .*: not there, or not for this token to see"):
        RemoteHub(hub.address).versions(NAME)
    with pytest.raises(UserError, match="which repository. Give organisation/name"):
        RemoteHub(hub.address).versions()
