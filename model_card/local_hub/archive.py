"""A version in one file, to carry it to a hub that no network reaches.

The archive is a zip of stored, not compressed, files: `manifest.json` with the name, the tag, the
revision and the SHA-256 of every file, and the files below `files/`. Whoever wants to be sure that
nobody changed both compares the revision with the one that `export_version` started from: it
follows from the content.
"""

from __future__ import annotations

import errno
import json
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from model_card.hubs import IntegrityError, Published, check_repo_id, check_tag
from model_card.local_hub.content import (
    Content,
    Facts,
    FileFacts,
    Source,
    commit_of,
    copy_blocks,
    find_bad_name,
    folder_content,
    read_facts,
)
from model_card.local_hub.layout import RepoFolder, find_repo, resolve
from model_card.local_hub.publishing import publish_content
from model_card.local_hub.writing import check_space, disk_usage_of, explained_errors
from nic.errors import UserError
from nic.files import atomic_write

MANIFEST = "manifest.json"
FILES = "files/"
FORMAT_VERSION = 1
MANIFEST_LIMIT = 16 << 20
# The earliest that a zip can hold: the same version always makes the same archive.
TIME = (1980, 1, 1, 0, 0, 0)
ENCRYPTED = 0x1
UNIX = 3


@dataclass(frozen=True)
class Manifest:
    """What an archive says that it holds.

    Attributes:
        repo_id: "organisation/name".
        tag: The version.
        revision: Its commit.
        sha256: By the file's name.
    """

    repo_id: str
    tag: str
    revision: str
    sha256: dict[str, str]


def export_version(hub: Path, repo_id: str, tag: str, archive: Path) -> None:
    """Write a version of a local hub into one file, which another hub imports.

    The same version gives the same bytes.

    Args:
        hub: The hub's folder.
        repo_id: "organisation/name".
        tag: The version.
        archive: The zip file; replaced where it is there.

    Raises:
        UserError: No such repository, version or folder.
        IntegrityError: The files in the hub are not those that were published.
        DiskFullError: No room for the archive; none is left.
    """
    check_tag(tag)
    repo = find_repo(hub, repo_id)
    revision = resolve(repo, tag)
    content = folder_content(repo.snapshot(revision))
    facts = read_facts(content)
    _refuse_damaged(repo, tag, revision, facts)
    if not archive.absolute().parent.is_dir():
        raise UserError(f"--archive {archive}: there is no folder {archive.parent}")
    needed = disk_usage_of(file.size for file in facts.values())
    with explained_errors(archive.parent, needed):
        check_space(archive.parent, needed)
        with atomic_write(archive) as staged:
            sha256 = {name: file.sha256 for name, file in facts.items()}
            _write_archive(staged, Manifest(repo_id, tag, revision, sha256), content)


def import_archive(archive: Path, hub: Path, copy: bool = False) -> Published:
    """Publish what an archive holds under the name and tag that it was exported from.

    Every file is checked against its hash, and all of them against the revision. Nothing is
    unpacked but what the manifest names, nothing outside of the hub, and never more bytes than the
    archive itself has.

    Args:
        archive: The zip file that `export_version` wrote.
        hub: The hub's folder; made where it is missing.
        copy: Keep plain files instead of links.

    Raises:
        IntegrityError: The archive is not as it was exported.
        UserError: No such archive, or the tag stands for other content in this hub.
        DiskFullError: No room; the hub is as it was.
    """
    if not archive.is_file():
        raise UserError(f"{archive}: no such file; give the archive that an export wrote")
    with explained_errors(hub), _opened(archive) as packed:
        with _damage_explained(archive):
            entries = _checked_entries(archive, packed)
            manifest = _read_manifest(archive, packed, entries.pop(MANIFEST))
            content = {
                name.removeprefix(FILES): Source(entry.file_size, partial(packed.open, entry))
                for name, entry in entries.items()
            }
            facts = read_facts(content)
        _refuse_changed(archive, manifest, facts)
        return publish_content(content, facts, hub, manifest.repo_id, manifest.tag, copy)


def _refuse_damaged(repo: RepoFolder, tag: str, revision: str, facts: Facts) -> None:
    if commit_of(facts) != revision:
        raise IntegrityError(
            f"{repo.repo_id} {tag}: the files in {repo.snapshot(revision)} are not those that were "
            "published; publish or import the same version again"
        )


def _write_archive(path: Path, manifest: Manifest, content: Content) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        text = json.dumps({"format_version": FORMAT_VERSION, **vars(manifest)}, indent=1)
        packed.writestr(_entry(MANIFEST), text)
        for name, source in content.items():
            entry = _entry(FILES + name)
            entry.file_size = source.size
            with packed.open(entry, "w") as target:
                copy_blocks(source, target)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIME)
    # Windows would note itself here, and the archive would not be the same.
    entry.create_system = UNIX
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


def _opened(archive: Path) -> zipfile.ZipFile:
    with _damage_explained(archive):
        return zipfile.ZipFile(archive)


@contextmanager
def _damage_explained(archive: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise _damaged(archive, str(error)) from error
    except OSError as error:
        # A damaged table sends the reader to a place before the beginning of the file.
        if error.errno != errno.EINVAL:
            raise
        raise _damaged(archive, "its table of contents is damaged") from error


def _damaged(archive: Path, what: str) -> IntegrityError:
    return IntegrityError(f"{archive}: {what}; nothing was imported, export and copy it again")


def _checked_entries(archive: Path, packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries = packed.infolist()
    for entry in entries:
        # What is stored can't be larger than the archive; what is compressed can be a bomb.
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & ENCRYPTED:
            raise _damaged(archive, f"{entry.filename!r} is compressed or encrypted")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise _damaged(archive, f"{entry.filename!r} is not a plain file")
    problem = find_bad_name(entry.filename for entry in entries)
    if problem:
        raise _damaged(archive, problem)
    if sum(entry.file_size for entry in entries) > archive.stat().st_size:
        raise _damaged(archive, "would unpack to more than it holds")
    names = {entry.filename: entry for entry in entries}
    if MANIFEST not in names:
        raise _damaged(archive, f"holds no {MANIFEST}, so no export wrote it")
    return names


def _read_manifest(archive: Path, packed: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Manifest:
    if entry.file_size > MANIFEST_LIMIT:
        raise _damaged(archive, f"{MANIFEST} is too large")
    try:
        content = json.loads(packed.read(entry))
        version = content.pop("format_version")
        manifest = Manifest(**content)
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise _damaged(archive, f"{MANIFEST} is not what an export writes") from error
    if version != FORMAT_VERSION:
        raise UserError(f"{archive}: written by a newer version of this program; update it")
    _check_manifest(archive, manifest)
    return manifest


def _check_manifest(archive: Path, manifest: Manifest) -> None:
    texts: list[Any] = [manifest.repo_id, manifest.tag, manifest.revision]
    if not all(isinstance(text, str) for text in texts) or not isinstance(manifest.sha256, dict):
        raise _damaged(archive, f"{MANIFEST} is not what an export writes")
    try:
        check_repo_id(manifest.repo_id)
        check_tag(manifest.tag)
    except UserError as error:
        raise _damaged(archive, f"{MANIFEST} names no version ({error})") from error


def _refuse_changed(archive: Path, manifest: Manifest, facts: dict[str, FileFacts]) -> None:
    for name in sorted({*manifest.sha256, *facts}):
        if name not in facts:
            raise _damaged(archive, f"{name} is missing")
        if name not in manifest.sha256:
            raise _damaged(archive, f"{name} was added")
        if facts[name].sha256 != manifest.sha256[name]:
            raise _damaged(archive, f"{name} was changed")
    if commit_of(facts) != manifest.revision:
        raise _damaged(archive, f"{MANIFEST} was changed: its revision is not that of the files")
