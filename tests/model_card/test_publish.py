"""`nic-publish`: what each command calls, says and exits with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from conftest import write_metadata_of

import model_card
from model_card import publish
from model_card.commands import Packaging
from model_card.hubs import IntegrityError, Published, open_hub, select_hub
from model_card.local_hub.hub import LocalHub
from model_card.package.build import build_package
from model_card.package.integrity import is_packaged, verify_folder
from model_card.push import publish_model, verify_model
from model_card.remote_hub.hub import RemoteHub
from model_card.versions import Version
from nic import __version__
from nic.errors import UserError

REPO = "org/nic-tiny"
REVISION = "0123456789" * 4
PROJECT = Path(__file__).resolve().parents[2]


class Recorder:
    """Stands in for the methods of both hubs: records each call and checks what was packaged."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.already_there = folder, False
        self.calls: list[tuple[Any, ...]] = []

    def published(self, staged: Path, location: str, repo_id: str, tag: str) -> Published:
        """What a hub returns, once the folder is verified."""
        verify_folder(staged)
        return Published(repo_id, tag, REVISION, location, self.already_there)

    def versions(self) -> list[Version]:
        """Two versions."""
        date = datetime(2026, 11, 25, 12, 30, tzinfo=timezone.utc)
        return [
            Version(REPO, "v1.1", REVISION, date, 91_600_000, True, True, 0.8909),
            Version(REPO, "v1.0", REVISION, date, 91_600_000, False, None, None),
        ]

    def local_methods(self) -> dict[str, Callable[..., Any]]:
        """The methods of a local hub."""

        def publish(hub: LocalHub, staged: Path, repo_id: str, tag: str) -> Published:
            self.calls.append(("publish_local", hub.folder, repo_id, tag, hub.copy))
            return self.published(staged, str(hub.folder), repo_id, tag)

        def import_archive(hub: LocalHub, archive: Path) -> Published:
            self.calls.append(("import_archive", archive, hub.folder, hub.copy))
            return Published(REPO, "v1.0", REVISION, str(hub.folder), False)

        def recorded(name: str, result: Any) -> Callable[..., Any]:
            def method(hub: LocalHub, *arguments: Any) -> Any:
                self.calls.append((name, hub.folder, *arguments))
                return result

            return method

        def fetch(hub: LocalHub, repo_id: str, revision: str, folder: Path) -> Path:
            self.calls.append(("fetch_local", hub.folder, repo_id, revision))
            return self.folder

        return {
            "publish": publish,
            "import_archive": import_archive,
            "fetch": fetch,
            "versions": recorded("versions", self.versions()),
            "promote": recorded("promote", None),
            "rollback": recorded("rollback", "v1.0"),
            "export_version": recorded("export_version", None),
        }

    def remote_methods(self) -> dict[str, Callable[..., Any]]:
        """The methods of a remote hub."""

        def publish(hub: RemoteHub, staged: Path, repo_id: str, tag: str) -> Published:
            self.calls.append(("publish_remote", hub.endpoint, repo_id, tag, hub.public))
            return self.published(staged, hub.endpoint, repo_id, tag)

        def fetch(hub: RemoteHub, repo_id: str, revision: str, folder: Path) -> Path:
            self.calls.append(("fetch_remote", repo_id, revision, hub.endpoint))
            return self.folder

        return {"publish": publish, "fetch": fetch}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    """The stand-in, in place of the methods of both hubs."""
    recorder = Recorder(tmp_path / "packaged")
    for hub_class, methods in (
        (LocalHub, recorder.local_methods()),
        (RemoteHub, recorder.remote_methods()),
    ):
        for name, method in methods.items():
            monkeypatch.setattr(hub_class, name, method)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    return recorder


@pytest.fixture
def packaged(trained_folder: Path, tmp_path: Path) -> Path:
    """A packaged tiny model."""
    return build_package(trained_folder, tmp_path / "packaged")


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
    assert lines[0].startswith(f"Packaged {output}: 12 files, 0.")
    assert lines[1:] == [
        f'Loads in sentence-transformers 5.2 and later: SentenceTransformer("{output.as_posix()}")'
    ]
    assert is_packaged(output)
    assert not is_packaged(trained_folder)


def test_push_to_a_local_hub_says_how_to_load_it_offline(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Recorder,
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
    hub: Recorder,
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
    hub: Recorder,
    packaged: Path,
) -> None:
    url = "https://hub.example"
    given = ["--model", packaged, "--repo-id", REPO, "--revision-tag", "v1.0"]
    call(monkeypatch, "push", *given, "--endpoint", url, "--public")
    assert hub.calls == [("publish_remote", url, REPO, "v1.0", True)]
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"Load it with HF_ENDPOINT={url} and a token in HF_TOKEN in the environment:"


def test_the_endpoint_may_stand_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, hub: Recorder, packaged: Path
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://from.environment")
    place = select_hub()
    assert publish_model(packaged, place, REPO, "v1.0").location == "https://from.environment"
    assert hub.calls == [("publish_remote", "https://from.environment", REPO, "v1.0", False)]


def test_a_packaged_model_is_pushed_as_it_is(hub: Recorder, packaged: Path, tmp_path: Path) -> None:
    place = open_hub(tmp_path / "hub")
    publish_model(packaged, place, REPO, "v1.0")
    with pytest.raises(UserError, match="is packaged already; give --sign-key to nic-publish pack"):
        publish_model(packaged, place, REPO, "v1.0", Packaging(sign_key=tmp_path / "key.pem"))
    with pytest.raises(UserError, match="is packaged already; give --onnx to nic-publish package"):
        publish_model(packaged, place, REPO, "v1.0", Packaging(onnx=True))
    (packaged / "LICENSE").touch()
    with pytest.raises(IntegrityError, match="LICENSE was added"):
        publish_model(packaged, place, REPO, "v1.0")
    assert len(hub.calls) == 1


def test_a_model_whose_gates_failed_reaches_no_hub(
    hub: Recorder, trained_folder: Path, tmp_path: Path
) -> None:
    write_metadata_of(trained_folder, gates=None)
    place = open_hub(tmp_path / "hub")
    with pytest.raises(UserError, match="no gates were measured"):
        publish_model(trained_folder, place, REPO, "v1.0")
    assert hub.calls == []
    publish_model(trained_folder, place, REPO, "v1.0", Packaging(allow_failed_gates="a pilot"))
    assert len(hub.calls) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "which hub? Give --local-hub DIR, or --endpoint URL"),
        (["--local-hub", "hub", "--public"], "--public: only for an endpoint"),
        (["--endpoint", "https://hub.example", "--copy"], "--copy: only for a local hub"),
        (["--endpoint", "https://hub.example", "--repo-id", "nic"], "--repo-id nic: give organisa"),
        (["--endpoint", "hub.example"], "--endpoint hub.example: give an address such as https://"),
        (["--local-hub", "https://hub.example"], "give a folder; a URL goes with --endpoint"),
        (["--endpoint", "ftp://hub.example"], "ftp://hub.example: no such kind of hub"),
    ],
)
def test_impossible_pushes_are_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Recorder,
    tmp_path: Path,
    options: list[str],
    message: str,
) -> None:
    given = ["--model", tmp_path / "none", "--repo-id", REPO, "--revision-tag", "v1.0"]
    code, line = exit_of(monkeypatch, capsys, "push", *given, *options)
    assert code == 2
    assert message in line
    assert hub.calls == []


def test_what_only_a_local_hub_can_do_is_refused_for_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["promote", "v1.0", "--repo-id", REPO, "--local-hub", "https://hub.example"]
    assert exit_of(monkeypatch, capsys, *given) == (
        2,
        "error: https://hub.example: this kind of hub has no promote; give the folder of a local "
        "hub with --local-hub",
    )


def test_verify_a_folder_and_what_a_hub_gives(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Recorder,
    packaged: Path,
    tmp_path: Path,
) -> None:
    call(monkeypatch, "verify", packaged)
    call(monkeypatch, "verify", REPO, "--local-hub", tmp_path, "--revision", "v1.0")
    call(monkeypatch, "verify", REPO, "--endpoint", "https://hub.example")
    assert hub.calls == [
        ("fetch_local", tmp_path, REPO, "v1.0"),
        ("fetch_remote", REPO, "main", "https://hub.example"),
    ]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"{target}: 11 files as published; 5 samples encode as stored (lowest cosine 1.000000); "
        "every file says 64 tokens; "
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
    staged = build_package(trained_folder, tmp_path / "packaged", allow_failed_gates="a pilot")
    call(monkeypatch, "verify", staged)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("not signed; gates FAILED")
    assert lines[1] == "Published all the same because: a pilot"


@pytest.mark.parametrize(
    "place", [[], ["--local-hub", "hub"], ["--endpoint", "https://hub.example"]]
)
def test_verify_exits_with_4_where_a_byte_was_flipped(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Recorder,
    packaged: Path,
    place: list[str],
) -> None:
    weights = packaged / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    given = [REPO, *place] if place else [packaged]
    code, line = exit_of(monkeypatch, capsys, "verify", *given)
    assert code == 4
    assert f"{weights} was changed: its SHA-256 is another one" in line


def test_verify_says_what_is_missing(hub: Recorder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none: no such folder. Or on which hub. Give --local-hub"):
        verify_model(str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"--revision v1\.0: .* is a folder and has no revisions"):
        verify_model(str(tmp_path), revision="v1.0")


def test_the_commands_of_a_local_hub(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Recorder,
    tmp_path: Path,
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
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    hub: Recorder,
    tmp_path: Path,
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


EXIT_CODES = "4 a file or an embedding differs from what was published"


@pytest.mark.parametrize("command", [[], ["push"]])
def test_help_needs_no_pytorch_and_names_the_exit_codes(command: list[str], tmp_path: Path) -> None:
    shown = by_path(tmp_path, [*command, "--help"], "-X", "importtime")
    assert (EXIT_CODES in " ".join(shown.stdout.split())) == (command == [])
    imported = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines()}
    assert "model_card.arguments" in imported
    assert imported.isdisjoint({"torch", "numpy", "transformers", "huggingface_hub"})


def test_the_script_runs_where_folders_have_the_names_of_the_rooms(tmp_path: Path) -> None:
    for name in ("nic", "pairs", "evaluation", "model_card", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    shown = by_path(tmp_path, ["list", "--local-hub", "none"])
    assert shown.stderr.splitlines() == [
        "error: none: no such folder; give the folder of a local hub with --local-hub"
    ]
    assert by_path(tmp_path, ["--version"]).stdout == f"nic-publish {__version__}\n"


def by_path(folder: Path, arguments: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    """The script, started by its path in a folder."""
    command = [sys.executable, *options, str(PROJECT / "model_card" / "publish.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8")


def test_models_are_published_and_verified_from_python(
    trained_folder: Path, tmp_path: Path
) -> None:
    hub = model_card.open_hub(tmp_path / "hub")
    published = model_card.publish_model(trained_folder, hub, REPO, "v1.0")
    assert [version.revision for version in hub.versions(REPO)] == [published.revision]
    found = model_card.verify_model(REPO, hub, revision="v1.0")
    assert (found.files, found.gates_passed) == (11, True)


def test_the_licence_and_the_languages_of_the_command_line_reach_the_metadata(
    monkeypatch: pytest.MonkeyPatch, trained_folder: Path, tmp_path: Path
) -> None:
    given = ["--model", trained_folder, "--output", tmp_path / "dist"]
    call(monkeypatch, "package", *given, "--license", "cc-by-4.0", "--language", "en,de")
    metadata = json.loads((tmp_path / "dist" / "metadata.json").read_text(encoding="utf-8"))
    assert (metadata["license"], metadata["language"]) == ("cc-by-4.0", ["en", "de"])
