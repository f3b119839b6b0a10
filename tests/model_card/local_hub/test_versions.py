"""The local hub: what readers load, what never changes, where main goes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
import torch
from hub_workers import REPO, make_version, read_folder, read_revision, scan_warnings
from huggingface_hub import scan_cache_dir, snapshot_download
from huggingface_hub._tree_cache import read_tree_cache
from huggingface_hub.errors import IncompleteSnapshotError
from sentence_transformers import SentenceTransformer

from model_card.hubs import IntegrityError, Published
from model_card.local_hub import writing
from model_card.local_hub.hub import LocalHub
from model_card.local_hub.layout import RepoFolder
from model_card.versions import Version
from nic.errors import UserError

TEXTS = ["why is the pump noisy", "replace the worn belt"]
PROJECT = Path(__file__).resolve().parents[3]
LOAD = """
from sentence_transformers import SentenceTransformer
for revision in (None, "v1.0"):
    model = SentenceTransformer("org/nic-embeddings-v1.0", revision=revision, device="cpu")
    print(model.encode(["why is the pump noisy"])[0].tolist())
"""


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Where a hub is going to be."""
    return tmp_path / "hub"


@pytest.fixture
def three(hub: Path, tmp_path: Path) -> Path:
    """A hub with v1.0, v1.1 and v1.2, the last one main."""
    for number in range(3):
        LocalHub(hub).publish(make_version(tmp_path / f"v1.{number}", number), REPO, f"v1.{number}")
    return hub


def offline_environment(hub: Path) -> dict[str, str]:
    """A reader's environment: the hub, no network and nothing of this project."""
    own = {"HF_HUB_CACHE": str(hub), "HF_HUB_OFFLINE": "1", "HF_HOME": str(hub.parent / "home")}
    return {**{key: os.environ[key] for key in os.environ if key != "PYTHONPATH"}, **own}


def test_a_reader_loads_main_and_the_tag_by_name(tiny_copy: Path, hub: Path) -> None:
    LocalHub(hub).publish(tiny_copy, REPO, "v1.0")
    result = subprocess.run(
        [sys.executable, "-c", LOAD],
        env=offline_environment(hub),
        cwd=hub,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = SentenceTransformer(str(tiny_copy), device="cpu").encode(TEXTS[:1])[0].tolist()
    assert [json.loads(line) for line in result.stdout.splitlines()] == [expected, expected]


@pytest.mark.parametrize("copy", [False, True])
def test_every_version_encodes_as_what_was_published(
    copy: bool, tiny_copy: Path, hub: Path
) -> None:
    first = SentenceTransformer(str(tiny_copy), device="cpu")
    LocalHub(hub, copy).publish(tiny_copy, REPO, "v1.0")
    second = SentenceTransformer(str(tiny_copy), device="cpu")
    with torch.no_grad():
        for parameter in second.parameters():
            parameter += 0.01 * torch.arange(parameter.numel()).reshape(parameter.shape).cos()
    second.save_pretrained(str(tiny_copy), create_model_card=False)
    LocalHub(hub, copy).publish(tiny_copy, REPO, "v1.1")
    for revision, model in ((None, second), ("v1.0", first), ("v1.1", second)):
        options = {"cache_folder": str(hub), "local_files_only": True, "device": "cpu"}
        loaded = SentenceTransformer(REPO, revision=revision, **options)
        assert (loaded.encode(TEXTS) == model.encode(TEXTS)).all()
    assert (first.encode(TEXTS) != second.encode(TEXTS)).any()


def test_hf_cache_ls_lists_it(three: Path) -> None:
    command = Path(sys.executable).with_name("hf")
    result = subprocess.run(
        [command, "cache", "ls", "--revisions", "--format", "json"],
        env=offline_environment(three),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "warning" not in result.stderr.lower()
    rows = json.loads(result.stdout)
    assert sorted(str(row["refs"]) for row in rows) == sorted(
        str(refs) for refs in (["v1.0"], ["v1.1"], ["main", "v1.2"])
    )


@pytest.mark.parametrize("copy", [False, True])
def test_the_scan_and_the_download_of_the_hub_library_find_every_file(
    copy: bool, hub: Path, tmp_path: Path
) -> None:
    staged = make_version(tmp_path / "staged", 1)
    published = LocalHub(hub, copy).publish(staged, REPO, "v1.0")
    found = scan_cache_dir(hub)
    assert found.warnings == []
    (repo,) = found.repos
    assert (repo.repo_id, set(repo.refs)) == (REPO, {"main", "v1.0"})
    folder = Path(snapshot_download(REPO, cache_dir=hub, local_files_only=True))
    assert folder == LocalHub(hub).fetch(REPO) == LocalHub(hub).fetch(REPO, "v1.0")
    assert folder.name == published.revision
    assert read_folder(folder) == read_folder(staged)


def test_the_hub_library_notices_a_missing_file_by_the_list_of_files(three: Path) -> None:
    revision = LocalHub(three).fetch(REPO).name
    entries = read_tree_cache(str(RepoFolder(three, REPO).folder), revision)
    assert entries is not None
    assert entries["config.json"].blob_id == "9e26dfeeb6e641a33dae4961196235bdb965b21b"
    assert entries["model.safetensors"].lfs_size == entries["model.safetensors"].size == 100_000
    (LocalHub(three).fetch(REPO) / "config.json").unlink()
    with pytest.raises(IncompleteSnapshotError):
        snapshot_download(REPO, cache_dir=three, local_files_only=True)


def test_references_are_forty_digits_and_no_line_end(three: Path) -> None:
    repo = RepoFolder(three, REPO)
    assert sorted(path.name for path in repo.refs.iterdir()) == ["main", "v1.0", "v1.1", "v1.2"]
    assert {len(path.read_bytes()) for path in repo.refs.iterdir()} == {40}


def test_links_are_relative_so_that_the_hub_can_be_moved(three: Path, tmp_path: Path) -> None:
    moved = Path(shutil.move(three, tmp_path / "moved"))
    assert read_folder(LocalHub(moved).fetch(REPO, "v1.1")) == read_folder(tmp_path / "v1.1")
    assert scan_warnings(moved) == []


def test_equal_files_of_versions_are_kept_once(three: Path) -> None:
    # One config.json for all, and three other files of each of the three versions.
    assert len(list(RepoFolder(three, REPO).blobs.iterdir())) == 1 + 3 * 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
@pytest.mark.parametrize("copy", [False, True])
def test_everybody_may_read_whatever_the_umask(copy: bool, hub: Path, tmp_path: Path) -> None:
    staged = make_version(tmp_path / "staged", 1)
    before = os.umask(0o077)
    try:
        LocalHub(hub / "deep", copy).publish(staged, REPO, "v1.0")
    finally:
        os.umask(before)
    modes = {"file": set(), "folder": {stat.S_IMODE(hub.stat().st_mode)}}
    for path in hub.rglob("*"):
        modes["folder" if path.is_dir() else "file"].add(stat.S_IMODE(path.stat().st_mode))
    assert modes == {"file": {0o644}, "folder": {0o755}}


def test_the_same_content_again_is_no_change_and_says_so(three: Path, tmp_path: Path) -> None:
    LocalHub(three).rollback(REPO)
    before = read_folder(three)
    published = LocalHub(three).publish(tmp_path / "v1.2", REPO, "v1.2")
    revision = LocalHub(three).fetch(REPO, "v1.2").name
    assert published == Published(REPO, "v1.2", revision, str(three), already_there=True)
    assert read_folder(three) == before


def test_the_commit_follows_from_the_content_alone(hub: Path, tmp_path: Path) -> None:
    make_version(tmp_path / "a", 1)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    first = LocalHub(hub).publish(tmp_path / "a", REPO, "v1.0")
    second = LocalHub(tmp_path / "other", copy=True).publish(tmp_path / "b", "org/other", "v7")
    assert first.revision == second.revision
    assert not first.already_there and not second.already_there


def test_equal_content_under_two_tags_is_one_revision(three: Path, tmp_path: Path) -> None:
    assert not LocalHub(three).publish(tmp_path / "v1.0", REPO, "v1.0-again").already_there
    assert LocalHub(three).fetch(REPO) == LocalHub(three).fetch(REPO, "v1.0")
    assert LocalHub(three).rollback(REPO) == "v1.2"


def test_other_content_under_a_tag_is_refused(three: Path, tmp_path: Path) -> None:
    (tmp_path / "v1.1" / "README.md").write_text("new", encoding="utf-8")
    (tmp_path / "v1.1" / "config.json").unlink()
    before = read_folder(three)
    with pytest.raises(
        UserError,
        match=r"v1\.1 is published in .*hub with other content \(2 files differ: README\.md, "
        r"config\.json\); a version never changes, give this one a new --revision-tag",
    ):
        LocalHub(three).publish(tmp_path / "v1.1", REPO, "v1.1")
    assert read_folder(three) == before


def test_main_moves_by_publish_promote_and_rollback_and_tags_do_not(three: Path) -> None:
    tags = {f"v1.{n}": LocalHub(three).fetch(REPO, f"v1.{n}") for n in range(3)}
    assert LocalHub(three).fetch(REPO) == tags["v1.2"]
    LocalHub(three).promote(REPO, "v1.0")
    assert LocalHub(three).fetch(REPO) == tags["v1.0"]
    assert LocalHub(three).rollback(REPO) == "v1.2"
    assert LocalHub(three).rollback(REPO) == "v1.1"
    assert LocalHub(three).fetch(REPO) == tags["v1.1"]
    assert LocalHub(three).rollback(REPO) == "v1.0"
    with pytest.raises(UserError, match=r"main named nothing before .* v1\.0, v1\.1, v1\.2"):
        LocalHub(three).rollback(REPO)
    assert {tag: LocalHub(three).fetch(REPO, tag) for tag in tags} == tags


def test_the_history_holds_every_move_of_main(three: Path) -> None:
    LocalHub(three).promote(REPO, "v1.0")
    LocalHub(three).promote(REPO, "v1.0")
    LocalHub(three).rollback(REPO)
    lines = RepoFolder(three, REPO).history.read_text(encoding="utf-8").splitlines()
    moves = [json.loads(line) for line in lines]
    assert [(move["action"], move["tag"]) for move in moves] == [
        ("publish", "v1.0"),
        ("publish", "v1.1"),
        ("publish", "v1.2"),
        ("promote", "v1.0"),
        ("rollback", "v1.2"),
    ]
    assert moves[-1]["revision"] == LocalHub(three).fetch(REPO, "v1.2").name


def test_a_move_that_something_else_made_can_be_rolled_back(three: Path) -> None:
    repo = RepoFolder(three, REPO)
    repo.reference("main").write_text(repo.reference("v1.0").read_text("utf-8"), encoding="utf-8")
    assert LocalHub(three).rollback(REPO) == "v1.2"


def test_versions_are_listed_with_gates_and_recall(hub: Path, tmp_path: Path) -> None:
    before = datetime.now(timezone.utc)
    for name, metadata in (
        (
            "v1.10",
            {"gates": {"passed": False}, "metrics": {"tuned": {"overall": {"recall@5": 0.5}}}},
        ),
        ("v1.9", {"gates": None, "metrics": {}}),
    ):
        staged = make_version(tmp_path / name, len(name))
        (staged / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
        LocalHub(hub).publish(staged, REPO, name)
    (staged / "metadata.json").unlink()
    LocalHub(hub).publish(staged, "org/another", "v1")
    LocalHub(hub).promote(REPO, "v1.10")
    another, ten, nine = LocalHub(hub).versions()
    size = sum(len(content) for content in read_folder(tmp_path / "v1.10").values())
    revision = LocalHub(hub).fetch(REPO, "v1.10").name
    assert ten == Version(REPO, "v1.10", revision, ten.date, size, True, False, 0.5)
    assert (nine.tag, nine.is_main, nine.gates_passed, nine.recall_at_5) == (
        "v1.9",
        False,
        None,
        None,
    )
    assert (another.repo_id, another.gates_passed) == ("org/another", None)
    assert ten.date and nine.date and another.date
    assert before.replace(microsecond=0) <= ten.date <= nine.date <= another.date


def test_a_repository_of_the_ordinary_cache_is_not_listed(three: Path) -> None:
    foreign = RepoFolder(three, "someone/else")
    foreign.snapshot("0" * 40).mkdir(parents=True)
    foreign.refs.mkdir()
    foreign.reference("main").write_text("0" * 40, encoding="utf-8")
    assert {version.repo_id for version in LocalHub(three).versions()} == {REPO}


@pytest.mark.parametrize("revision", ["v9", "../v1.0", "0" * 40, ""])
def test_an_unknown_version_is_answered_with_those_there_are(three: Path, revision: str) -> None:
    with pytest.raises(UserError, match=r"no such version in .*; there: main, v1\.0, v1\.1, v1\.2"):
        LocalHub(three).fetch(REPO, revision)


def test_an_unknown_tag_is_not_promoted(three: Path) -> None:
    with pytest.raises(UserError, match=r"v9: no such version in .*; there: main, v1\.0"):
        LocalHub(three).promote(REPO, "v9")


def test_an_unknown_repository_is_answered_with_those_there_are(three: Path) -> None:
    with pytest.raises(UserError, match=f"org/x: no such repository in .*; there: {REPO}"):
        LocalHub(three).promote("org/x", "v1.0")
    with pytest.raises(UserError, match="org/x: no such repository"):
        LocalHub(three).rollback("org/x")


def test_a_hub_that_is_not_there_is_not_made_by_asking(hub: Path) -> None:
    with pytest.raises(UserError, match="hub: no such folder; .*--local-hub"):
        LocalHub(hub).versions()
    assert not hub.exists()


@pytest.mark.parametrize(
    "tag", ["main", "Main", "a/b", "..", "v1..2", ".v1", "v1.", "", "a" * 97, "0" * 40, "v 1", "-v"]
)
def test_a_tag_that_could_be_something_else_is_refused(tag: str, hub: Path, tmp_path: Path) -> None:
    staged = make_version(tmp_path / "staged", 1)
    with pytest.raises(UserError, match="--revision-tag .*neither main nor a commit"):
        LocalHub(hub).publish(staged, REPO, tag)
    assert not hub.exists()


def test_a_bad_folder_is_refused(hub: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing: no such folder"):
        LocalHub(hub).publish(tmp_path / "nothing", REPO, "v1.0")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: holds no file"):
        LocalHub(hub).publish(tmp_path / "empty", REPO, "v1.0")
    assert not hub.exists()


def test_a_symbolic_link_is_not_published(hub: Path, tmp_path: Path) -> None:
    staged = make_version(tmp_path / "staged", 1)
    try:
        (staged / "link").symlink_to(staged / "config.json")
    except OSError:
        pytest.skip("this system makes no links")
    with pytest.raises(UserError, match="link: symbolic link"):
        LocalHub(hub).publish(staged, REPO, "v1.0")


@pytest.mark.skipif(os.name == "nt", reason="Windows makes no such file")
def test_a_name_that_windows_does_not_take_is_refused(hub: Path, tmp_path: Path) -> None:
    staged = make_version(tmp_path / "staged", 1)
    (staged / "a:b.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="'a:b.json' holds a character that Windows .*; rename it"):
        LocalHub(hub).publish(staged, REPO, "v1.0")


def test_a_hub_that_is_a_file_is_refused(hub: Path, tmp_path: Path) -> None:
    hub.write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="hub.*: is a file where a folder is needed"):
        LocalHub(hub).publish(make_version(tmp_path / "staged", 1), REPO, "v1.0")


def test_where_links_are_refused_files_are_copied(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    staged = make_version(tmp_path / "staged", 1)
    LocalHub(hub).publish(staged, REPO, "v1.0")
    assert not any(path.is_symlink() for path in hub.rglob("*"))
    assert not RepoFolder(hub, REPO).blobs.exists()
    assert read_revision(hub, "main") == read_folder(staged)


def test_a_file_that_windows_readers_hold_open_is_replaced_a_moment_later(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, refusals = tmp_path / "a", tmp_path / "b", [1, 2]
    source.write_text("new", encoding="utf-8")

    class WindowsLike:
        name = "nt"

    def refuse_twice(path: Path, other: Path) -> None:
        if refusals:
            refusals.pop()
            raise PermissionError(13, "used by another process")
        os.replace(path, other)

    monkeypatch.setattr(writing, "os", WindowsLike)
    monkeypatch.setattr(Path, "replace", refuse_twice)
    writing.move(source, target)
    assert target.read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("copy", [False, True])
def test_publishing_again_repairs_a_damaged_version(copy: bool, hub: Path, tmp_path: Path) -> None:
    staged = make_version(tmp_path / "staged", 1)
    LocalHub(hub, copy).publish(staged, REPO, "v1.0")
    folder = LocalHub(hub).fetch(REPO)
    (folder / "model.safetensors").resolve().write_bytes(b"torn")
    (folder / "config.json").unlink()
    (folder / "added.json").write_text("{}", encoding="utf-8")
    assert LocalHub(hub, copy).publish(staged, REPO, "v1.0").already_there
    assert read_folder(folder) == read_folder(staged)
    assert scan_warnings(hub) == []


def test_a_version_whose_folder_is_gone_is_an_integrity_error(three: Path) -> None:
    shutil.rmtree(LocalHub(three).fetch(REPO, "v1.1"))
    with pytest.raises(IntegrityError, match=r"v1\.1: the folder .* is gone; publish or import"):
        LocalHub(three).promote(REPO, "v1.1")


def test_a_file_that_changes_while_it_is_published_leaves_the_hub_as_it_was(
    three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = make_version(tmp_path / "staged", 9)
    before = read_folder(three)

    def change(*_: object) -> None:
        (staged / "model.safetensors").write_bytes(b"x" * 100_000)

    monkeypatch.setattr("model_card.local_hub.publishing.check_space", change)
    with pytest.raises(IntegrityError, match=r"model\.safetensors: changed while it was copied"):
        LocalHub(three).publish(staged, REPO, "v1.3")
    assert read_folder(three) == before


def test_the_hub_starts_without_torch() -> None:
    code = (
        "import sys, model_card.local_hub.hub\n"
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'datasets', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
