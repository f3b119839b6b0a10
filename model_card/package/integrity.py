"""Integrity of a published model: SHA-256 of its files, and its sample sentences."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_card.hubs import IntegrityError
from model_card.package.allow_list import publishable_files
from model_card.package.samples import Sample, lowest_cosine
from model_card.package.signing import SIGNATURE, check_signature
from nic.files import load_json, sha256_of
from nic.model_files import METADATA, is_never_published
from nic.model_length import named_lengths, read_length

# Key of the hash that finds accidents to metadata.json itself; a signature finds intent too.
OWN_HASH = "metadata_sha256"
# Key of the number of tokens that the model reads; earlier packages lack it.
LENGTH = "reads_tokens"
# What hubs add to the files of a model; no library loads a model from it.
OF_THE_HUB = (".gitattributes",)
BESIDE_A_DOWNLOAD = re.compile(
    r"\.cache/huggingface/(?:.*/)?"
    r"(?:\.gitignore|CACHEDIR\.TAG|[^/]*\.(?:metadata|lock|incomplete))$"
)
LEAST_COSINE = 0.9999


@dataclass(frozen=True)
class Verification:
    """The result of verifying a packaged model.

    Attributes:
        files: Number of files with the recorded SHA-256.
        samples: Number of sample sentences that were encoded.
        cosine: Lowest cosine between the stored embedding of a sample and the one encoded now.
        signed_by: Fingerprint of the key that signed; None for an unsigned model.
        signature_checked: Whether the signature was verified with a public key.
        gates_passed: Whether the gates passed; None if they were not measured.
        allowed_because: The reason to package it although they did not pass.
        length: Tokens that the model reads, as every file says; None where it has no limit, and
            for a package of an earlier version.
        other_lengths: Files of a package of an earlier version that name another length.
    """

    files: int
    samples: int
    cosine: float
    signed_by: str | None
    signature_checked: bool
    gates_passed: bool | None
    allowed_because: str | None
    length: int | None = None
    other_lengths: list[str] = field(default_factory=list)


def published_files(folder: Path) -> list[Path]:
    """Returns the files of an output folder that belong to the model, in alphabetical order."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if not is_never_published(path.relative_to(folder))]


def hash_files(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file of `published_files`, by name with forward slashes."""
    return {
        path.relative_to(folder).as_posix(): sha256_of(path) for path in published_files(folder)
    }


def packaged_files(folder: Path) -> list[str]:
    """Returns the names of a packaged model's files, sorted.

    `metadata.json` and its signature are left out.
    """
    # A link to a folder is a name of its own: libraries follow it, and a walk does not.
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    names = [path.relative_to(folder).as_posix() for path in paths]
    return sorted(
        name
        for name in names
        if name not in (METADATA, SIGNATURE, *OF_THE_HUB) and not BESIDE_A_DOWNLOAD.match(name)
    )


def hash_package(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file of `packaged_files`, by name."""
    return {name: sha256_of(folder / name) for name in packaged_files(folder)}


def is_packaged(folder: Path) -> bool:
    """Whether a folder is a packaged model, not the output folder of a training."""
    try:
        metadata = load_json(folder / METADATA)
    except (OSError, ValueError):
        return False
    return isinstance(metadata, dict) and OWN_HASH in metadata


def verify_folder(folder: Path, public_key: Path | None = None) -> Verification:
    """Verifies a packaged model: its signature, each file, and what it encodes.

    Args:
        folder: A packaged model from any source.
        public_key: PEM file of the Ed25519 key that must have signed it.

    Raises:
        IntegrityError: A file is missing, was added or changed, the signature is not that of the
            key, a file names another length than the model reads, or the sample sentences have
            other embeddings.
        UserError: The folder does not exist, or the file holds no public key.
    """
    metadata = read_package_metadata(folder)
    signed_by = check_signature(folder / METADATA, metadata.get("signed_by"), public_key)
    check_files(folder, metadata["files"])
    length = metadata.get(LENGTH)
    others = find_other_lengths(folder, length or read_length(folder))
    if length and others:
        raise IntegrityError(
            f"{folder}: {others[0]}, and the model was packaged to read {length} tokens; some "
            "clients would cut texts elsewhere; package it again"
        )
    samples = [Sample(**sample) for sample in metadata["samples"]]
    cosine = lowest_cosine(folder, samples)
    if not cosine > LEAST_COSINE:
        raise IntegrityError(
            f"{folder}: the model does not encode its sample sentences as it did when it was "
            f"packaged (cosine {cosine:.4f}, must be above {LEAST_COSINE}); do not use it"
        )
    gates = metadata.get("gates") or {}
    return Verification(
        files=len(metadata["files"]),
        samples=len(samples),
        cosine=cosine,
        signed_by=signed_by,
        signature_checked=public_key is not None,
        gates_passed=gates.get("passed"),
        allowed_because=gates.get("allowed_because"),
        length=length,
        other_lengths=others,
    )


def check_package(folder: Path) -> None:
    """Refuses a folder that is no packaged model, or holds what is never published.

    Raises:
        IntegrityError: It names the first file that is not as it was packaged or not allowed.
        UserError: A file is damaged, a pickle, or misses what it names.
    """
    verify_folder(folder)
    allowed = {*publishable_files(folder), METADATA, SIGNATURE}
    if others := sorted(set(packaged_files(folder)) - allowed):
        raise IntegrityError(
            f"{others[0]}: is never published, and the package lists it; do not use this copy"
        )


def find_other_lengths(folder: Path, length: int | None) -> list[str]:
    """Returns the files of a model that name another length than it reads, and what they name."""
    named = named_lengths(folder) if length else {}
    return [
        f"{place} is {'not there' if value is None else value}"
        for place, value in named.items()
        if value != length
    ]


def read_package_metadata(folder: Path) -> dict[str, Any]:
    """Returns the content of `metadata.json` of a packaged model.

    Raises:
        IntegrityError: It is missing, damaged, or not that of a packaged model.
    """
    path = folder / METADATA
    if not path.is_file():
        raise IntegrityError(f"{folder}: {METADATA} is missing, so nothing here can be verified")
    try:
        metadata = dict(load_json(path))
        whole = hash_facts(metadata) == metadata[OWN_HASH]
        listed = dict(metadata["files"]) and [Sample(**one) for one in metadata["samples"]]
        _check_types(metadata)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise IntegrityError(
            f"{path}: damaged, or of a model that was not packaged; verify what nic-publish "
            "package wrote"
        ) from error
    if not whole:
        raise IntegrityError(
            f"{path} was changed: its facts are not those that were packaged; do not use this "
            "copy, get it again"
        )
    if not listed:
        raise IntegrityError(f"{path}: lists no files or no samples; do not use this model")
    return metadata


def _check_types(metadata: dict[str, Any]) -> None:
    """Refuses values of other types than `nic-publish package` writes.

    Raises:
        TypeError: One is.
    """
    gates = metadata.get("gates") or {}
    samples = metadata["samples"]
    fits = (
        all(isinstance(word, str) for word in [*metadata["files"], *metadata["files"].values()])
        and all(isinstance(one["text"], str) for one in samples)
        and all(type(number) in (int, float) for one in samples for number in one["embedding"])
        and gates.get("passed") in (True, False, None)
        and isinstance(gates.get("allowed_because"), str | None)
        and type(metadata.get(LENGTH)) in (int, type(None))
    )
    if not fits:
        raise TypeError("values of other types")


def hash_facts(metadata: dict[str, Any]) -> str:
    """Returns the SHA-256 of the facts in `metadata.json`, without this hash, in any layout."""
    facts = {key: fact for key, fact in metadata.items() if key != OWN_HASH}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def check_files(folder: Path, files: dict[str, str]) -> None:
    """Compares a folder with the SHA-256 by name in its metadata.

    Raises:
        IntegrityError: The first file that is missing, was added, or has other bytes.
    """
    present = packaged_files(folder)
    if missing := sorted(set(files) - set(present)):
        raise _not_as_published(folder, "is missing", missing)
    if added := sorted(set(present) - set(files)):
        raise _not_as_published(folder, "was added: it is no part of the published model", added)
    if changed := [name for name in present if _digest(folder / name) != files[name]]:
        raise _not_as_published(folder, "was changed: its SHA-256 is another one", changed)


def _not_as_published(folder: Path, what: str, names: list[str]) -> IntegrityError:
    more = f" (and {len(names) - 1} more)" if names[1:] else ""
    return IntegrityError(f"{folder / names[0]} {what}{more}; do not use this copy, get it again")


def _digest(path: Path) -> str | None:
    """Returns the SHA-256 of a file; None if it cannot be read, such as a broken link."""
    try:
        return sha256_of(path)
    except OSError:
        return None
