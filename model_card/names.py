"""Names of repositories and versions that every hub takes."""

from __future__ import annotations

import re

from nic.errors import UserError

MAIN = "main"
TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,94}[A-Za-z0-9])?")
COMMIT = re.compile(r"[0-9a-f]{40}")
# Clients take such a name for a commit, whole or shortened.
LIKE_A_COMMIT = re.compile(r"[0-9a-fA-F]{5,40}")


def check_repo_id(repo_id: str) -> None:
    """Refuses a repository name that a hub would not take.

    Raises:
        UserError: The name is not "organisation/name" in the characters that hubs allow.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UserError(f"--repo-id {repo_id}: {error}") from error
    if "/" not in repo_id:
        raise UserError(f"--repo-id {repo_id}: give organisation/name")


def check_tag(tag: str) -> None:
    """Refuses a tag that cannot be a reference, or could be taken for something else.

    Raises:
        UserError: The tag is main, looks like a commit, or holds characters that tags may not have.
    """
    fits = TAG.fullmatch(tag) and ".." not in tag
    if not fits or tag.lower() == MAIN or LIKE_A_COMMIT.fullmatch(tag):
        raise UserError(
            f'--revision-tag {tag}: give a version such as "v1.0": letters, digits and . _ + -, '
            "neither main nor a commit"
        )
