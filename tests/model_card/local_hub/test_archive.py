"""Versions in a file: the way there and back, and everything that may be wrong with one."""

from __future__ import annotations

import json
import random
import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hub_workers import REPO, make_version, read_folder, read_revision, scan_warnings
from safetensors.torch import load_file, save_file

from model_card.hubs import IntegrityError
from model_card.local_hub.content import commit_of
from model_card.local_hub.disk import DiskFullError
from model_card.local_hub.hub import LocalHub
from model_card.local_hub.manifest import FORMAT_VERSION, Manifest, manifest_text
from model_card.package.build import build_package
from model_card.package.integrity import hash_facts, hash_package
from nic.errors import UserError

Entries = dict[zipfile.ZipInfo, bytes]


class Exported(NamedTuple):
    """A hub with v1.0 and its archive."""

    hub: Path
    archive: Path


def accept(folder: Path) -> None:
    """Checks nothing: the versions here are files without a model."""


@pytest.fixture
def exported(tmp_path: Path) -> Exported:
    """A hub of two versions, the first of them exported."""
    hub, archive = tmp_path / "hub", tmp_path / "v1.0.zip"
    for number in range(2):
        LocalHub(hub).publish(make_version(tmp_path / f"v1.{number}", number), REPO, f"v1.{number}")
    LocalHub(hub).export_version(REPO, "v1.0", archive)
    return Exported(hub, archive)


def rewrite(archive: Path, change: Callable[[Entries], Entries]) -> None:
    """Write an archive anew with other entries; its checksums are right then."""
    with zipfile.ZipFile(archive) as packed:
        entries = {entry: packed.read(entry) for entry in packed.infolist()}
    with zipfile.ZipFile(archive, "w") as packed:
        for entry, content in change(entries).items():
            packed.writestr(entry, content)


def plain(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """An entry of an archive."""
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, mode << 16
    return entry


def replaced(name: str, content: bytes) -> Callable[[Entries], Entries]:
    """Another content for one entry."""
    return lambda entries: {e: content if e.filename == name else c for e, c in entries.items()}


def with_manifest(**changes: object) -> Callable[[Entries], Entries]:
    """Other values in the manifest."""

    def change(entries: Entries) -> Entries:
        text = next(c for e, c in entries.items() if e.filename == "manifest.json")
        return replaced("manifest.json", json.dumps({**json.loads(text), **changes}).encode())(
            entries
        )

    return change


@pytest.mark.parametrize("copy", [False, True])
def test_a_version_arrives_as_it_left(copy: bool, exported: Exported, tmp_path: Path) -> None:
    published = LocalHub(tmp_path / "other", copy).import_archive(exported.archive, accept)
    assert published.revision == LocalHub(exported.hub).fetch(REPO, "v1.0").name
    assert (published.repo_id, published.tag, published.already_there) == (REPO, "v1.0", False)
    assert read_revision(tmp_path / "other", "main") == read_folder(tmp_path / "v1.0")
    assert scan_warnings(tmp_path / "other") == []
    assert LocalHub(tmp_path / "other", copy).import_archive(exported.archive, accept).already_there


def test_the_archive_holds_files_that_any_unpacker_takes(
    exported: Exported, tmp_path: Path
) -> None:
    with zipfile.ZipFile(exported.archive) as packed:
        packed.extractall(tmp_path / "unpacked")
    assert read_folder(tmp_path / "unpacked" / "files") == read_folder(tmp_path / "v1.0")


def test_the_same_version_gives_the_same_archive(exported: Exported, tmp_path: Path) -> None:
    LocalHub(tmp_path / "other", copy=True).import_archive(exported.archive, accept)
    LocalHub(tmp_path / "other").export_version(REPO, "v1.0", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == exported.archive.read_bytes()


def test_a_tag_with_other_content_is_not_overwritten_by_an_import(
    exported: Exported, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    LocalHub(other).publish(tmp_path / "v1.1", REPO, "v1.0")
    with pytest.raises(UserError, match=r"v1\.0 is published in .* with other content \(3 files"):
        LocalHub(other).import_archive(exported.archive, accept)
    assert read_revision(other, "main") == read_folder(tmp_path / "v1.1")


def test_a_damaged_version_is_not_exported(exported: Exported, tmp_path: Path) -> None:
    weights = LocalHub(exported.hub).fetch(REPO, "v1.1") / "model.safetensors"
    weights.resolve().write_bytes(b"torn")
    with pytest.raises(IntegrityError, match=r"v1\.1: the files in .* are not those that were"):
        LocalHub(exported.hub).export_version(REPO, "v1.1", tmp_path / "v1.1.zip")
    assert not (tmp_path / "v1.1.zip").exists()


def test_an_unknown_version_is_not_exported(exported: Exported, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"v9: no such version in .*; there: main, v1\.0, v1\.1"):
        LocalHub(exported.hub).export_version(REPO, "v9", tmp_path / "v9.zip")
    with pytest.raises(UserError, match="--archive .*: there is no folder"):
        LocalHub(exported.hub).export_version(REPO, "v1.0", tmp_path / "nowhere" / "v1.0.zip")


def test_a_full_disk_leaves_no_archive(
    exported: Exported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model_card.local_hub.archive.copy_blocks", full)
    with pytest.raises(DiskFullError, match="needed, .* free"):
        LocalHub(exported.hub).export_version(REPO, "v1.1", tmp_path / "v1.1.zip")
    assert list(tmp_path.glob("v1.1*zip")) == []


def entry_added(entry: zipfile.ZipInfo, content: bytes = b"x") -> Callable[[Entries], Entries]:
    """One more entry."""
    return lambda entries: {**entries, entry: content}


def without(name: str) -> Callable[[Entries], Entries]:
    """One entry less."""
    return lambda entries: {e: c for e, c in entries.items() if e.filename != name}


def bomb(entries: Entries) -> Entries:
    """An archive whose weights are ten megabytes of zeros in ten kilobytes."""
    entry = plain("files/model.safetensors")
    entry.compress_type = zipfile.ZIP_DEFLATED
    return {**without(entry.filename)(entries), entry: bytes(10_000_000)}


LINK = stat.S_IFLNK | 0o777


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (replaced("files/config.json", b"[]"), "config.json was changed"),
        (without("files/config.json"), "config.json is missing"),
        (entry_added(plain("files/added.json")), "added.json was added"),
        (entry_added(plain("beside.txt")), "beside.txt was added"),
        (without("manifest.json"), "holds no manifest.json, so no export wrote it"),
        (entry_added(plain("files/../../../evil")), "is not the name of a file inside the folder"),
        (entry_added(plain("/etc/evil")), "is not the name of a file inside the folder"),
        (entry_added(plain("files/C:evil")), "holds a character that Windows does not allow"),
        (entry_added(plain("files/Config.JSON")), "differs from another name only by case"),
        (entry_added(plain("files/link", LINK), b"/etc/passwd"), "is not a plain file"),
        (bomb, "'files/model.safetensors' is compressed or encrypted"),
        (with_manifest(revision="0" * 40), "its revision is not that of the files"),
        (with_manifest(repo_id="../../evil"), "names no version"),
        (with_manifest(tag="main"), "names no version"),
        (with_manifest(tag=1), "is not what an export writes"),
        (with_manifest(more=1), "is not what an export writes"),
        (replaced("manifest.json", b"[]"), "is not what an export writes"),
        (replaced("manifest.json", b"{"), "is not what an export writes"),
    ],
)
def test_an_archive_that_was_tampered_with_changes_nothing(
    change: Callable[[Entries], Entries], problem: str, exported: Exported, tmp_path: Path
) -> None:
    rewrite(exported.archive, change)
    with pytest.raises(IntegrityError, match=f"{problem}.*; nothing was imported") as caught:
        LocalHub(tmp_path / "other").import_archive(exported.archive, accept)
    assert caught.value.exit_code == 4
    assert not (tmp_path / "other").exists()


def test_entries_that_share_their_bytes_are_no_way_around_the_limit(
    exported: Exported, tmp_path: Path
) -> None:
    whole = exported.archive.read_bytes()
    with zipfile.ZipFile(exported.archive, "a") as packed:
        weights = packed.getinfo("files/model.safetensors")
        for number in range(3):
            twin = plain(f"files/twin-{number}")
            for name in ("header_offset", "CRC", "compress_size", "file_size"):
                setattr(twin, name, getattr(weights, name))
            packed.filelist.append(twin)
        packed._didModify = True  # type: ignore[attr-defined]
    assert len(exported.archive.read_bytes()) < len(whole) + 1000
    with pytest.raises(IntegrityError, match="would unpack to more than it holds"):
        LocalHub(tmp_path / "other").import_archive(exported.archive, accept)


def test_a_newer_format_asks_for_an_update(exported: Exported, tmp_path: Path) -> None:
    rewrite(exported.archive, with_manifest(format_version=2))
    with pytest.raises(UserError, match="written by a newer version of this program; update it"):
        LocalHub(tmp_path / "other").import_archive(exported.archive, accept)


def test_what_is_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="v1.zip: no such file"):
        LocalHub(tmp_path / "hub").import_archive(tmp_path / "v1.zip", accept)
    (tmp_path / "v1.zip").write_bytes(b"no zip")
    with pytest.raises(IntegrityError, match="v1.zip: File is not a zip file; nothing was"):
        LocalHub(tmp_path / "hub").import_archive(tmp_path / "v1.zip", accept)


def test_a_byte_changed_anywhere_is_noticed_or_changes_nothing(
    exported: Exported, tmp_path: Path
) -> None:
    whole, draw, refused = exported.archive.read_bytes(), random.Random(0), 0
    expected = read_folder(tmp_path / "v1.0")
    # Most are drawn from the manifest and the small files, and from the table at the end.
    telling = [*range(1200), *range(len(whole) - 800, len(whole))]
    places = draw.sample(range(len(whole)), 20) + draw.sample(telling, 80)
    for number, place in enumerate(places):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        exported.archive.write_bytes(bytes(damaged))
        hub = tmp_path / f"hub-{number}"
        try:
            LocalHub(hub).import_archive(exported.archive, accept)
            assert read_revision(hub, "main") == expected
        except IntegrityError:
            refused += 1
            assert not hub.exists()
    assert refused > 50


def test_an_archive_cut_short_is_refused(exported: Exported, tmp_path: Path) -> None:
    whole = exported.archive.read_bytes()
    exported.archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IntegrityError, match="nothing was imported, export and copy it again"):
        LocalHub(tmp_path / "other").import_archive(exported.archive, accept)


def test_gates_and_recall_travel_with_the_version(exported: Exported, tmp_path: Path) -> None:
    LocalHub(tmp_path / "other").import_archive(exported.archive, accept)
    (version,) = LocalHub(tmp_path / "other").versions()
    original = LocalHub(exported.hub).versions()[0]
    assert (version.tag, version.size_bytes) == (original.tag, original.size_bytes)


def unlisted(folder: Path, name: str, content: bytes) -> None:
    """Adds a file and lists it in the metadata, as somebody would who means harm."""
    (folder / name).write_bytes(content)
    path = folder / "metadata.json"
    metadata = json.loads(path.read_text(encoding="utf-8"))
    metadata["files"] = hash_package(folder)
    metadata["metadata_sha256"] = hash_facts(metadata)
    path.write_text(json.dumps(metadata), encoding="utf-8")


def one_text(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "notes.txt").write_text("hello", encoding="utf-8")


def other_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({name: values + 0.5 for name, values in weights.items()}, path)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "one text": (one_text, "metadata.json is missing"),
    "an added pickle": (lambda f: (f / "x.bin").write_bytes(b"\x80\x04"), "x.bin was added"),
    "a listed pickle": (
        lambda f: unlisted(f, "x.bin", b"\x80\x04"),
        "v1.0.zip/x.bin: a pickle.*nothing was imported",
    ),
    "a listed script": (lambda f: unlisted(f, "x.py", b"print()"), "x.py: is never published"),
    "other weights": (other_weights, "model.safetensors was changed"),
}


@pytest.mark.parametrize(("damage", "says"), DAMAGE.values(), ids=list(DAMAGE))
def test_what_is_no_packaged_model_never_becomes_visible(
    damage: Callable[[Path], object], says: str, trained_folder: Path, tmp_path: Path
) -> None:
    packaged = build_package(trained_folder, tmp_path / "packaged")
    damage(packaged)
    # Its manifest is made anew, so that the archive itself is whole.
    LocalHub(tmp_path / "hub").publish(packaged, REPO, "v1.0")
    LocalHub(tmp_path / "hub").export_version(REPO, "v1.0", tmp_path / "v1.0.zip")
    with pytest.raises((IntegrityError, UserError), match=says):
        LocalHub(tmp_path / "other").import_archive(tmp_path / "v1.0.zip")
    assert not (tmp_path / "other").exists()


def test_an_archive_without_files_never_becomes_visible(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    revision = commit_of({})
    manifest = Manifest(FORMAT_VERSION, REPO, "v1.0", revision, {})
    with zipfile.ZipFile(tmp_path / "v1.0.zip", "w") as packed:
        packed.writestr(plain("manifest.json"), manifest_text(manifest))
    with pytest.raises((IntegrityError, UserError)):
        LocalHub(tmp_path / "other").import_archive(tmp_path / "v1.0.zip")
    assert not (tmp_path / "other").exists()


def test_a_packaged_model_is_imported_after_it_was_verified(
    trained_folder: Path, tmp_path: Path
) -> None:
    packaged = build_package(trained_folder, tmp_path / "packaged")
    LocalHub(tmp_path / "hub").publish(packaged, REPO, "v1.0")
    LocalHub(tmp_path / "hub").export_version(REPO, "v1.0", tmp_path / "v1.0.zip")
    LocalHub(tmp_path / "other").import_archive(tmp_path / "v1.0.zip")
    assert read_revision(tmp_path / "other", "main") == read_folder(packaged)
