"""`nic-publish`: what each command calls, says and exits with."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from conftest import write_metadata_of

from model_card import publish
from model_card.hubs import IntegrityError, Published
from model_card.package.build import stage_model
from model_card.package.integrity import is_packaged, verify_folder
from model_card.push import push, verify
from nic.errors import UserError

REPO = "org/nic-tiny"
REVISION = "0123456789" * 4
PROJECT = Path(__file__).resolve().parents[2]


class Hub(ModuleType):
    """Stands in for the modules of both hubs: records each call and what was staged."""

    def __init__(self, folder: Path) -> None:
        super().__init__("hub")
        self.folder, self.already_there = folder, False
        self.calls: list[tuple[Any, ...]] = []

    def _published(self, staged: Path, location: str, repo_id: str, tag: str) -> Published:
        verify_folder(staged)
        return Published(repo_id, tag, REVISION, location, self.already_there)

    def publish_local(
        self, staged: Path, hub: Path, repo_id: str, tag: str, copy: bool = False
    ) -> Published:
        """As `local_hub` has it."""
        self.calls.append(("publish_local", hub, repo_id, tag, copy))
        return self._published(staged, str(hub), repo_id, tag)

    def publish_remote(
        self,
        staged: Path,
        repo_id: str,
        tag: str,
        endpoint: str | None = None,
        public: bool = False,
    ) -> Published:
        """As `private_hub` has it."""
        self.calls.append(("publish_remote", endpoint, repo_id, tag, public))
        return self._published(staged, endpoint or "https://from.environment", repo_id, tag)

    def snapshot_folder(self, hub: Path, repo_id: str, revision: str = "main") -> Path:
        """The packaged folder."""
        self.calls.append(("snapshot_folder", hub, repo_id, revision))
        return self.folder

    def download_version(
        self, repo_id: str, revision: str, folder: Path, endpoint: str | None = None
    ) -> Path:
        """The packaged folder."""
        self.calls.append(("download_version", repo_id, revision, endpoint))
        return self.folder

    def list_versions(self, hub: Path) -> list[Any]:
        """Two versions."""
        self.calls.append(("list_versions", hub))
        common = {"repo_id": REPO, "revision": REVISION, "size_bytes": 91_600_000}
        date = datetime(2026, 11, 25, 12, 30, tzinfo=timezone.utc)
        new = {"tag": "v1.1", "is_main": True, "gates_passed": True, "recall_at_5": 0.8909}
        old = {"tag": "v1.0", "is_main": False, "gates_passed": None, "recall_at_5": None}
        return [SimpleNamespace(date=date, **common, **version) for version in (new, old)]

    def promote(self, hub: Path, repo_id: str, tag: str) -> None:
        """As `local_hub` has it."""
        self.calls.append(("promote", hub, repo_id, tag))

    def rollback(self, hub: Path, repo_id: str) -> str:
        """As `local_hub` has it."""
        self.calls.append(("rollback", hub, repo_id))
        return "v1.0"

    def export_version(self, hub: Path, repo_id: str, tag: str, archive: Path) -> None:
        """As `local_hub` has it."""
        self.calls.append(("export_version", hub, repo_id, tag, archive))

    def import_archive(self, archive: Path, hub: Path, copy: bool = False) -> Published:
        """As `local_hub` has it."""
        self.calls.append(("import_archive", archive, hub, copy))
        return Published(REPO, "v1.0", REVISION, str(hub), False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    """The stand-in, in place of both modules."""
    stand_in = Hub(tmp_path / "packaged")
    monkeypatch.setitem(sys.modules, "model_card.local_hub.versions", stand_in)
    monkeypatch.setitem(sys.modules, "model_card.remote_hub.publishing", stand_in)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    return stand_in


@pytest.fixture
def packaged(trained_folder: Path, tmp_path: Path) -> Path:
    """A packaged tiny model."""
    return stage_model(trained_folder, tmp_path / "packaged")


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["nic-publish", *map(str, arguments)])
    publish.main()


def exit_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[Any, str]:
    """Exit code and the one line of a command that fails."""
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch, *arguments)
    lines = capsys.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert lines[-1:] == errors
    return stopped.value.code, errors[0]


def test_package_writes_the_folder_and_says_how_to_load_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trained_folder: Path,
    tmp_path: Path,
) -> None:
    output = tmp_path / "dist"
    call(monkeypatch, "package", "--model", trained_folder, "--output", output)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"Packaged {output}: 11 files, 0.")
    assert lines[1:] == [
        f'Loads in sentence-transformers 5.2 and later: SentenceTransformer("{output.as_posix()}")'
    ]
    assert is_packaged(output)
    assert not is_packaged(trained_folder)


def test_push_to_a_local_hub_says_how_to_load_it_offline(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Hub,
    trained_folder: Path,
    tmp_path: Path,
) -> None:
    place = tmp_path / "hub"
    given = ["--model", trained_folder, "--repo-id", REPO, "--revision-tag", "v1.0"]
    call(monkeypatch, "push", *given, "--local-hub", place, "--copy")
    assert hub.calls == [("publish_local", place, REPO, "v1.0", True)]
    assert capsys.readouterr().out.splitlines() == [
        f"Published {REPO} v1.0 in {place}, revision {REVISION}",
        f"Load it without network, with HF_HUB_CACHE={place} and HF_HUB_OFFLINE=1 in the "
        "environment:",
        f'    SentenceTransformer("{REPO}", revision="v1.0")',
    ]


def test_push_again_says_that_nothing_was_changed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Hub,
    packaged: Path,
    tmp_path: Path,
) -> None:
    hub.already_there = True
    given = ["--model", packaged, "--repo-id", REPO, "--revision-tag", "v1.0"]
    call(monkeypatch, "push", *given, "--local-hub", tmp_path / "hub")
    assert capsys.readouterr().out.splitlines()[0] == (
        f"{REPO} v1.0 is there already with this very content, in {tmp_path / 'hub'}, revision "
        f"{REVISION}; nothing was changed"
    )


def test_push_to_an_endpoint_says_how_to_load_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Hub,
    packaged: Path,
) -> None:
    url = "https://hub.example"
    given = ["--model", packaged, "--repo-id", REPO, "--revision-tag", "v1.0"]
    call(monkeypatch, "push", *given, "--endpoint", url, "--public")
    assert hub.calls == [("publish_remote", url, REPO, "v1.0", True)]
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"Load it with HF_ENDPOINT={url} and a token in HF_TOKEN in the environment:"


def test_the_endpoint_may_stand_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, hub: Hub, packaged: Path
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://from.environment")
    assert push(packaged, REPO, "v1.0").location == "https://from.environment"
    assert hub.calls == [("publish_remote", None, REPO, "v1.0", False)]


def test_a_packaged_model_is_pushed_as_it_is(hub: Hub, packaged: Path, tmp_path: Path) -> None:
    push(packaged, REPO, "v1.0", local_hub=tmp_path / "hub")
    with pytest.raises(UserError, match="is packaged already; give --sign-key to nic-publish pack"):
        push(packaged, REPO, "v1.0", local_hub=tmp_path / "hub", sign_key=tmp_path / "key.pem")
    (packaged / "LICENSE").touch()
    with pytest.raises(IntegrityError, match="LICENSE was added"):
        push(packaged, REPO, "v1.0", local_hub=tmp_path / "hub")
    assert len(hub.calls) == 1


def test_a_model_whose_gates_failed_reaches_no_hub(
    hub: Hub, trained_folder: Path, tmp_path: Path
) -> None:
    write_metadata_of(trained_folder, gates=None)
    with pytest.raises(UserError, match="no gates were measured"):
        push(trained_folder, REPO, "v1.0", local_hub=tmp_path / "hub")
    assert hub.calls == []
    push(trained_folder, REPO, "v1.0", local_hub=tmp_path / "hub", allow_failed_gates="a pilot")
    assert len(hub.calls) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "which hub. Give --local-hub DIR, or --endpoint URL"),
        ({"local_hub": Path("hub"), "public": True}, "--public: only for an endpoint"),
        ({"endpoint": "https://hub.example", "copy": True}, "--copy: only for a local hub"),
        ({"endpoint": "https://hub.example", "repo_id": "nic"}, "--repo-id nic: give organisation"),
    ],
)
def test_impossible_pushes_are_refused_before_anything_is_done(
    hub: Hub, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        push(**{"model": tmp_path / "none", "repo_id": REPO, "tag": "v1.0", **options})


def test_verify_a_folder_and_what_a_hub_gives(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Hub,
    packaged: Path,
    tmp_path: Path,
) -> None:
    call(monkeypatch, "verify", packaged)
    call(monkeypatch, "verify", REPO, "--local-hub", tmp_path, "--revision", "v1.0")
    call(monkeypatch, "verify", REPO, "--endpoint", "https://hub.example")
    assert hub.calls == [
        ("snapshot_folder", tmp_path, REPO, "v1.0"),
        ("download_version", REPO, "main", "https://hub.example"),
    ]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{target}: 10 files as published; 5 samples encode as stored (lowest cosine 1.000000); "
        "not signed; gates passed"
        for target in (packaged, REPO, REPO)
    ]


def test_verify_shows_failed_gates_and_the_reason(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    trained_folder: Path,
    tmp_path: Path,
) -> None:
    write_metadata_of(trained_folder, gates={"passed": False, "gates": []})
    staged = stage_model(trained_folder, tmp_path / "packaged", allow_failed_gates="a pilot")
    call(monkeypatch, "verify", staged)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("not signed; gates FAILED")
    assert lines[1] == "Published all the same because: a pilot"


@pytest.mark.parametrize("hub_option", ["folder", "--local-hub", "--endpoint"])
def test_verify_exits_with_4_where_a_byte_was_flipped(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Hub,
    packaged: Path,
    hub_option: str,
) -> None:
    weights = packaged / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    given = [packaged] if hub_option == "folder" else [REPO, hub_option, "https://hub.example"]
    code, line = exit_of(monkeypatch, capsys, "verify", *given)
    assert code == 4
    assert f"{weights} was changed: its SHA-256 is another one" in line


def test_verify_says_what_is_missing(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none: no such folder. Or on which hub. Give --local-hub"):
        verify(str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"--revision v1\.0: .* is a folder and has no revisions"):
        verify(str(tmp_path), revision="v1.0")


def test_the_commands_of_a_local_hub(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hub: Hub, tmp_path: Path
) -> None:
    place, archive = tmp_path / "hub", tmp_path / "v1.0.zip"
    here = ["--repo-id", REPO, "--local-hub", place]
    call(monkeypatch, "promote", "v1.1", *here)
    call(monkeypatch, "rollback", *here)
    call(monkeypatch, "export", "v1.0", *here, "--archive", archive)
    call(monkeypatch, "import", "--archive", archive, "--local-hub", place, "--copy")
    assert hub.calls == [
        ("promote", place, REPO, "v1.1"),
        ("rollback", place, REPO),
        ("export_version", place, REPO, "v1.0", archive),
        ("import_archive", archive, place, True),
    ]
    assert capsys.readouterr().out.splitlines()[:4] == [
        f"{REPO}: main is v1.1 now",
        f"{REPO}: main is v1.0 again",
        f"Exported {REPO} v1.0 to {archive}",
        f"Published {REPO} v1.0 in {place}, revision {REVISION}",
    ]


def test_list_shows_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hub: Hub, tmp_path: Path
) -> None:
    call(monkeypatch, "list", "--local-hub", tmp_path)
    assert capsys.readouterr().out.splitlines() == [
        "repository    tag         published         size     gates   Recall@5  revision",
        f"org/nic-tiny  v1.1  main  2026-11-25 12:30  91.6 MB  passed  0.8909    {REVISION}",
        f"org/nic-tiny  v1.0        2026-11-25 12:30  91.6 MB  -       -         {REVISION}",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["publish"], "invalid choice: 'publish'"),
        (["package", "--model", "x"], "required: --output"),
        (["push", "--model", "x"], "required: --repo-id, --revision-tag"),
        (["verify", "x", "--local-hub", "a", "--endpoint", "b"], "not allowed with argument"),
        (["promote", "v1.0", "--repo-id", "a b/c", "--local-hub", "x"], "--repo-id a b/c: "),
        (["list", "--local", "x"], "required: --local-hub"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    code, line = exit_of(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in line


def test_the_script_runs_by_its_path_and_refuses_in_one_line(
    trained_folder: Path, tmp_path: Path
) -> None:
    metadata = json.loads((trained_folder / "metadata.json").read_text(encoding="utf-8"))
    metadata["gates"]["passed"] = False
    (trained_folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    command = [sys.executable, str(PROJECT / "model_card" / "publish.py"), "package"]
    given = ["--model", str(trained_folder), "--output", str(tmp_path / "out")]
    result = subprocess.run([*command, *given], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("error: not packaged: its gates failed.")
    assert "Traceback" not in result.stderr
