"""The JSON that a local hub keeps about itself: history, plan and lists of files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from model_card.local_hub.content import FileHashes, Hashes, is_large
from model_card.names import COMMIT, check_tag
from nic.errors import UserError
from nic.files import parse_json


@dataclass(frozen=True)
class Move:
    """A move of main to a version.

    Attributes:
        time: UTC, ISO 8601.
        action: publish, promote, rollback or found.
        tag: The version that main names since; empty if it has no tag.
        revision: Its commit.
    """

    time: str
    action: str
    tag: str
    revision: str


@dataclass(frozen=True)
class Plan:
    """What a publisher is about to move into a repository.

    Attributes:
        tag: The version, whose reference is written last.
        revision: Its commit.
        creates: Paths below the hub's folder that did not exist before.
    """

    tag: str
    revision: str
    creates: list[str]


def history_text(moves: Iterable[Move]) -> str:
    """Returns moves as JSON, one line per move."""
    return "".join(json.dumps(asdict(move)) + "\n" for move in moves)


def parse_history(text: str) -> list[Move]:
    """Returns the moves that `history_text` wrote; lines that are damaged are left out."""
    return [move for line in text.splitlines() if (move := parse_move(line))]


def parse_move(line: str) -> Move | None:
    """Returns the move on a line of the history; None if the line is damaged."""
    try:
        move = Move(**parse_json(line))
        datetime.fromisoformat(move.time)
    except (ValueError, TypeError):
        return None
    named = isinstance(move.tag, str) and isinstance(move.action, str)
    return move if named and _is_commit(move.revision) else None


def plan_text(plan: Plan) -> str:
    """Returns a plan as JSON."""
    return json.dumps(asdict(plan))


def parse_plan(text: str) -> Plan:
    """Returns the plan that `plan_text` wrote.

    Raises:
        ValueError: It is damaged.
    """
    try:
        plan = Plan(**parse_json(text))
        check_tag(plan.tag)
    except (ValueError, TypeError, UserError) as error:
        raise ValueError("no plan of a publisher") from error
    creates = plan.creates if isinstance(plan.creates, list) else [None]
    if not _is_commit(plan.revision) or not all(isinstance(name, str) for name in creates):
        raise ValueError("no plan of a publisher")
    return plan


def tree_json(hashes: Hashes) -> str:
    """Returns the list of a version's files as huggingface_hub keeps it in its cache."""
    files = {name: _tree_entry(name, hashes[name]) for name in sorted(hashes)}
    return json.dumps({"format_version": 1, "files": files}, indent=1)


def _is_commit(value: object) -> bool:
    return isinstance(value, str) and COMMIT.fullmatch(value) is not None


def _tree_entry(name: str, hashes: FileHashes) -> dict[str, str | int]:
    entry: dict[str, str | int] = {"size": hashes.size, "blob_id": hashes.git_sha1}
    large: dict[str, str | int] = {"lfs_sha256": hashes.sha256, "lfs_size": hashes.size}
    return entry | large if is_large(name) else entry
