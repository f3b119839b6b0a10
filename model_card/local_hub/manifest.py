"""The manifest of an archive: which version it holds, and the hash of each file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from model_card.names import check_repo_id, check_tag
from nic.errors import UserError
from nic.files import parse_json

MANIFEST = "manifest.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Manifest:
    """What an archive declares that it holds.

    Attributes:
        format_version: Version of the archive's format.
        repo_id: Name of the repository, "organisation/name".
        tag: Name of the version.
        revision: Its commit, 40 hexadecimal digits.
        sha256: SHA-256 of each file, by name.
    """

    format_version: int
    repo_id: str
    tag: str
    revision: str
    sha256: dict[str, str]


def manifest_text(manifest: Manifest) -> str:
    """Returns a manifest as JSON."""
    return json.dumps(asdict(manifest), indent=1)


def parse_manifest(text: bytes) -> Manifest:
    """Returns the manifest that `manifest_text` wrote.

    Raises:
        ValueError: The text is not a manifest.
    """
    try:
        return Manifest(**parse_json(text))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{MANIFEST} is not what an export writes") from error


def check_manifest(manifest: Manifest) -> None:
    """Refuses a manifest that names no version.

    Raises:
        ValueError: A value has another type, or a name is not allowed.
    """
    texts: list[object] = [manifest.repo_id, manifest.tag, manifest.revision]
    if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.sha256, dict):
        raise ValueError(f"{MANIFEST} is not what an export writes")
    try:
        check_repo_id(manifest.repo_id)
        check_tag(manifest.tag)
    except UserError as error:
        raise ValueError(f"{MANIFEST} names no version ({error})") from error
