"""Publishing to a hub over the network, and fetching from it.

Any hub that the huggingface_hub client can talk to will do. The model goes into a pull request, is
fetched back and compared, and only then becomes `main` and gets its tag. Every step first looks
whether it was done before, so a run that was cut off at any moment is completed by the next one.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import (
    CommitInfo,
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    snapshot_download,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo

from model_card.hubs import MAIN, IntegrityError, Published, check_repo_id, check_tag
from model_card.remote_hub.endpoint import AGAIN, connected, read_token, resolve_address, status_of
from model_card.remote_hub.load_back import largest_difference
from model_card.remote_hub.repository_files import (
    HUBS_OWN,
    Digests,
    digest_folder,
    find_differences,
    list_revision,
)
from nic.errors import UserError

logger = logging.getLogger(__name__)

# Equal files give equal embeddings; a differing order of sums would stay below this.
TOLERANCE = 1e-6
# How hubs say that they have no pull requests, or none in this repository.
NO_PULL_REQUESTS = (400, 403, 404, 405, 501)


@dataclass(frozen=True)
class Upload:
    """What is to be published.

    Attributes:
        folder: The staged model.
        files: The digests of its files, by name.
        tag: Name of the version.
    """

    folder: Path
    files: dict[str, Digests]
    tag: str


@dataclass(frozen=True)
class Repository:
    """A model repository on a hub.

    Attributes:
        api: The connected client.
        repo_id: Its name, "organisation/name".
    """

    api: HfApi
    repo_id: str

    def __str__(self) -> str:
        """Name and hub, for messages."""
        return f"{self.repo_id} at {self.api.endpoint}"

    def info(self) -> ModelInfo | None:
        """What the hub says of it; None where there is no such repository."""
        try:
            return self.api.model_info(self.repo_id)
        except RepositoryNotFoundError:
            return None

    def commit_of(self, revision: str) -> str | None:
        """The commit that a branch, a tag or a pull request names; None in an empty repository."""
        return self.api.model_info(self.repo_id, revision=revision).sha

    def tagged(self, tag: str) -> str | None:
        """The commit that a tag names; None where there is no such tag."""
        tags = self.api.list_repo_refs(self.repo_id).tags
        return next((ref.target_commit for ref in tags if ref.name == tag), None)

    def differences(self, revision: str, files: Mapping[str, Digests]) -> list[str]:
        """How the files that the hub lists for a revision differ from others, in words."""
        return find_differences(list_revision(self.api, self.repo_id, revision), files)

    def holds(self, revision: str | None, files: Mapping[str, Digests]) -> bool:
        """Whether a revision holds exactly these files."""
        return revision is not None and not self.differences(revision, files)


def publish_remote(
    staged: Path, repo_id: str, tag: str, endpoint: str | None = None, public: bool = False
) -> Published:
    """Publish a staged folder as a version of a model on a hub, and make it that hub's `main`.

    Safe to run again after any failure. HF_HUB_OFFLINE does not hold for the hub named here.

    Args:
        staged: The folder; each file in it is published, and nothing else stays in the repository.
        repo_id: Name of the repository, "organisation/name"; created where it does not exist.
        tag: Name of the version; an existing one never changes.
        endpoint: Address of the hub; None takes HF_ENDPOINT.
        public: Allow a repository that everybody can read; a new one is then created public.

    Returns:
        The published version; `already_there` where the hub had it before.

    Raises:
        UserError: The hub refuses or cannot be reached, the repository is public, the tag exists
            with other content, or somebody else published at the same moment.
        IntegrityError: What the hub gives back is not what was sent.
    """
    check_repo_id(repo_id)
    check_tag(tag)
    address, token = resolve_address(endpoint), read_token()
    if token is None:
        raise UserError(
            f"{address}: no token; put it into HF_TOKEN, or into the file HF_TOKEN_PATH"
        )
    upload = Upload(staged.resolve(), digest_folder(staged), tag)
    if not upload.files:
        raise UserError(f"{staged}: no files to publish")
    with connected(address, token, repo_id) as api:
        repository = Repository(api, repo_id)
        revision, already_there = _publish(repository, upload, public)
    if already_there:
        logger.info("%s of %s holds this very content already: nothing to do", tag, repository)
    return Published(repo_id, tag, revision, address, already_there)


def download_version(
    repo_id: str, revision: str, folder: Path, endpoint: str | None = None
) -> Path:
    """Fetch a version of a model into a folder, whole or not at all, past every cache.

    Args:
        repo_id: Name of the repository, "organisation/name".
        revision: A tag, a branch or a commit.
        folder: Where to put the files; it must not exist or be empty.
        endpoint: Address of the hub; None takes HF_ENDPOINT.

    Returns:
        The folder.

    Raises:
        UserError: There is no such version, or the hub refuses or cannot be reached.
        IntegrityError: The bytes that came are not those that the hub lists.
    """
    check_repo_id(repo_id)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: not empty; give a folder that does not exist yet")
    address, token = resolve_address(endpoint), read_token()
    with connected(address, token, repo_id) as api:
        repository = Repository(api, repo_id)
        try:
            return _fetch(repository, revision, folder)
        except IntegrityError as error:
            raise IntegrityError(f"{repository}, {revision}: {error}") from error


def _publish(repository: Repository, upload: Upload, public: bool) -> tuple[str, bool]:
    """The commit that the tag names in the end, and whether it did before."""
    account = _account(repository.api)
    info = repository.info()
    if info is None:
        _check_may_write(repository, account)
        info = _create(repository, public)
    if info.private is not True and not public:
        raise UserError(
            f"{repository}: exists and is not private, so everybody could read the model; "
            "make it private there, take another name, or allow it with --public"
        )
    if before := _published_before(repository, upload):
        _verify(repository, upload, before, f"the tag {upload.tag} names it")
        return before, True
    _check_may_write(repository, account)
    commit = _become_main(repository, upload, info.sha)
    return _set_tag(repository, upload, commit)


def _account(api: HfApi) -> dict[str, Any]:
    """Whose token it is; refuses a wrong one before anything else is tried."""
    try:
        return api.whoami()
    except HfHubHTTPError as error:
        if status_of(error) != 404:
            raise
        return {}


def _check_may_write(repository: Repository, account: dict[str, Any]) -> None:
    token = (account.get("auth") or {}).get("accessToken") or {}
    if token.get("role") == "read":
        raise UserError(f"{repository}: the token may only read; use one that may write there")


def _create(repository: Repository, public: bool) -> ModelInfo:
    organisation = repository.repo_id.split("/")[0]
    try:
        repository.api.create_repo(repository.repo_id, private=not public)
    except HfHubHTTPError as error:
        status = status_of(error)
        if status in (400, 403, 404):
            raise UserError(
                f"{repository}: cannot be created: there is no organisation {organisation}, or the "
                f"token may not create repositories in it (status {status})"
            ) from error
        if status != 409:  # somebody else just created it
            raise
    return repository.api.model_info(repository.repo_id)


def _published_before(repository: Repository, upload: Upload) -> str | None:
    """The tag's commit, if there is one; refuses one that holds other content."""
    target = repository.tagged(upload.tag)
    if target and (differences := repository.differences(target, upload.files)):
        raise UserError(
            f"{repository}: {upload.tag} is published already, with other content "
            f"({differences[0]}, {len(differences)} files in all); a version never changes: "
            "publish under a new tag"
        )
    return target


def _become_main(repository: Repository, upload: Upload, head: str | None) -> str:
    """Move `main` from `head` to the staged content; returns its new commit, verified."""
    if head and repository.holds(head, upload.files):
        _verify(repository, upload, head, f"{MAIN} holds it, no tag was made")
        return head
    if head and (number := _propose(repository, upload, head)):
        return _merge(repository, upload, head, number)
    return _commit_to_main(repository, upload, head)


def _propose(repository: Repository, upload: Upload, head: str) -> int | None:
    """The number of an open pull request with the content; None where the hub has none at all."""
    title = f"Publish {upload.tag} after {head[:12]}"
    try:
        if number := _open_pull_request(repository, upload, title):
            return number
        return _commit(repository, upload, head, title, create_pr=True).pr_num
    except HfHubHTTPError as error:
        if status_of(error) not in NO_PULL_REQUESTS:
            raise
    except KeyError:  # the answer names no pull request: the hub took it for a plain commit
        pass
    return None


def _open_pull_request(repository: Repository, upload: Upload, title: str) -> int | None:
    """One that an earlier run has left, from the same `main` and with the same content."""
    found = repository.api.get_repo_discussions(
        repository.repo_id, discussion_type="pull_request", discussion_status="open"
    )
    for number in [pull.num for pull in found if pull.title == title]:
        if repository.holds(f"refs/pr/{number}", upload.files):
            return number
    return None


def _merge(repository: Repository, upload: Upload, head: str, number: int) -> str:
    proposed = repository.commit_of(f"refs/pr/{number}") or ""
    left = f"nothing was merged or tagged; pull request {number} is left open"
    _verify(repository, upload, proposed, left)
    if repository.commit_of(MAIN) == head:
        repository.api.merge_pull_request(repository.repo_id, number)
    merged = repository.commit_of(MAIN)
    if merged is None or not repository.holds(merged, upload.files):
        raise UserError(
            f"{repository}: somebody else published at the same moment; look at what {MAIN} holds "
            f"now (and at pull request {number}), then run the same command again"
        )
    return merged


def _commit_to_main(repository: Repository, upload: Upload, head: str | None) -> str:
    """For a hub without pull requests: `main` moves before the content is fetched back."""
    now = repository.commit_of(MAIN) if head else None
    if now is None or not repository.holds(now, upload.files):
        now = _commit(repository, upload, head, f"Publish {upload.tag}", create_pr=False).oid
    logger.warning("%s: no pull requests there, so %s moved before the check", repository, MAIN)
    _verify(repository, upload, now, f"{MAIN} holds it, no tag was made")
    return now


def _commit(
    repository: Repository, upload: Upload, head: str | None, title: str, create_pr: bool
) -> CommitInfo:
    """One commit that adds what is new and deletes what is stale, on top of `head` and no other."""
    there = list_revision(repository.api, repository.repo_id, head) if head else {}
    stale = there.keys() - upload.files.keys() - {HUBS_OWN}
    added = [CommitOperationAdd(name, upload.folder / name) for name in upload.files]
    deleted = [CommitOperationDelete(name, is_folder=False) for name in sorted(stale)]
    return repository.api.create_commit(
        repository.repo_id,
        [*deleted, *added],
        commit_message=title,
        parent_commit=head,
        create_pr=create_pr,
    )


def _verify(repository: Repository, upload: Upload, commit: str, left: str) -> None:
    """Fetch a commit past every cache, compare its bytes, and its embeddings in a fresh process.

    Args:
        repository: Where it is.
        upload: What it should be.
        commit: The commit.
        left: How things stand should it be damaged, for the message.
    """
    with tempfile.TemporaryDirectory(prefix="nic-publish-") as folder:
        try:
            copy = _fetch(repository, commit, Path(folder) / "published")
            fetched = {name: file.sha256 for name, file in digest_folder(copy).items()}
            if differences := find_differences(fetched, upload.files):
                raise IntegrityError(f"the hub gives back other files: {', '.join(differences)}")
            difference = largest_difference(upload.folder, copy)
            if not difference <= TOLERANCE:
                raise IntegrityError(f"embeddings differ by {difference:.2g}")
        except IntegrityError as error:
            raise IntegrityError(f"{repository}, commit {commit[:12]}: {error}; {left}") from error


def _fetch(repository: Repository, revision: str, folder: Path) -> Path:
    """Download a revision without any cache, and check the bytes against what the hub lists."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
        staging = Path(place) / "files"
        try:
            commit = repository.commit_of(revision) or revision
            listed = list_revision(repository.api, repository.repo_id, commit)
            if not listed:
                raise UserError(f"{repository}, {revision}: holds no files")
            snapshot_download(
                repository.repo_id,
                revision=commit,
                cache_dir=Path(place) / "cache",
                local_dir=staging,
                ignore_patterns=[HUBS_OWN],
                endpoint=repository.api.endpoint,
                token=repository.api.token,
            )
        except RevisionNotFoundError as error:
            raise UserError(f"{repository}: has no version {revision}") from error
        shutil.rmtree(staging / ".cache")
        if differences := find_differences(listed, digest_folder(staging)):
            raise IntegrityError(
                f"the hub sent other bytes than it lists: {', '.join(differences)}"
            )
        if folder.exists():
            folder.rmdir()
        staging.rename(folder)
    return folder


def _set_tag(repository: Repository, upload: Upload, commit: str) -> tuple[str, bool]:
    """Tag a commit; returns what the tag names, and whether somebody else was first."""
    try:
        repository.api.create_tag(repository.repo_id, tag=upload.tag, revision=commit)
    except HfHubHTTPError as error:
        if status_of(error) != 409:
            raise
        if target := _published_before(repository, upload):
            return target, target != commit
        raise
    if repository.tagged(upload.tag) != commit:
        raise UserError(f"{repository}: the hub did not set the tag {upload.tag}; {AGAIN}")
    return commit, False
