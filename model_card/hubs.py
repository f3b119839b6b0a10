"""What the local and the private hub have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from nic.errors import UserError

MAIN = "main"
TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._+-]{0,94}[A-Za-z0-9])?")
# Clients take such a name for a commit, whole or shortened.
LIKE_A_COMMIT = re.compile(r"[0-9a-fA-F]{5,40}")


class IntegrityError(UserError):
    """A model's files are not those that were published."""

    exit_code = 4


@dataclass(frozen=True)
class Published:
    """A version of a model on a hub.

    Attributes:
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version, such as "v1.0"; it never moves.
        revision: The commit that the tag names, 40 lower-case hexadecimal digits.
        location: Folder or URL of the hub.
        already_there: Whether this very content stood under this tag before.
    """

    repo_id: str
    tag: str
    revision: str
    location: str
    already_there: bool


def check_repo_id(repo_id: str) -> None:
    """Refuse a name that a hub would not take.

    Raises:
        UserError: It is not "organisation/name" in the characters that hubs allow.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UserError(f"--repo-id {repo_id}: {error}") from error
    if "/" not in repo_id:
        raise UserError(f"--repo-id {repo_id}: give organisation/name")


def check_tag(tag: str) -> None:
    """Refuse a tag that can't be a reference, or could be taken for something else.

    Raises:
        UserError: It is main, looks like a commit, or holds characters that tags may not have.
    """
    fits = TAG.fullmatch(tag) and ".." not in tag
    if not fits or tag.lower() == MAIN or LIKE_A_COMMIT.fullmatch(tag):
        raise UserError(
            f'--revision-tag {tag}: give a version such as "v1.0": letters, digits and . _ + -, '
            "neither main nor a commit"
        )
