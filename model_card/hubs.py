"""What the local and the private hub have in common."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from training.errors import UserError

MAIN = "main"


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
