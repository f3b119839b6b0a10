"""The folder of a model: a path, or a repository in the Hub's cache."""

from __future__ import annotations

import os
import re
from pathlib import Path

from nic_encoder.errors import EncoderError

MODULES = "modules.json"
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")


def find_folder(name: str | Path, revision: str = "main", cache: str | Path | None = None) -> Path:
    """Find a model on this machine; nothing is downloaded.

    Args:
        name: A folder, or the name of a repository, "organisation/name". A folder of that name
            goes first, as in sentence-transformers.
        revision: Branch, tag or commit of a repository; a folder has none.
        cache: The folder of the cache; None takes HF_HUB_CACHE, HF_HOME/hub, or the usual place.

    Raises:
        EncoderError: It is not there, or is no model.
    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _snapshot(str(name), revision, Path(cache) if cache else default_cache())
    if not (folder / MODULES).is_file():
        raise EncoderError(f"{folder}: holds no {MODULES}, so it is no sentence-transformers model")
    return folder


def default_cache() -> Path:
    """Where the Hub's client keeps its cache, by the same environment variables."""
    if cache := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(cache).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "huggingface" / "hub"


def _snapshot(name: str, revision: str, cache: Path) -> Path:
    """The folder of a revision in the cache: snapshots/<commit>, named by refs/<revision>."""
    if not REPOSITORY.fullmatch(name):
        raise EncoderError(f'{name}: no such folder; a repository is named "organisation/name"')
    repository = cache / f"models--{name.replace('/', '--')}"
    if not repository.is_dir():
        raise EncoderError(
            f"{name}: neither a folder nor in the cache {cache}; point HF_HUB_CACHE to the cache "
            "that holds it, or give its folder"
        )
    commit = revision if COMMIT.fullmatch(revision) else _read_ref(repository, revision)
    if not (repository / "snapshots" / commit).is_dir():
        raise EncoderError(f"{name}: revision {revision} ({commit}) is not in the cache {cache}")
    return repository / "snapshots" / commit


def _read_ref(repository: Path, revision: str) -> str:
    refs = repository / "refs"
    known = sorted(p.relative_to(refs).as_posix() for p in refs.rglob("*") if p.is_file())
    if revision not in known:
        raise EncoderError(
            f'{repository.name}: no revision "{revision}" in the cache {repository.parent}; '
            f"there is {', '.join(known) or 'none'}"
        )
    return (refs / revision).read_text(encoding="utf-8").strip()
