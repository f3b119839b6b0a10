"""What every hub does, and which class serves which form of address."""

from __future__ import annotations

import inspect
import os
import re
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol

from model_card.versions import Version
from nic.errors import UserError

if TYPE_CHECKING:
    from model_card.local_hub.hub import LocalHub

FOLDER = ""
WEB = "https"
# The class that serves each scheme of an address; an address without a scheme is a folder.
# Imported on use: a local hub needs no network client.
ADDRESS_FORMS = {
    FOLDER: "model_card.local_hub.hub:LocalHub",
    "http": "model_card.remote_hub.hub:RemoteHub",
    WEB: "model_card.remote_hub.hub:RemoteHub",
}
SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://")
# Where an option applies; a hub has it if its class takes an argument of that name.
OPTIONS = {
    "copy": "only for a local hub; give --local-hub DIR",
    "public": "only for an endpoint; a local hub is a folder",
}


class IntegrityError(UserError):
    """The files of a model are not those that were published."""

    exit_code = 4


@dataclass(frozen=True)
class Published:
    """A version that was published on a hub.

    Attributes:
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version, such as "v1.0"; it never moves.
        revision: The commit that the tag names, 40 lower-case hexadecimal digits.
        location: Folder or URL of the hub.
        already_there: Whether the hub held this very content under this tag before.
    """

    repo_id: str
    tag: str
    revision: str
    location: str
    already_there: bool


class Hub(Protocol):
    """A place that models are published to and loaded from by name.

    To add a kind of hub, write a class with these members whose constructor takes the address, and
    add its scheme to `ADDRESS_FORMS`.
    """

    @property
    def endpoint(self) -> str | None:
        """URL that readers set as HF_ENDPOINT; None for a hub that has none."""

    def check_target(self, repo_id: str, tag: str, *, may_exist: bool = False) -> None:
        """Refuses, without connecting, what `publish` would refuse whatever the model is.

        Args:
            repo_id: Name of the repository, "organisation/name".
            tag: Name of the version, such as "v1.0".
            may_exist: Whether the version may be there already, with what will be published.

        Raises:
            UserError: A name is not allowed, or the hub cannot be published to.
            IntegrityError: The hub is damaged.
        """

    def publish(self, folder: Path, repo_id: str, tag: str) -> Published:
        """Publishes a packaged model as a version that never changes, and as the new main.

        Args:
            folder: The packaged model; every file in it is published.
            repo_id: Name of the repository, "organisation/name".
            tag: Name of the version, such as "v1.0".

        Raises:
            UserError: The hub refuses it; the message says why and what to do.
            IntegrityError: The hub does not hold what was sent.
        """

    def fetch(self, repo_id: str, revision: str, folder: Path) -> Path:
        """Returns a folder that holds the files of a version; read it, do not change it.

        Args:
            repo_id: Name of the repository, "organisation/name".
            revision: A tag, main or a commit.
            folder: Where to download to; not used by a hub whose files are on this machine.

        Raises:
            UserError: There is no such version.
            IntegrityError: Its files are missing or damaged.
        """

    def versions(self, repo_id: str | None = None) -> list[Version]:
        """Returns the tagged versions of a repository, oldest first.

        Args:
            repo_id: Name of the repository; None lists those of all, where the hub can.

        Raises:
            UserError: There is no such repository, or the hub cannot list them all.
        """

    def how_to_load(self, repo_id: str, tag: str) -> list[str]:
        """Returns the lines that tell a user how to load a version from this hub."""


def open_hub(address: str | Path, *, copy: bool = False, public: bool = False) -> Hub:
    """Returns the hub at an address, without connecting to it.

    Args:
        address: A folder for a local hub, or the http(s) URL of a remote one.
        copy: Publish copies instead of symbolic links (local hub).
        public: Allow a repository that everybody can read (remote hub).

    Raises:
        UserError: The address is not safe, its scheme is not known, or the hub lacks an option.
    """
    return _open(_scheme_of(address), address, copy, public)


def open_local_hub(address: str | Path, operation: str, *, copy: bool = False) -> LocalHub:
    """Returns the hub at an address for an operation that only a local hub has.

    Args:
        address: Folder of the hub.
        operation: Name of the operation, for the message.
        copy: Publish copies instead of symbolic links.

    Raises:
        UserError: It is another kind of hub.
    """
    from model_card.local_hub.hub import LocalHub

    hub = open_hub(address, copy=copy)
    if not isinstance(hub, LocalHub):
        raise UserError(
            f"{address}: this kind of hub has no {operation}; give the folder of a local hub with "
            "--local-hub"
        )
    return hub


def select_hub(
    local_hub: str | Path | None = None,
    endpoint: str | None = None,
    *,
    copy: bool = False,
    public: bool = False,
    question: str = "which hub? Give",
) -> Hub:
    """Returns the hub that --local-hub, --endpoint or else HF_ENDPOINT names.

    Args:
        local_hub: Folder of a local hub.
        endpoint: URL of a remote hub; HF_ENDPOINT stands in for it.
        copy: Publish copies instead of symbolic links (local hub).
        public: Allow a repository that everybody can read (remote hub).
        question: First words of the message when no hub is given.

    Raises:
        UserError: No hub is given, the address is not usable, or the hub lacks an option.
    """
    if local_hub:
        if _scheme_of(local_hub):
            raise UserError(f"--local-hub {local_hub}: give a folder; a URL goes with --endpoint")
        return _open(FOLDER, local_hub, copy, public)
    address = endpoint or os.environ.get("HF_ENDPOINT")
    if not address:
        raise UserError(
            f"{question} --local-hub DIR, or --endpoint URL (or HF_ENDPOINT in the environment)"
        )
    return _open(_scheme_of(address) or WEB, address, copy, public)


def load_call(repo_id: str, tag: str) -> str:
    """Returns the Python expression that loads a version by its name."""
    return f'SentenceTransformer("{repo_id}", revision="{tag}")'


def _scheme_of(address: str | Path) -> str:
    match = SCHEME.match(str(address))
    return match[1].lower() if match else FOLDER


def _open(scheme: str, address: str | Path, copy: bool, public: bool) -> Hub:
    if scheme not in ADDRESS_FORMS:
        known = ", ".join(f"{name}://" for name in ADDRESS_FORMS if name)
        raise UserError(f"{address}: no such kind of hub; give a folder, or a URL with {known}")
    hub_class = resolve_name(ADDRESS_FORMS[scheme])
    given = [name for name, wanted in (("copy", copy), ("public", public)) if wanted]
    for name in given:
        if name not in inspect.signature(hub_class).parameters:
            raise UserError(f"--{name}: {OPTIONS[name]}")
    hub: Hub = hub_class(str(address), **dict.fromkeys(given, True))
    return hub
