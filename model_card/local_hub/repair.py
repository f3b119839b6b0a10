"""Mends the damaged state of a local hub; what it moves aside stays on the disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_card.local_hub.content import commit_of, folder_content, hash_content
from model_card.local_hub.damage import Damage, find_damage
from model_card.local_hub.disk import explained_errors
from model_card.local_hub.history import read_history, rollback_stack
from model_card.local_hub.layout import (
    RepoFolder,
    all_repos,
    check_hub_folder,
    read_references,
    read_tags,
)
from model_card.local_hub.state import Move, history_text
from model_card.local_hub.writing import (
    exists,
    make_folder,
    move,
    remove_leftovers,
    repository_lock,
    write_texts,
)
from model_card.names import MAIN


@dataclass(frozen=True)
class Repair:
    """What a repair did.

    Attributes:
        done: A line for each file that was moved aside or written.
        left: A line for each version whose files have to be published again.
    """

    done: list[str]
    left: list[str]


def repair_hub(hub: Path) -> Repair:
    """Mends references, histories and plans of a hub, and checks the files of every version.

    A damaged file is moved aside, and a reference is written anew where the history tells what it
    named. No version is removed.

    Raises:
        UserError: There is no such hub, or it cannot be written to.
        DiskFullError: The disk is full.
    """
    check_hub_folder(hub)
    done, left = [], []
    with explained_errors(hub):
        for repo in all_repos(hub):
            with repository_lock(repo):
                done += _mend(repo)
                left += list(_lost_files(repo))
    return Repair(done, left)


def _mend(repo: RepoFolder) -> list[str]:
    found = find_damage(repo)
    if not found:
        remove_leftovers(repo)
        return []
    moves = read_history(repo)
    names = _damaged_names(repo, found, moves)
    aside = _free_folder(repo)
    # What a publisher has left may belong to a version whose reference was damaged.
    unfinished = [Damage(repo.incomplete, "unfinished")] if exists(repo.incomplete) else []
    plan = [f"{damage.path}: {damage.what}" for damage in found if damage.path == repo.plan]
    moved = {damage.path: damage for damage in [*unfinished, *found] if damage.path != repo.plan}
    done = plan + [_move_aside(damage, repo, aside) for damage in moved.values()]
    texts = {repo.reference(name): revision for name, revision in names.items() if revision}
    if moves and not exists(repo.history):
        texts[repo.history] = history_text(moves)
    write_texts(repo, texts)
    remove_leftovers(repo)
    done += [f"{path}: written anew from what is known of it" for path in texts]
    unknown = [name for name, revision in names.items() if not revision]
    return done + [
        f"{repo.repo_id} {name}: nothing tells its revision; publish the same version again"
        for name in unknown
    ]


def _damaged_names(
    repo: RepoFolder, found: Sequence[Damage], moves: Sequence[Move]
) -> dict[str, str | None]:
    """Returns the revision that each damaged reference named; None where nothing tells it."""
    paths = {damage.path for damage in found}
    named = [path.name for path in sorted(paths) if path.parent == repo.refs]
    if repo.refs in paths:
        named = sorted({MAIN, *(move.tag for move in moves if move.tag)})
    whole = [move for move in moves if repo.snapshot(move.revision).is_dir()]
    revisions = {move.tag: move.revision for move in whole if move.tag}
    names = {name: revisions.get(name) for name in named if name != MAIN}
    if MAIN in named:
        tags = {**read_tags(repo), **{name: rev for name, rev in names.items() if rev}}
        names[MAIN] = _revision_of_main(repo, whole, tags)
    return names


def _revision_of_main(repo: RepoFolder, moves: Sequence[Move], tags: dict[str, str]) -> str | None:
    """Returns what main named last, or else the version that was published last."""
    stack = rollback_stack(moves)
    if stack:
        return stack[-1].revision
    whole = [revision for revision in tags.values() if repo.snapshot(revision).is_dir()]
    return max(whole, key=lambda revision: repo.snapshot(revision).stat().st_mtime, default=None)


def _free_folder(repo: RepoFolder) -> Path:
    """Returns a new folder for damaged files, which no reader looks at, on the same disk."""
    names = (repo.lock.with_name(f"damaged-{number}") for number in itertools.count(1))
    folder = next(path for path in names if not exists(path))
    make_folder(folder)
    return folder


def _move_aside(damage: Damage, repo: RepoFolder, aside: Path) -> str:
    inside = repo.folder if damage.path.is_relative_to(repo.folder) else repo.lock.parent
    target = aside / damage.path.relative_to(inside)
    make_folder(target.parent)
    move(damage.path, target)
    return f"{damage.path}: {damage.what}; moved to {target}"


def _lost_files(repo: RepoFolder) -> Iterator[str]:
    """Yields a line for each version whose files are not those that were published."""
    checked: dict[str, bool] = {}
    for tag, revision in read_tags(repo).items():
        if revision not in checked:
            content = folder_content(repo.snapshot(revision))
            checked[revision] = commit_of(hash_content(content)) == revision
        if not checked[revision]:
            yield (
                f"{repo.repo_id} {tag}: the files in {repo.snapshot(revision)} are not those that "
                "were published; publish or import the same version again"
            )
    main = read_references(repo).get(MAIN)
    if main and main not in checked and not repo.snapshot(main).is_dir():
        yield f"{repo.repo_id} main: {repo.snapshot(main)} is gone; promote another version"
