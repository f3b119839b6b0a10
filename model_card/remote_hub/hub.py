"""A hub that is reached over the network: any endpoint that huggingface_hub can talk to.

HF_HUB_OFFLINE does not apply to it: naming a hub to publish to or to fetch from is more explicit.
"""

from __future__ import annotations

import logging
from pathlib import Path

from model_card.hubs import IntegrityError, Published, load_call
from model_card.names import check_repo_id, check_tag
from model_card.remote_hub.downloading import download_revision
from model_card.remote_hub.endpoint import connected, read_token, resolve_address
from model_card.remote_hub.listing import list_versions
from model_card.remote_hub.publishing import publish_upload
from model_card.remote_hub.repository import Repository, Upload
from model_card.remote_hub.repository_files import digest_folder
from model_card.versions import Version
from nic.errors import UserError

logger = logging.getLogger(__name__)


class RemoteHub:
    """A hub with an http(s) address.

    Attributes:
        endpoint: The address, without a slash at its end.
        public: Whether a repository that everybody can read is allowed; a new one is then public.
    """

    def __init__(self, address: str | None = None, public: bool = False) -> None:
        """Checks the address and does not connect.

        Args:
            address: URL of the hub; None takes HF_ENDPOINT.
            public: Allow a repository that everybody can read.

        Raises:
            UserError: There is no address, or it is not safe.
        """
        self.endpoint: str = resolve_address(address)
        self.public = public

    def check_target(self, repo_id: str, tag: str, *, may_exist: bool = False) -> None:
        """Refuses, without connecting, what `publish` would refuse whatever the model is.

        Args:
            repo_id: Name of the repository, "organisation/name".
            tag: Name of the version, such as "v1.0".
            may_exist: Not used: only the hub knows its versions.

        Raises:
            UserError: A name is not allowed, or there is no token.
        """
        check_repo_id(repo_id)
        check_tag(tag)
        self._needed_token()

    def publish(self, folder: Path, repo_id: str, tag: str) -> Published:
        """Publishes a packaged model as a version that never changes, and as the new main.

        It is safe to run again after any failure.

        Args:
            folder: The packaged model; each file in it is published, and no other file stays in
                the repository.
            repo_id: Name of the repository, "organisation/name"; created if it does not exist.
            tag: Name of the version, such as "v1.0".

        Raises:
            UserError: The hub refuses or cannot be reached, the repository is public, the tag
                names other content, or somebody else published at the same moment.
            IntegrityError: What the hub gives back is not what was sent.
        """
        check_repo_id(repo_id)
        check_tag(tag)
        token = self._needed_token()
        upload = Upload(folder.resolve(), digest_folder(folder), tag)
        if not upload.files:
            raise UserError(f"{folder}: no files to publish")
        with connected(self.endpoint, token, repo_id) as api:
            repository = Repository(api, repo_id)
            revision, already_there = publish_upload(repository, upload, self.public)
        if already_there:
            logger.info("%s of %s holds this very content already: nothing to do", tag, repository)
        return Published(repo_id, tag, revision, self.endpoint, already_there)

    def fetch(self, repo_id: str, revision: str, folder: Path) -> Path:
        """Downloads a version into a folder, without any cache and atomically.

        Args:
            repo_id: Name of the repository, "organisation/name".
            revision: A tag, a branch or a commit.
            folder: Where to put the files; it must not exist or be empty.

        Returns:
            The folder.

        Raises:
            UserError: There is no such version, or the hub refuses or cannot be reached.
            IntegrityError: The bytes that arrived are not those that the hub lists.
        """
        check_repo_id(repo_id)
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder}: not empty; give a folder that does not exist yet")
        with connected(self.endpoint, read_token(), repo_id) as api:
            repository = Repository(api, repo_id)
            try:
                return download_revision(repository, revision, folder)
            except IntegrityError as error:
                raise IntegrityError(f"{repository}, {revision}: {error}") from error

    def versions(self, repo_id: str | None = None) -> list[Version]:
        """Returns the tagged versions of a repository, oldest first.

        Args:
            repo_id: Name of the repository; must be given.

        Raises:
            UserError: No repository is given, there is no such repository, or the hub refuses or
                cannot be reached.
        """
        if repo_id is None:
            raise UserError(f"{self.endpoint}: which repository? Give organisation/name")
        check_repo_id(repo_id)
        with connected(self.endpoint, read_token(), repo_id) as api:
            return list_versions(Repository(api, repo_id))

    def how_to_load(self, repo_id: str, tag: str) -> list[str]:
        """Returns the lines that tell a user how to load a version over the network."""
        settings = f"HF_ENDPOINT={self.endpoint} and a token in HF_TOKEN"
        return [f"Load it with {settings} in the environment:", f"    {load_call(repo_id, tag)}"]

    def _needed_token(self) -> str:
        """Returns the token to publish with.

        Raises:
            UserError: There is none.
        """
        token = read_token()
        if token is None:
            raise UserError(
                f"{self.endpoint}: no token; put it into HF_TOKEN, or into the file HF_TOKEN_PATH"
            )
        return token
