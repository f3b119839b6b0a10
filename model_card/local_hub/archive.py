"""A version in one file, to carry it to a hub that no network reaches.

The archive is a zip of stored, not compressed, files: `manifest.json` with the name, the tag, the
revision and the SHA-256 of every file, and the files below `files/`. To make sure that nobody
changed both, compare the revision with that of the hub it was exported from: it depends on the
content alone.
"""

from __future__ import annotations

import errno
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from model_card.hubs import IntegrityError, Published
from model_card.local_hub.content import (
    Content,
    FileContent,
    FileHashes,
    Hashes,
    commit_of,
    copy_blocks,
    find_bad_name,
    folder_content,
    hash_content,
)
from model_card.local_hub.disk import check_space, disk_usage_of, explained_errors
from model_card.local_hub.layout import RepoFolder, resolve
from model_card.local_hub.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    Manifest,
    check_manifest,
    manifest_text,
    parse_manifest,
)
from model_card.local_hub.publishing import copy_files, publish_content
from model_card.names import check_tag
from nic.errors import UserError
from nic.files import atomic_write

FILES = "files/"
MANIFEST_LIMIT = 16 << 20
# The earliest time that a zip can hold: the same version always makes the same archive.
TIME = (1980, 1, 1, 0, 0, 0)
ENCRYPTED = 0x1
UNIX = 3


def export_version(repo: RepoFolder, tag: str, archive: Path) -> None:
    """Writes a version into one file, which another local hub imports.

    Args:
        repo: The repository.
        tag: Name of the version.
        archive: The zip file; replaced if it exists.

    Raises:
        UserError: There is no such version or folder.
        IntegrityError: The files in the hub are not those that were published.
        DiskFullError: There is no room for the archive; none is left.
    """
    check_tag(tag)
    revision = resolve(repo, tag)
    content = folder_content(repo.snapshot(revision))
    hashes = hash_content(content)
    _refuse_damaged(repo, tag, revision, hashes)
    if not archive.absolute().parent.is_dir():
        raise UserError(f"--archive {archive}: there is no folder {archive.parent}")
    needed = disk_usage_of(file.size for file in hashes.values())
    with explained_errors(archive.parent, needed):
        check_space(archive.parent, needed)
        with atomic_write(archive) as staged:
            sha256 = {name: file.sha256 for name, file in hashes.items()}
            manifest = Manifest(FORMAT_VERSION, repo.repo_id, tag, revision, sha256)
            _write_archive(staged, manifest, content)


def import_archive(
    archive: Path, hub: Path, copy: bool, check: Callable[[Path], object]
) -> Published:
    """Publishes the version in an archive under the name and tag that it was exported from.

    Every file is checked against its hash, and all of them against the revision. Only files that
    the manifest names are unpacked, nothing is written outside the hub, and never more bytes than
    the archive itself has.

    Args:
        archive: The zip file that `export_version` wrote.
        hub: Folder of the hub; created if it is missing.
        copy: Write plain files instead of symbolic links.
        check: Called with a folder of the unpacked files before anything of them can be seen in
            the hub; it raises an error where they must not be published.

    Raises:
        IntegrityError: The archive is not as it was exported.
        UserError: There is no such archive, or the tag names other content in this hub.
        DiskFullError: The disk is full; the hub is unchanged.
    """
    if not archive.is_file():
        raise UserError(f"{archive}: no such file; give the archive that an export wrote")
    with explained_errors(hub), _opened(archive) as packed:
        with _damage_explained(archive):
            entries = _checked_entries(archive, packed)
            manifest = _read_manifest(archive, packed, entries.pop(MANIFEST))
            content = {
                name.removeprefix(FILES): FileContent(entry.file_size, partial(packed.open, entry))
                for name, entry in entries.items()
            }
            hashes = hash_content(content)
        _refuse_changed(archive, manifest, hashes)
        with tempfile.TemporaryDirectory(prefix="nic-publish-") as work:
            unpacked = Path(work) / "model"
            copy_files(content, hashes, unpacked)
            try:
                check(unpacked)
            except UserError as error:
                said = str(error).replace(f"{unpacked}", f"{archive}")
                raise type(error)(f"{said}; nothing was imported") from error
        return publish_content(content, hashes, hub, manifest.repo_id, manifest.tag, copy)


def _refuse_damaged(repo: RepoFolder, tag: str, revision: str, hashes: Hashes) -> None:
    if commit_of(hashes) != revision:
        raise IntegrityError(
            f"{repo.repo_id} {tag}: the files in {repo.snapshot(revision)} are not those that were "
            "published; publish or import the same version again"
        )


def _write_archive(path: Path, manifest: Manifest, content: Content) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(_entry(MANIFEST), manifest_text(manifest))
        for name, source in content.items():
            entry = _entry(FILES + name)
            entry.file_size = source.size
            with packed.open(entry, "w") as target:
                copy_blocks(source, target)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, TIME)
    # Windows writes itself here, and the archive would not be the same.
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
        # A damaged table makes the reader seek to before the beginning of the file.
        if error.errno != errno.EINVAL:
            raise
        raise _damaged(archive, "its table of contents is damaged") from error


def _damaged(archive: Path, what: str) -> IntegrityError:
    return IntegrityError(f"{archive}: {what}; nothing was imported, export and copy it again")


def _checked_entries(archive: Path, packed: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    entries = packed.infolist()
    for entry in entries:
        # A stored entry cannot be larger than the archive; a compressed one can be a bomb.
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
    manifest = parse_manifest(packed.read(entry))
    if manifest.format_version != FORMAT_VERSION:
        raise UserError(f"{archive}: written by a newer version of this program; update it")
    check_manifest(manifest)
    return manifest


def _refuse_changed(archive: Path, manifest: Manifest, hashes: dict[str, FileHashes]) -> None:
    for name in sorted({*manifest.sha256, *hashes}):
        if name not in hashes:
            raise _damaged(archive, f"{name} is missing")
        if name not in manifest.sha256:
            raise _damaged(archive, f"{name} was added")
        if hashes[name].sha256 != manifest.sha256[name]:
            raise _damaged(archive, f"{name} was changed")
    if commit_of(hashes) != manifest.revision:
        raise _damaged(archive, f"{MANIFEST} was changed: its revision is not that of the files")
