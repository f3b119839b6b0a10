"""Which hub an address opens, and what it takes to add another kind of hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_card import hubs
from model_card.hubs import Hub, Published, open_hub, open_local_hub, select_hub
from model_card.local_hub.hub import LocalHub
from model_card.remote_hub.hub import RemoteHub
from model_card.versions import Version
from nic.errors import UserError

REPO = "org/nic"


class BucketHub:
    """A third kind of hub, as somebody else would write it."""

    endpoint: str | None = None

    def __init__(self, address: str) -> None:
        self.address = address

    def check_target(self, repo_id: str, tag: str, *, may_exist: bool = False) -> None:
        """Takes everything."""

    def publish(self, folder: Path, repo_id: str, tag: str) -> Published:
        """Publishes nothing."""
        return Published(repo_id, tag, "0" * 40, self.address, already_there=False)

    def fetch(self, repo_id: str, revision: str, folder: Path) -> Path:
        """Downloads nothing."""
        return folder

    def versions(self, repo_id: str | None = None) -> list[Version]:
        """Holds none."""
        return []

    def how_to_load(self, repo_id: str, tag: str) -> list[str]:
        """Names the bucket."""
        return [f"Download it from {self.address}"]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in the table of address forms."""
    monkeypatch.setitem(hubs.ADDRESS_FORMS, "s3", f"{__name__}:BucketHub")


@pytest.mark.parametrize(
    "address", ["hub", "C:\\hub", "C:/hub", "/srv/hub", "hub.example.org", "a/b://c", Path("hub")]
)
def test_an_address_without_a_scheme_is_a_folder(address: str | Path) -> None:
    hub = open_hub(address, copy=True)
    assert isinstance(hub, LocalHub)
    assert (hub.folder, hub.copy, hub.endpoint) == (Path(address), True, None)


@pytest.mark.parametrize("address", ["https://hub.example", "HTTPS://hub.example/", "http://[::1]"])
def test_a_web_address_is_a_remote_hub(address: str) -> None:
    hub = open_hub(address, public=True)
    assert isinstance(hub, RemoteHub)
    assert (hub.endpoint, hub.public) == (address.rstrip("/"), True)


def test_another_kind_of_hub_is_one_class_and_one_line(bucket: None, tmp_path: Path) -> None:
    for hub in (open_hub("s3://models"), select_hub(endpoint="s3://models")):
        assert hub.publish(tmp_path, REPO, "v1.0").location == "s3://models"
        assert hub.how_to_load(REPO, "v1.0") == ["Download it from s3://models"]


def test_both_hubs_have_the_methods_of_the_protocol() -> None:
    members = {name for name in vars(Hub) if not name.startswith("_")}
    assert members == {"endpoint", "check_target", "publish", "fetch", "versions", "how_to_load"}
    for hub in (open_hub("hub"), open_hub("https://hub.example")):
        assert [name for name in members if not hasattr(hub, name)] == []


def test_an_unknown_scheme_is_answered_with_those_there_are() -> None:
    with pytest.raises(UserError, match="ftp://x: no such kind of hub; .* http://, https://"):
        open_hub("ftp://x")


@pytest.mark.parametrize(
    ("address", "option", "message"),
    [
        ("hub", "public", "--public: only for an endpoint; a local hub is a folder"),
        ("https://hub.example", "copy", "--copy: only for a local hub; give --local-hub DIR"),
        ("s3://models", "copy", "--copy: only for a local hub"),
        ("s3://models", "public", "--public: only for an endpoint"),
    ],
)
def test_an_option_that_a_hub_lacks_is_refused(
    bucket: None, address: str, option: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        open_hub(address, **{option: True})


@pytest.mark.parametrize("address", ["https://hub.example", "s3://models"])
def test_an_operation_that_a_hub_lacks_is_refused(bucket: None, address: str) -> None:
    with pytest.raises(UserError, match=f"{address}: this kind of hub has no rollback; give the f"):
        open_local_hub(address, "rollback")


def test_a_folder_given_as_endpoint_is_no_local_hub() -> None:
    with pytest.raises(UserError, match="--endpoint hub.example: give an address such as https"):
        select_hub(endpoint="hub.example")
