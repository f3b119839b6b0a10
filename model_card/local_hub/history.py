"""The history of main in a local hub, and its moves by publish, promote and rollback.

A move is written down before it is made. If a publisher was killed in between, main is not where
the last line says; the next publisher drops that line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from model_card.local_hub.layout import RepoFolder, read_references, read_tags, resolve
from model_card.local_hub.state import Move, history_text, parse_history
from model_card.local_hub.writing import publisher_lock, write_texts
from model_card.names import MAIN, check_tag
from nic.errors import UserError

PUBLISH = "publish"
PROMOTE = "promote"
ROLLBACK = "rollback"
# Main was moved by something other than this project.
FOUND = "found"


def promote(repo: RepoFolder, tag: str) -> None:
    """Lets main name a version that was published before.

    Raises:
        UserError: There is no such version; the message lists those that exist.
    """
    check_tag(tag)
    with publisher_lock(repo):
        revision = resolve(repo, tag)
        stack = rollback_stack(completed_moves(repo))
        present = (stack[-1].tag, stack[-1].revision) if stack else None
        if present != (tag, revision) or read_references(repo).get(MAIN) != revision:
            move_main(repo, PROMOTE, tag, revision)


def rollback(repo: RepoFolder) -> str:
    """Lets main name what it named before the last publish or promote.

    Returns:
        The tag that main names now.

    Raises:
        UserError: Main named nothing before, or that version no longer exists.
    """
    with publisher_lock(repo):
        stack = rollback_stack(completed_moves(repo))
        if len(stack) < 2:
            there = ", ".join(read_tags(repo)) or "none"
            raise UserError(
                f"{repo.repo_id}: main named nothing before in {repo.hub}; promote a version: "
                f"{there}"
            )
        before = stack[-2]
        resolve(repo, before.tag or before.revision)
        move_main(repo, ROLLBACK, before.tag, before.revision)
    return before.tag


def read_history(repo: RepoFolder) -> list[Move]:
    """Returns the moves of main in their order; damaged lines are left out."""
    if not repo.history.is_file():
        return []
    return parse_history(repo.history.read_text(encoding="utf-8", errors="replace"))


def completed_moves(repo: RepoFolder) -> list[Move]:
    """Returns the moves that were made, the last of which led to the present main.

    Call it while holding the lock.
    """
    moves, main = read_history(repo), read_references(repo).get(MAIN)
    if _revision_after(moves) == main:
        return moves
    if _revision_after(moves[:-1]) == main:
        return moves[:-1]
    if main is None:
        return moves
    tags = [tag for tag, revision in read_tags(repo).items() if revision == main]
    return [*moves, _move(FOUND, tags[0] if tags else "", main)]


def rollback_stack(moves: Sequence[Move]) -> list[Move]:
    """Returns the moves that can be rolled back, the present one last.

    A rollback removes the last one, so that a second rollback goes one version further back.
    """
    stack: list[Move] = []
    for move in moves:
        if move.action == ROLLBACK:
            stack = stack[:-1]
        else:
            stack.append(move)
    return stack


def move_main(repo: RepoFolder, action: str, tag: str, revision: str) -> None:
    """Lets main name another version and writes the move down; call it while holding the lock.

    A new version gets its tag together with it: everything is on the disk before main moves.
    """
    moves = [*completed_moves(repo), _move(action, tag, revision)]
    texts = {repo.history: history_text(moves), repo.reference(MAIN): revision}
    if action == PUBLISH:
        texts[repo.reference(tag)] = revision
    write_texts(repo, texts)


def _move(action: str, tag: str, revision: str) -> Move:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return Move(now, action, tag, revision)


def _revision_after(moves: Sequence[Move]) -> str | None:
    stack = rollback_stack(moves)
    return stack[-1].revision if stack else None
