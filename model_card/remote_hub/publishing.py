"""The order of publishing to a remote hub.

The model goes into a pull request, is downloaded again and compared, and only then becomes `main`
and gets its tag. Every step first checks whether it was done before, so a run that was interrupted
at any moment is completed by the next one.
"""

from __future__ import annotations

import logging

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
from huggingface_hub.hf_api import ModelInfo

from model_card.names import MAIN
from model_card.remote_hub.endpoint import AGAIN, status_of
from model_card.remote_hub.repository import Repository, Upload
from model_card.remote_hub.repository_files import HUBS_OWN, list_revision
from model_card.remote_hub.verification import verify_commit
from nic.errors import UserError

logger = logging.getLogger(__name__)

# How hubs say that they have no pull requests, or none in this repository.
NO_PULL_REQUESTS = (400, 403, 404, 405, 501)


def publish_upload(repository: Repository, upload: Upload, public: bool) -> tuple[str, bool]:
    """Publishes an upload under its tag.

    Args:
        repository: The repository; created if it does not exist.
        upload: What is published.
        public: Allow a repository that everybody can read.

    Returns:
        The commit that the tag names in the end, and whether it did before.

    Raises:
        UserError: The hub refuses, the repository is public, the tag names other content, or
            somebody else published at the same moment.
        IntegrityError: What the hub gives back is not what was sent.
    """
    role = _role_of_token(repository.api)
    info = repository.info()
    if info is None:
        _check_may_write(repository, role)
        info = _create(repository, public)
    if info.private is not True and not public:
        raise UserError(
            f"{repository}: exists and is not private, so everybody could read the model; "
            "make it private there, take another name, or allow it with --public"
        )
    if before := _published_before(repository, upload):
        verify_commit(repository, upload, before, f"the tag {upload.tag} names it")
        return before, True
    _check_may_write(repository, role)
    commit = _become_main(repository, upload, info.sha)
    return _set_tag(repository, upload, commit)


def _role_of_token(api: HfApi) -> str | None:
    """Returns the role of the token, if the hub tells it; a wrong token is refused first."""
    try:
        account = api.whoami()
    except HfHubHTTPError as error:
        if status_of(error) != 404:
            raise
        return None
    token = (account.get("auth") or {}).get("accessToken") or {}
    role: str | None = token.get("role")
    return role


def _check_may_write(repository: Repository, role: str | None) -> None:
    if role == "read":
        raise UserError(f"{repository}: the token may only read; use one that may write there")


def _create(repository: Repository, public: bool) -> ModelInfo:
    organisation = repository.repo_id.split("/")[0]
    try:
        repository.api.create_repo(repository.repo_id, private=not public)
    except HfHubHTTPError as error:
        status = status_of(error)
        if status in (400, 403) or isinstance(error, RepositoryNotFoundError):
            raise UserError(
                f"{repository}: cannot be created: there is no organisation {organisation}, or the "
                f"token may not create repositories in it (status {status})"
            ) from error
        if status != 409:  # somebody else just created it
            raise
    return repository.api.model_info(repository.repo_id)


def _published_before(repository: Repository, upload: Upload) -> str | None:
    """Returns the commit of the tag, if it exists; refuses a tag that names other content."""
    target = repository.tags().get(upload.tag)
    if target and (differences := repository.differences(target, upload.files)):
        raise UserError(
            f"{repository}: {upload.tag} is published already, with other content "
            f"({differences[0]}, {len(differences)} files in all); a version never changes: "
            "publish under a new tag"
        )
    return target


def _become_main(repository: Repository, upload: Upload, head: str | None) -> str:
    """Moves `main` from `head` to the upload; returns its new commit, which is verified."""
    if head and repository.holds(head, upload.files):
        verify_commit(repository, upload, head, f"{MAIN} holds it, no tag was made")
        return head
    if head and (number := _propose(repository, upload, head)):
        return _merge(repository, upload, head, number)
    return _commit_to_main(repository, upload, head)


def _propose(repository: Repository, upload: Upload, head: str) -> int | None:
    """Returns the number of an open pull request with the content; None if the hub has none."""
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
    """Returns the one that an earlier run left, from the same `main` and with the same content."""
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
    verify_commit(repository, upload, proposed, left)
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
    """Commits to a hub without pull requests: `main` moves before the content is verified."""
    now = repository.commit_of(MAIN) if head else None
    if now is None or not repository.holds(now, upload.files):
        now = _commit(repository, upload, head, f"Publish {upload.tag}", create_pr=False).oid
    logger.warning("%s: no pull requests there, so %s moved before the check", repository, MAIN)
    verify_commit(repository, upload, now, f"{MAIN} holds it, no tag was made")
    return now


def _commit(
    repository: Repository, upload: Upload, head: str | None, title: str, create_pr: bool
) -> CommitInfo:
    """Makes one commit on top of `head` that adds new files and deletes stale ones."""
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


def _set_tag(repository: Repository, upload: Upload, commit: str) -> tuple[str, bool]:
    """Tags a commit; returns what the tag names, and whether somebody else was first."""
    try:
        repository.api.create_tag(repository.repo_id, tag=upload.tag, revision=commit)
    except HfHubHTTPError as error:
        if status_of(error) != 409:
            raise
        if target := _published_before(repository, upload):
            return target, target != commit
        raise
    if repository.tags().get(upload.tag) != commit:
        raise UserError(f"{repository}: the hub did not set the tag {upload.tag}; {AGAIN}")
    return commit, False
