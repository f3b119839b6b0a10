"""The lines that `nic-publish` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.retrieval_metrics.definitions import PRIMARY
from model_card.hubs import Hub, Published
from model_card.package.compatibility import oldest_version
from model_card.package.integrity import Verification
from model_card.versions import Version
from nic.models import WEIGHTS

MEGABYTE = 1_000_000
GATES = {True: "passed", False: "failed", None: "-"}


def packaged_lines(folder: Path) -> list[str]:
    """Returns what a packaged folder holds, and how to load it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    weights = (folder / WEIGHTS).stat().st_size
    return [
        f"Packaged {folder}: {len(files)} files, {size / MEGABYTE:.1f} MB "
        f"(weights {weights / MEGABYTE:.1f} MB)",
        f"Loads in sentence-transformers {oldest_version(folder)} and later: "
        f'SentenceTransformer("{folder.as_posix()}")',
    ]


def published_lines(published: Published, hub: Hub) -> list[str]:
    """Returns what was published where, and how to load it."""
    name = f"{published.repo_id} {published.tag}"
    where = f"in {published.location}, revision {published.revision}"
    done = (
        f"{name} is there already with this very content, {where}; nothing was changed"
        if published.already_there
        else f"Published {name} {where}"
    )
    return [done, *hub.how_to_load(published.repo_id, published.tag)]


def verified_lines(target: str, found: Verification) -> list[str]:
    """Returns the result of a verification."""
    signed = "not signed"
    if found.signed_by:
        checked = "verified" if found.signature_checked else "not verified: give --public-key"
        signed = f"signed by {found.signed_by[:16]} ({checked})"
    gates = {True: "gates passed", False: "gates FAILED", None: "no gates were measured"}
    length = f"every file says {found.length} tokens; " if found.length else ""
    lines = [
        f"{target}: {found.files} files as published; {found.samples} samples encode as stored "
        f"(lowest cosine {found.cosine:.6f}); {length}{signed}; {gates[found.gates_passed]}"
    ]
    if found.other_lengths:
        lines.append(
            f"Packaged by an earlier version: {found.other_lengths[0]}, which is not what the "
            "model reads, so that some clients cut texts elsewhere; package it again"
        )
    if found.allowed_because:
        lines.append(f"Published all the same because: {found.allowed_because}")
    return lines


def version_lines(versions: Sequence[Version]) -> list[str]:
    """Returns a table of the versions on a hub."""
    head = ("repository", "tag", "", "published", "size", "gates", PRIMARY.title, "revision")
    rows = [
        (
            version.repo_id,
            version.tag,
            "main" if version.is_main else "",
            f"{version.date:%Y-%m-%d %H:%M}" if version.date else "-",
            f"{version.size_bytes / MEGABYTE:.1f} MB",
            GATES[version.gates_passed],
            "-" if version.recall_at_5 is None else f"{version.recall_at_5:.4f}",
            version.revision,
        )
        for version in versions
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
