"""Paths of a local hub, and how its references are read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from model_card.hubs import IntegrityError
from model_card.names import COMMIT, MAIN, TAG, check_repo_id
from nic.errors import UserError

PREFIX = "models--"
SEPARATOR = "--"


@dataclass(frozen=True)
class RepoFolder:
    """The paths of one repository in a hub.

    Attributes:
        hub: The hub's folder.
        repo_id: Name of the repository, "organisation/name".
    """

    hub: Path
    repo_id: str

    @property
    def folder(self) -> Path:
        """Everything that readers look at."""
        return self.hub / self._name

    @property
    def blobs(self) -> Path:
        """Contents of the files, each named by its hash."""
        return self.folder / "blobs"

    @property
    def snapshots(self) -> Path:
        """One folder per revision, of links into `blobs` or of plain files."""
        return self.folder / "snapshots"

    @property
    def refs(self) -> Path:
        """One file per tag and one for main, which holds the revision."""
        return self.folder / "refs"

    @property
    def history(self) -> Path:
        """Every move of main, one line of JSON per move."""
        return self.folder / "history.jsonl"

    @property
    def lock(self) -> Path:
        """The lock that a publisher holds; readers need none."""
        return self.hub / ".locks" / self._name / "publish.lock"

    @property
    def incomplete(self) -> Path:
        """Folder for unfinished files, which no reader looks at, on the same disk."""
        return self.lock.with_name("incomplete")

    @property
    def plan(self) -> Path:
        """What a publisher is about to move in; it is gone once all of it is there."""
        return self.incomplete / "plan.json"

    @property
    def _name(self) -> str:
        return PREFIX + self.repo_id.replace("/", SEPARATOR)

    def snapshot(self, revision: str) -> Path:
        """Returns the folder of a revision."""
        return self.snapshots / revision

    def tree(self, revision: str) -> Path:
        """Returns the file that lists a revision's files with their sizes and hashes."""
        return self.folder / "trees" / f"{revision}.json"

    def reference(self, name: str) -> Path:
        """Returns the file of a tag or of main."""
        return self.refs / name


def check_hub_folder(hub: Path) -> None:
    """Refuses a hub that does not exist.

    Raises:
        UserError: There is no such folder.
    """
    if not hub.is_dir():
        raise UserError(f"{hub}: no such folder; give the folder of a local hub with --local-hub")


def list_repos(hub: Path) -> list[RepoFolder]:
    """Returns the repositories of a hub that hold a tagged version, in alphabetical order."""
    return [repo for repo in all_repos(hub) if read_tags(repo)]


def all_repos(hub: Path) -> list[RepoFolder]:
    """Returns every repository of a hub, also one of which only an unfinished version is there.

    What else lies in the folder is not looked at.
    """
    paths = [path for place in (hub, hub / ".locks") for path in place.glob(f"{PREFIX}*")]
    names = sorted({path.name.removeprefix(PREFIX) for path in paths if path.is_dir()})
    return [
        RepoFolder(hub, repo_id)
        for repo_id in (name.replace(SEPARATOR, "/") for name in names)
        if _is_repo_id(repo_id)
    ]


def find_repo(hub: Path, repo_id: str) -> RepoFolder:
    """Returns the folder of a repository that exists.

    Raises:
        UserError: There is no such hub or repository; the message lists those that exist.
    """
    check_repo_id(repo_id)
    check_hub_folder(hub)
    repo = RepoFolder(hub, repo_id)
    if not repo.snapshots.is_dir():
        there = ", ".join(other.repo_id for other in list_repos(hub)) or "none"
        raise UserError(f"{repo_id}: no such repository in {hub}; there: {there}")
    return repo


def read_references(repo: RepoFolder) -> dict[str, str]:
    """Returns the revision of each tag and of main, by name; damaged ones are left out."""
    paths = sorted(repo.refs.iterdir()) if repo.refs.is_dir() else []
    found = {path.name: read_reference(path) for path in paths if is_reference_name(path.name)}
    return {name: revision for name, revision in found.items() if revision}


def read_reference(path: Path) -> str | None:
    """Returns the revision that the file of a tag or of main holds; None if it holds none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        # One more than a revision with a line end of two letters.
        text = file.read(43).decode(errors="replace").strip()
    return text if COMMIT.fullmatch(text) else None


def is_reference_name(name: str) -> bool:
    """Whether a file of this name can be that of a tag or of main."""
    return name == MAIN or TAG.fullmatch(name) is not None


def read_tags(repo: RepoFolder) -> dict[str, str]:
    """Returns the revision of each tag, by name."""
    return {name: rev for name, rev in read_references(repo).items() if name != MAIN}


def resolve(repo: RepoFolder, revision: str) -> str:
    """Returns the commit that a tag, main or the commit itself names.

    Raises:
        UserError: There is no such revision; the message lists those that exist.
        IntegrityError: The reference exists and its folder is gone.
    """
    references = read_references(repo)
    commit = references.get(revision, revision)
    if COMMIT.fullmatch(commit) and repo.snapshot(commit).is_dir():
        return commit
    if revision in references:
        raise IntegrityError(
            f"{repo.repo_id} {revision}: the folder {repo.snapshot(commit)} is gone; "
            "publish or import the same version again"
        )
    if is_reference_name(revision) and os.path.lexists(repo.reference(revision)):
        raise IntegrityError(
            f"{repo.reference(revision)}: holds no revision; no version is lost, mend it with "
            f"nic-publish repair --local-hub {repo.hub}"
        )
    there = ", ".join(references) or "none"
    raise UserError(f"{repo.repo_id} {revision}: no such version in {repo.hub}; there: {there}")


def _is_repo_id(name: str) -> bool:
    try:
        check_repo_id(name)
    except UserError:
        return False
    return True
