"""A local hub whose own state is damaged: every command works or says so, and loses nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from command_runs import exit_code
from conftest import write_metadata_of
from hub_workers import REPO, make_version, read_folder, read_revision

from model_card import publish
from model_card.hubs import IntegrityError
from model_card.local_hub.hub import LocalHub
from model_card.local_hub.layout import RepoFolder
from model_card.package.build import build_package

OTHER = "org/other"
TAGS = ("v1.0", "v1.1")
UNKNOWN = "ab" * 20


def write(path: Path, content: str | bytes) -> None:
    """Write a file, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def replace_by_file(path: Path) -> None:
    """Put a file where a folder is."""
    shutil.rmtree(path, ignore_errors=True)
    write(path, "a file")


def replace_by_folder(path: Path) -> None:
    """Put a folder where a file is."""
    path.unlink()
    path.mkdir()


def break_link(path: Path) -> None:
    """Put a link to nothing where a file is."""
    path.unlink()
    path.symlink_to("nothing")


def write_all(paths: Iterable[Path], content: str) -> None:
    """Write the same into several files."""
    for path in paths:
        write(path, content)


def write_plan(repo: RepoFolder, *creates: str, revision: str = UNKNOWN) -> None:
    """The plan of a publisher that was killed, which would have created these paths."""
    content = {"tag": "v2.0", "revision": revision, "creates": list(creates)}
    write(repo.plan, json.dumps(content))


def snapshot_of(repo: RepoFolder, tag: str) -> str:
    """The path of a version, below the hub."""
    revision = repo.reference(tag).read_text(encoding="utf-8")
    return repo.snapshot(revision).relative_to(repo.hub).as_posix()


def blob_of(repo: RepoFolder) -> str:
    """The path of a blob that both versions need, below the hub."""
    links = (repo.hub / snapshot_of(repo, "v1.0")).rglob("*.safetensors")
    return next(links).resolve().relative_to(repo.hub.resolve()).as_posix()


def append_to_history(repo: RepoFolder, line: bytes) -> None:
    """Add a line to the history."""
    repo.history.write_bytes(repo.history.read_bytes() + line)


MOVE = '{"time": "2026-01-01T00:00:00+00:00", "action": "publish", "tag": "v1.0", "revision": '
# What is damaged, and what makes it so. "state" is mended by a repair; "fine" needs none.
DAMAGES: dict[str, tuple[str, Callable[[RepoFolder], object]]] = {
    "empty main": ("state", lambda repo: write(repo.reference("main"), "")),
    "cut main": ("state", lambda repo: write(repo.reference("main"), "0123")),
    "main of no text": ("state", lambda repo: write(repo.reference("main"), b"\xff\xfe\0")),
    "empty tag": ("state", lambda repo: write(repo.reference("v1.0"), "")),
    "tag of no text": ("state", lambda repo: write(repo.reference("v1.1"), b"\x80" * 100)),
    "tag behind a broken link": ("state", lambda repo: break_link(repo.reference("v1.0"))),
    "all references": ("state", lambda repo: write_all(repo.refs.iterdir(), "?")),
    "references are a file": ("state", lambda repo: replace_by_file(repo.refs)),
    "history of no text": ("state", lambda repo: append_to_history(repo, b"\xff\xfe\0\n")),
    "history of no JSON": ("state", lambda repo: append_to_history(repo, b"{\n")),
    "history of other JSON": ("state", lambda repo: append_to_history(repo, b"[1]\n")),
    "history without a revision": (
        "state",
        lambda repo: append_to_history(repo, f"{MOVE}7}}\n".encode()),
    ),
    "history of a number with 5000 digits": (
        "state",
        lambda repo: append_to_history(repo, f"{MOVE}{'9' * 5000}}}\n".encode()),
    ),
    "history that is nested": ("state", lambda repo: append_to_history(repo, b"[" * 99999)),
    "history is a folder": ("state", lambda repo: replace_by_folder(repo.history)),
    "plan of no text": ("state", lambda repo: write(repo.plan, b"\xff\xfe\0")),
    "plan of no JSON": ("state", lambda repo: write(repo.plan, "{")),
    "plan of other JSON": ("state", lambda repo: write(repo.plan, "[]")),
    "plan is a folder": ("state", lambda repo: repo.plan.mkdir(parents=True)),
    "plan that leaves the hub": ("state", lambda repo: write_plan(repo, "../victim")),
    "plan with an absolute path": (
        "state",
        lambda repo: write_plan(repo, str(repo.hub.parent / "victim")),
    ),
    "plan that removes another repository": (
        "state",
        lambda repo: write_plan(repo, RepoFolder(repo.hub, OTHER).folder.name),
    ),
    "plan that removes the repository": (
        "state",
        lambda repo: write_plan(repo, repo.folder.name),
    ),
    "plan that removes a version": (
        "state",
        lambda repo: write_plan(repo, snapshot_of(repo, "v1.0")),
    ),
    "plan that removes a blob of a version": (
        "state",
        lambda repo: write_plan(repo, blob_of(repo)),
    ),
    "unfinished is a file": ("state", lambda repo: replace_by_file(repo.incomplete)),
    "plan of a killed publisher": (
        "fine",
        lambda repo: write_plan(repo, f"{repo.folder.name}/trees/{UNKNOWN}.json"),
    ),
    "stray file among the repositories": (
        "fine",
        lambda repo: write(repo.hub / "models--org--stray", "a file"),
    ),
    "stray file among the references": (
        "fine",
        lambda repo: write(repo.refs / ".DS_Store", b"\0\0\0\1Bud1\xff"),
    ),
    "folder of no repository": (
        "fine",
        lambda repo: write(repo.hub / "models--a--b--c\n" / "refs" / "v1.0", UNKNOWN),
    ),
    "files of a version are gone": (
        "files",
        lambda repo: shutil.rmtree(repo.hub / snapshot_of(repo, "v1.0")),
    ),
    "metadata of other types": (
        "files",
        lambda repo: write_all(
            [path.resolve() for path in repo.snapshots.rglob("metadata.json")],
            '{"gates": {"passed": "x"}, "metrics": {"tuned": 3}}',
        ),
    ),
}


@pytest.fixture(scope="module")
def hub_and_versions(
    tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Path], Path]:
    """A hub with two versions and another repository, three packages, and an archive."""
    folder = tmp_path_factory.mktemp("hub-state")
    packages = []
    for number in range(3):
        model = Path(shutil.copytree(tiny_model_folder, folder / f"model-{number}"))
        card = f"---\nlicense: apache-2.0\n---\n\n# nic-tiny\n\nVersion {number}.\n"
        (model / "README.md").write_text(card, encoding="utf-8")
        write_metadata_of(model)
        packages.append(build_package(model, folder / f"package-{number}"))
    hub = LocalHub(folder / "hub")
    for tag, package in zip(TAGS, packages, strict=False):
        hub.publish(package, REPO, tag)
    hub.publish(make_version(folder / "other", 1), OTHER, "v1.0")
    elsewhere = LocalHub(folder / "elsewhere")
    elsewhere.publish(packages[2], REPO, "v1.2")
    elsewhere.export_version(REPO, "v1.2", folder / "v1.2.zip")
    return hub.folder, packages, folder / "v1.2.zip"


def run(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of `nic-publish`."""
    return exit_code(publish.main, argv, monkeypatch)


def commands(hub: Path, package: Path, archive: Path) -> dict[str, list[str]]:
    """Every command of a local hub."""
    where, named = ["--local-hub", str(hub)], ["--repo-id", REPO]
    model = ["--model", str(package)]
    return {
        "list": ["list", *where],
        "verify": ["verify", REPO, *where],
        "verify a tag": ["verify", REPO, "--revision", "v1.0", *where],
        "push": ["push", *model, *named, "--revision-tag", "v1.2", *where],
        "push a tag again": ["push", *model, *named, "--revision-tag", "v1.0", *where],
        "promote": ["promote", "v1.0", *named, *where],
        "rollback": ["rollback", *named, *where],
        "export": ["export", "v1.0", *named, *where, "--archive", str(hub.parent / "out.zip")],
        "import": ["import", "--archive", str(archive), *where],
        "repair": ["repair", *where],
    }


def versions_of(hub: Path) -> dict[str, dict[str, bytes]]:
    """The files of every snapshot of the repository."""
    snapshots = RepoFolder(hub, REPO).snapshots
    return {path.name: read_folder(path) for path in snapshots.iterdir()}


@pytest.mark.skipif(os.name == "nt", reason="some of the names and links need another system")
@pytest.mark.parametrize("damage", DAMAGES)
def test_with_damaged_state_every_command_works_or_says_so_and_no_version_is_lost(
    damage: str,
    hub_and_versions: tuple[Path, list[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # What the model encodes is another matter, and takes most of the time.
    monkeypatch.setattr("model_card.package.integrity.lowest_cosine", lambda *_: 1.0)
    whole, packages, archive = hub_and_versions
    kind, make_damage = DAMAGES[damage]
    for name in commands(whole, packages[2], archive):
        hub = tmp_path / name.replace(" ", "-") / "hub"
        shutil.copytree(whole, hub, symlinks=True)
        write(hub.parent / "victim" / "mine.txt", "not of the hub")
        main = read_revision(hub, "main")
        make_damage(RepoFolder(hub, REPO))
        before = versions_of(hub)
        capsys.readouterr()

        code = run(commands(hub, packages[2], archive)[name], monkeypatch)
        said = capsys.readouterr().err
        assert code in (0, 2, 4), (name, said)
        assert (code == 0) == (said == ""), (name, code, said)
        assert said.count("\n") <= 1, (name, said)
        if code == 4 and kind == "state":
            assert f"nic-publish repair --local-hub {hub}" in said or name == "repair", said
        if kind == "fine":
            assert code == (2 if name == "push a tag again" else 0), (name, said)
        assert before.items() <= versions_of(hub).items(), name
        assert (hub.parent / "victim" / "mine.txt").read_text() == "not of the hub"

        assert run(["repair", "--local-hub", str(hub)], monkeypatch) == (
            4 if kind == "files" else 0
        )
        if kind == "state":
            assert run(["list", "--local-hub", str(hub)], monkeypatch) == 0
            shown = {version.tag for version in LocalHub(hub).versions(REPO)}
            assert set(TAGS) <= shown, (name, shown)
            if name in ("list", "verify", "export", "repair"):
                assert read_revision(hub, "main") == main


def test_a_repair_moves_what_is_damaged_aside_and_names_it(
    hub_and_versions: tuple[Path, list[Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub = Path(shutil.copytree(hub_and_versions[0], tmp_path / "hub", symlinks=True))
    repo = RepoFolder(hub, REPO)
    write(repo.reference("v1.0"), "garbage")
    write(repo.plan, "more garbage")
    history = repo.history.read_bytes()
    append_to_history(repo, b"half a li")
    assert run(["repair", "--local-hub", str(hub)], monkeypatch) == 0
    aside = repo.lock.with_name("damaged-1")
    out = capsys.readouterr().out
    assert out.splitlines() == [
        f"{repo.plan}: is no plan of a publisher",
        f"{repo.incomplete}: unfinished; moved to {aside / 'incomplete'}",
        f"{repo.reference('v1.0')}: holds no revision; moved to {aside / 'refs' / 'v1.0'}",
        f"{repo.history}: line 3 is no move of main; moved to {aside / 'history.jsonl'}",
        f"{repo.reference('v1.0')}: written anew from what is known of it",
        f"{repo.history}: written anew from what is known of it",
    ]
    assert (aside / "refs" / "v1.0").read_text() == "garbage"
    assert (aside / "incomplete" / "plan.json").read_text() == "more garbage"
    assert (aside / "history.jsonl").read_bytes() == history + b"half a li"
    assert repo.history.read_bytes() == history
    assert run(["repair", "--local-hub", str(hub)], monkeypatch) == 0
    assert capsys.readouterr().out == f"{hub}: nothing is damaged\n"


def test_without_a_history_a_repair_says_that_nothing_tells_the_revision_and_keeps_the_files(
    tmp_path: Path,
) -> None:
    version = make_version(tmp_path / "v1.0", 1)
    hub = LocalHub(tmp_path / "hub")
    published = hub.publish(version, REPO, "v1.0")
    repo = RepoFolder(hub.folder, REPO)
    write(repo.reference("v1.0"), "?")
    repo.history.unlink()
    with pytest.raises(IntegrityError, match=r"refs/v1\.0: holds no revision; no version is lost"):
        hub.publish(make_version(tmp_path / "other", 2), REPO, "v1.0")
    assert hub.repair().done[-1] == (
        f"{REPO} v1.0: nothing tells its revision; publish the same version again"
    )
    assert read_folder(repo.snapshot(published.revision)) == read_folder(version)
    assert hub.publish(version, REPO, "v1.0").revision == published.revision


def test_a_repair_names_the_versions_whose_files_are_not_those_that_were_published(
    tmp_path: Path,
) -> None:
    hub = LocalHub(tmp_path / "hub", copy=True)
    published = hub.publish(make_version(tmp_path / "v1.0", 1), REPO, "v1.0")
    folder = RepoFolder(hub.folder, REPO).snapshot(published.revision)
    write(folder / "config.json", "[]")
    assert hub.repair().left == [
        f"{REPO} v1.0: the files in {folder} are not those that were published; publish or import "
        "the same version again"
    ]
