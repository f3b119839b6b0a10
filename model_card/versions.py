"""The tagged versions of a hub, and what their metadata tells about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from evaluation.retrieval_metrics.definitions import PRIMARY
from nic.files import read_json_object


@dataclass(frozen=True)
class Version:
    """A tagged version on a hub.

    Attributes:
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version.
        revision: Its commit, 40 hexadecimal digits.
        date: When it was published, in UTC; None where the hub does not tell.
        size_bytes: Total size of its files.
        is_main: Whether it is loaded when no revision is named.
        gates_passed: Whether it passed the gates of its evaluation; None if none is recorded.
        recall_at_5: Recall@5 of the tuned model over all queries, in [0, 1]; None if not recorded.
    """

    repo_id: str
    tag: str
    revision: str
    date: datetime | None
    size_bytes: int
    is_main: bool
    gates_passed: bool | None
    recall_at_5: float | None


def publishing_order(version: Version) -> tuple[str, float, str]:
    """Returns what sorts versions by repository, date and tag; undated ones come first."""
    seconds = version.date.timestamp() if version.date else float("-inf")
    return version.repo_id, seconds, version.tag


@dataclass(frozen=True)
class Outcome:
    """The outcome of a version's evaluation; None for what is not recorded.

    Attributes:
        gates_passed: Whether its gates passed.
        recall_at_5: Recall@5 of the tuned model over all queries, in [0, 1].
    """

    gates_passed: bool | None
    recall_at_5: float | None


def read_outcome(metadata: Path) -> Outcome:
    """Returns the outcome that a `metadata.json` records.

    Args:
        metadata: The file; one that is missing or no JSON records nothing.
    """
    content = read_json_object(metadata)
    passed = _look_up(content, "gates", "passed")
    recall = _look_up(content, "metrics", "tuned", "overall", PRIMARY.key)
    return Outcome(
        gates_passed=passed if isinstance(passed, bool) else None,
        recall_at_5=float(recall) if _is_share(recall) else None,
    )


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _look_up(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content
