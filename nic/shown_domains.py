"""Which of many domains a table, a log or a card has room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGEST_SHOWN, WORST_SHOWN = 20, 10


def shown_domains(sizes: Mapping[str, float], scores: Mapping[str, Any]) -> list[str]:
    """Returns the domains that are shown, in their order: all of thirty or fewer.

    Of more they are the twenty largest and, of the others, the ten with the lowest score.

    Args:
        sizes: Size of each domain.
        scores: What each of them has reached: numbers, or tuples of them.
    """
    if len(sizes) <= LARGEST_SHOWN + WORST_SHOWN:
        return list(sizes)
    by_size = sorted(sizes, key=lambda name: -sizes[name])
    largest, others = by_size[:LARGEST_SHOWN], by_size[LARGEST_SHOWN:]
    shown = {*largest, *sorted(others, key=lambda name: scores[name])[:WORST_SHOWN]}
    return [name for name in sizes if name in shown]


def left_out(domains: int, shown: int, where: str) -> list[str]:
    """Returns the line that says how many domains are not shown; none where all are.

    Args:
        domains: Number of domains.
        shown: Number of those that are shown.
        where: The file or flag that has them all, as in "which --json lists".
    """
    return [f"and {domains - shown:,} domains more, {where}"] * (domains > shown)
