"""Every move of main in a local hub, and the way back.

A move is written down before it is made. Where a publisher was killed in between, main is not where
the last line says: that line is dropped by the next one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from model_card.hubs import MAIN
from model_card.local_hub.layout import RepoFolder, read_references
from model_card.local_hub.writing import write_texts

PUBLISH = "publish"
PROMOTE = "promote"
ROLLBACK = "rollback"
# Main was moved by something else than this project.
FOUND = "found"


@dataclass(frozen=True)
class Move:
    """One move of main.

    Attributes:
        time: UTC, ISO 8601.
        action: publish, promote, rollback or found.
        tag: The version that main names since; empty where it has none.
        revision: Its commit.
    """

    time: str
    action: str
    tag: str
    revision: str


def read_history(repo: RepoFolder) -> list[Move]:
    """The moves of main in their order."""
    if not repo.history.is_file():
        return []
    lines = repo.history.read_text(encoding="utf-8").splitlines()
    return [Move(**json.loads(line)) for line in lines]


def completed_moves(repo: RepoFolder) -> list[Move]:
    """The moves that were made, ending where main is now; ask while holding the lock."""
    moves, main = read_history(repo), read_references(repo).get(MAIN)
    if _revision_after(moves) == main:
        return moves
    if _revision_after(moves[:-1]) == main:
        return moves[:-1]
    if main is None:
        return moves
    tags = [tag for tag, rev in read_references(repo).items() if rev == main and tag != MAIN]
    return [*moves, _move(FOUND, tags[0] if tags else "", main)]


def rollback_stack(moves: Sequence[Move]) -> list[Move]:
    """What main named and can be moved back to, the present one last.

    A rollback takes the last one away, so that a second rollback goes one further back.
    """
    stack: list[Move] = []
    for move in moves:
        if move.action == ROLLBACK:
            stack = stack[:-1]
        else:
            stack.append(move)
    return stack


def move_main(repo: RepoFolder, action: str, tag: str, revision: str) -> None:
    """Let main name another version and write it down; call while holding the lock.

    A version that is published gets its tag in the same go: all is on the disk before main moves.
    """
    moves = [*completed_moves(repo), _move(action, tag, revision)]
    lines = (json.dumps(asdict(move)) + "\n" for move in moves)
    texts = {repo.history: "".join(lines), repo.reference(MAIN): revision}
    if action == PUBLISH:
        texts[repo.reference(tag)] = revision
    write_texts(repo, texts)


def _move(action: str, tag: str, revision: str) -> Move:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return Move(now, action, tag, revision)


def _revision_after(moves: Sequence[Move]) -> str | None:
    stack = rollback_stack(moves)
    return stack[-1].revision if stack else None
