"""What is damaged of the state that a local hub keeps about its versions.

Whoever changes a repository refuses it while it is damaged, so that nothing is built on, or removed
because of, what a file wrongly says; `repair` mends it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_card.hubs import IntegrityError
from model_card.local_hub.layout import (
    RepoFolder,
    is_reference_name,
    read_reference,
    read_references,
)
from model_card.local_hub.state import Plan, parse_move, parse_plan

BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Damage:
    """A file of a hub's state that says nothing usable.

    Attributes:
        path: The file or folder.
        what: What is wrong with it.
    """

    path: Path
    what: str


def find_damage(repo: RepoFolder) -> list[Damage]:
    """Returns what is damaged of a repository's references, history and plan.

    The files of its versions are not looked at: `nic-publish verify` does that.
    """
    found = [*_damaged_folders(repo), *_damaged_references(repo), *_damaged_history(repo)]
    try:
        read_plan(repo)
    except ValueError as error:
        found.append(Damage(repo.plan, str(error)))
    return found


def refuse_damage(*repos: RepoFolder) -> None:
    """Refuses repositories of one hub whose state is damaged.

    Raises:
        IntegrityError: It names the first damaged file and how to mend it.
    """
    found = [damage for repo in repos for damage in find_damage(repo)]
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        raise IntegrityError(
            f"{found[0].path}: {found[0].what}{more}; no version is lost, mend it with "
            f"nic-publish repair --local-hub {repos[0].hub}"
        )


def read_plan(repo: RepoFolder) -> Plan | None:
    """Returns what the last publisher was about to do; None if it finished.

    Raises:
        ValueError: The plan is damaged, or would remove what belongs to a version.
    """
    if not os.path.lexists(repo.plan):
        return None
    try:
        plan = parse_plan(repo.plan.read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Its publisher has finished in the meantime.
        return None
    except (ValueError, OSError) as error:
        raise ValueError("is no plan of a publisher") from error
    if plan.revision not in read_references(repo).values():
        places = [repo.hub / name for name in plan.creates]
        if not all(_is_unfinished(repo, plan.revision, place) for place in places):
            raise ValueError("plans to remove what no unfinished version wrote")
    return plan


def _is_unfinished(repo: RepoFolder, revision: str, place: Path) -> bool:
    """Whether a path can be that of a version that no reference names."""
    if place == repo.folder:
        return not read_references(repo)
    if place.parent == repo.blobs:
        return BLOB.fullmatch(place.name) is not None and place.name not in _used_blobs(repo)
    return place in (repo.snapshot(revision), repo.tree(revision))


def _used_blobs(repo: RepoFolder) -> set[str]:
    folders = {repo.snapshot(revision) for revision in read_references(repo).values()}
    links = [path for folder in folders for path in folder.rglob("*") if path.is_symlink()]
    return {Path(os.readlink(link)).name for link in links}


def _damaged_folders(repo: RepoFolder) -> Iterator[Damage]:
    trees = repo.tree("").parent
    for path in (repo.refs, repo.snapshots, repo.blobs, trees, repo.incomplete):
        if os.path.lexists(path) and not path.is_dir():
            yield Damage(path, "is a file where a folder is needed")


def _damaged_references(repo: RepoFolder) -> Iterator[Damage]:
    for path in sorted(repo.refs.iterdir()) if repo.refs.is_dir() else []:
        # Folders hold references of other kinds, such as pull requests.
        if is_reference_name(path.name) and not path.is_dir() and read_reference(path) is None:
            yield Damage(path, "holds no revision")


def _damaged_history(repo: RepoFolder) -> Iterator[Damage]:
    if not os.path.lexists(repo.history):
        return
    if not repo.history.is_file():
        yield Damage(repo.history, "is no file")
        return
    lines = repo.history.read_text(encoding="utf-8", errors="replace").splitlines()
    bad = [number for number, line in enumerate(lines, 1) if parse_move(line) is None]
    if bad:
        yield Damage(repo.history, f"line {bad[0]} is no move of main")
