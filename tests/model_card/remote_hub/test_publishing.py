"""Publishing over the network: the real client, a small hub on the loopback, and all its faults.

The fixture `offline` of conftest.py stays in force: HF_HUB_OFFLINE must not keep anybody from
publishing to a hub that was named.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import READ_TOKEN, WRITE_TOKEN, HubRepository, HubServer, store
from huggingface_hub import close_session, constants

from model_card.hubs import IntegrityError, Published
from model_card.remote_hub import endpoint, verification
from model_card.remote_hub.hub import RemoteHub
from nic.errors import UserError

NAME = "org/nic"
TAG = "v1.0"
Fails = Callable[..., AbstractContextManager[None]]


@pytest.fixture(autouse=True)
def user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Somebody with a token, an empty cache, no HF_ENDPOINT and no proxy."""
    for name in ("HF_ENDPOINT", "HF_TOKEN_PATH", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    close_session()
    yield
    close_session()


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture(autouse=True)
def spared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No fresh process but for a real model; the bytes that come back are compared all the same."""
    if "tiny_model_folder" not in request.fixturenames:
        monkeypatch.setattr(verification, "largest_difference", lambda first, second: 0.0)


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """A folder with the kinds of files that a model has."""
    folder = tmp_path / "staged"
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\nA card\n", encoding="utf-8")
    (folder / "modules.json").write_text("[]", encoding="utf-8")
    (folder / "1_Pooling" / "config.json").write_text("{}", encoding="utf-8")
    (folder / "model.safetensors").write_bytes(bytes(range(256)) * 40)
    return folder


@pytest.fixture
def fails(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Fails:
    """Context in which a one-line error is raised, and no token is shown anywhere."""

    @contextmanager
    def failing(match: str, kind: type[UserError] = UserError) -> Iterator[None]:
        with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=match) as raised:
            yield
        assert "\n" not in str(raised.value)
        shown = capfd.readouterr()
        everything = [caplog.text, shown.out, shown.err, *traceback.format_exception(raised.value)]
        assert not [text for text in everything if WRITE_TOKEN in text or READ_TOKEN in text]

    return failing


def publish(hub: HubServer, staged: Path, tag: str = TAG, public: bool = False) -> Published:
    return RemoteHub(hub.address, public).publish(staged, NAME, tag)


def files_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def assert_published(hub: HubServer, staged: Path, tag: str = TAG) -> None:
    assert hub.files(NAME, tag) == hub.files(NAME, "main") == files_of(staged)


LOADER = """
import sys
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(sys.argv[1], revision=sys.argv[2], device="cpu")
print(model.encode("the pump leaks").shape)
"""


def test_a_model_is_proposed_loaded_back_merged_and_tagged_and_loads_by_name_elsewhere(
    hub: HubServer, tiny_model_folder: Path, tmp_path: Path
) -> None:
    published = publish(hub, tiny_model_folder)
    repository = hub.repositories[NAME]
    assert published == Published(NAME, TAG, repository.tags[TAG], hub.address, False)
    assert repository.private
    assert [pull.status for pull in repository.pulls] == ["merged"]
    assert repository.tags[TAG] == repository.branches["main"]
    assert_published(hub, tiny_model_folder)
    elsewhere = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    result = subprocess.run(
        [sys.executable, "-c", LOADER, NAME, TAG],
        env=os.environ | elsewhere,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert result.stdout == "(32,)\n", result.stderr


def test_a_model_that_encodes_otherwise_is_not_merged(
    hub: HubServer, staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "largest_difference", lambda first, second: float("nan"))
    with pytest.raises(IntegrityError, match="embeddings differ by nan; nothing was merged"):
        publish(hub, staged)
    assert hub.files(NAME, "main") == {}


def test_the_same_content_under_the_same_tag_changes_nothing_and_says_so(
    hub: HubServer, staged: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = publish(hub, staged)
    written = len(hub.writes())
    with caplog.at_level(logging.INFO, "model_card"):
        second = publish(hub, staged)
    assert (second.revision, second.already_there) == (first.revision, True)
    assert len(hub.writes()) == written
    assert f"v1.0 of org/nic at {hub.address} holds this very content already" in caplog.text


def test_other_content_under_the_same_tag_is_refused_before_anything_is_sent(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    publish(hub, staged)
    written = len(hub.writes())
    (staged / "modules.json").write_text("[1]", encoding="utf-8")
    with fails("v1.0 is published already, with other content .modules.json holds other bytes"):
        publish(hub, staged)
    assert len(hub.writes()) == written


def test_an_existing_tag_is_checked_by_the_bytes_that_come_back(
    hub: HubServer, staged: Path
) -> None:
    publish(hub, staged)
    repository = hub.repositories[NAME]
    tree = repository.commits[repository.tags[TAG]].files
    tree["modules.json"] = replace(tree["modules.json"], data=b"{}")
    with pytest.raises(IntegrityError, match="modules.json holds other bytes; the tag v1.0"):
        publish(hub, staged)


def test_a_new_version_drops_stale_files_in_one_commit_and_leaves_the_old_tag(
    hub: HubServer, staged: Path, tmp_path: Path
) -> None:
    old = publish(hub, staged)
    newer = Path(shutil.copytree(staged, tmp_path / "newer"))
    (newer / "1_Pooling" / "config.json").unlink()
    (newer / "model.safetensors").write_bytes(b"new weights")
    new = publish(hub, newer, "v1.1")
    repository = hub.repositories[NAME]
    assert hub.files(NAME, "v1.0") == files_of(staged)
    assert_published(hub, newer, "v1.1")
    assert repository.commits[new.revision].parent == old.revision
    assert ".gitattributes" in repository.commits[new.revision].files


@pytest.mark.parametrize("kind", ["no", "ignored"])
def test_a_hub_without_pull_requests_gets_one_commit(
    hub: HubServer, staged: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    hub.pull_requests = kind
    repository = hub.add_repository(NAME)
    intrude(repository)
    head = repository.branches["main"]
    revision = publish(hub, staged).revision
    assert repository.commits[revision].parent == head
    assert_published(hub, staged)
    assert "no pull requests there, so main moved before the check" in caplog.text


@pytest.mark.parametrize("private", [False, None])
def test_a_repository_that_everybody_can_read_is_refused_before_anything_is_sent(
    hub: HubServer, staged: Path, private: bool | None, fails: Fails
) -> None:
    hub.add_repository(NAME, private)
    with fails("org/nic at http://127.0.0.1:.* not private, .* allow it with --public"):
        publish(hub, staged)
    assert hub.writes() == []


def test_a_public_repository_is_taken_when_it_was_asked_for(hub: HubServer, staged: Path) -> None:
    hub.add_repository(NAME, private=False)
    publish(hub, staged, public=True)
    assert_published(hub, staged)


@pytest.mark.parametrize("public", [True, False])
def test_a_new_repository_is_private_unless_asked_otherwise(
    hub: HubServer, staged: Path, public: bool
) -> None:
    publish(hub, staged, public=public)
    assert hub.repositories[NAME].private is not public


def test_a_wrong_token_is_refused_and_not_shown(
    hub: HubServer, staged: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN + "x")
    with fails("http://127.0.0.1:.*: refused the token; put a valid one into HF_TOKEN"):
        publish(hub, staged)
    assert hub.writes() == []


@pytest.mark.parametrize("tells_role", [True, False])
@pytest.mark.parametrize("exists", [True, False])
def test_a_token_that_may_only_read_changes_nothing(
    hub: HubServer,
    staged: Path,
    tells_role: bool,
    exists: bool,
    fails: Fails,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.tells_role = tells_role
    if exists:
        hub.add_repository(NAME)
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    with fails("may only read" if tells_role else "token may not"):
        publish(hub, staged)
    assert hub.objects == {} and hub.repositories.keys() == ({NAME} if exists else set())


def test_an_unknown_organisation_is_named(hub: HubServer, staged: Path, fails: Fails) -> None:
    with fails("elsewhere/nic at .*: cannot be created: there is no organisation elsewhere"):
        RemoteHub(hub.address).publish(staged, "elsewhere/nic", TAG)


def test_no_token_is_an_error_before_any_request(
    hub: HubServer, staged: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with fails("no token; put it into HF_TOKEN, or into the file HF_TOKEN_PATH"):
        publish(hub, staged)
    assert hub.requests == []


@pytest.mark.parametrize("status", [401, 403, 422, 503])
def test_a_token_that_the_hub_repeats_is_not_passed_on(
    hub: HubServer, staged: Path, fails: Fails, status: int
) -> None:
    hub.break_at("POST .*/commit/", status, says=f"bad\x1b[2J\n{WRITE_TOKEN}", times=2)
    with fails(r"^[^\n\x1b]*(<token>|refused the token)"):
        publish(hub, staged)


def test_a_dropped_upload_is_sent_again_by_itself(hub: HubServer, staged: Path) -> None:
    hub.break_at("PUT /lfs/")
    publish(hub, staged)
    assert_published(hub, staged)
    assert len([line for line in hub.requests if line.startswith("PUT")]) == 2


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize(
    "request_line",
    [
        "GET /api/whoami-v2",
        "POST /api/repos/create",
        "POST .*/commit/",
        "POST .*/merge",
        "POST .*/tag/",
    ],
)
def test_after_a_lost_request_or_reply_the_next_run_completes(
    hub: HubServer,
    staged: Path,
    request_line: str,
    done: bool,
    fails: Fails,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub.break_at(request_line, done=done)
    with fails("http://127.0.0.1:.*: connection lost .*; run the same command again"):
        publish(hub, staged)
    publish(hub, staged)
    assert_published(hub, staged)
    assert [pull.status for pull in hub.repositories[NAME].pulls] == ["merged"]
    assert "no pull requests" not in caplog.text


def test_a_lost_reply_without_pull_requests_makes_no_second_commit(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    hub.pull_requests = "no"
    hub.break_at("POST .*/commit/.*", done=True)
    with fails("connection lost"):
        publish(hub, staged)
    publish(hub, staged)
    assert_published(hub, staged)
    assert len(hub.repositories[NAME].commits) == 2


def test_what_a_broken_off_run_has_merged_is_checked_before_it_is_tagged(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    hub.break_at("POST .*/merge", done=True)
    with fails("connection lost"):
        publish(hub, staged)
    for digest, data in hub.objects.items():
        hub.objects[digest] = data[:-1] + b"x"
    with fails("model.safetensors holds other bytes; main holds it, no tag", IntegrityError):
        publish(hub, staged)
    assert hub.repositories[NAME].tags == {}


def test_a_tag_that_the_hub_only_claims_to_have_set_is_told(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    hub.break_at("POST .*/tag/", 200)
    with fails("the hub did not set the tag v1.0; run the same command again"):
        publish(hub, staged)
    publish(hub, staged)
    assert_published(hub, staged)


def test_a_repository_that_somebody_else_just_created_is_taken(
    hub: HubServer, staged: Path
) -> None:
    hub.break_at("POST .*/repos/create", act=lambda: created_meanwhile(hub))
    publish(hub, staged)
    assert_published(hub, staged)


def created_meanwhile(hub: HubServer) -> None:
    hub.add_repository(NAME)


def test_an_empty_repository_gets_its_first_commit(hub: HubServer, staged: Path) -> None:
    repository = hub.add_repository(NAME, empty=True)
    publish(hub, staged)
    assert_published(hub, staged)
    assert len(repository.commits) == 1


def test_a_hub_that_does_not_tell_who_one_is_will_do(hub: HubServer, staged: Path) -> None:
    hub.break_at("GET /api/whoami-v2", 404)
    publish(hub, staged)
    assert_published(hub, staged)


@pytest.mark.parametrize(
    ("request_line", "status", "message"),
    [
        (
            "GET /api/models/org/nic$",
            404,
            r"the repository is not there \(404 to GET /api/models/org/nic\), or this address",
        ),
        (
            "POST /api/repos/create",
            405,
            r"the hub lacks the function \(405 to POST /api/repos/create: ",
        ),
        (
            "POST /api/validate-yaml",
            404,
            r"the hub lacks the function \(404 to POST /api/validate-yaml: ",
        ),
        (
            "POST .*/preupload/",
            404,
            r"the hub lacks the function \(404 to POST /api/models/org/nic/preupload/main: ",
        ),
        (
            "POST .*/info/lfs/objects/batch",
            404,
            r"the hub lacks the function \(404 to POST /org/nic.git/info/lfs/objects/batch: ",
        ),
        (
            "POST .*/tag/",
            404,
            r"the hub lacks the function \(404 to POST /api/models/org/nic/tag/",
        ),
        ("PUT ", 404, r"the hub lacks the function \(404 to PUT an address of 127.0.0.1: "),
    ],
)
def test_a_hub_that_answers_not_found_is_told_with_the_request_and_what_is_missing(
    hub: HubServer, staged: Path, fails: Fails, request_line: str, status: int, message: str
) -> None:
    hub.break_at(request_line, status, "Not found", times=99)
    with fails(message):
        publish(hub, staged)


def test_a_hub_that_fails_for_now_is_named_with_what_to_do(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    hub.break_at("POST .*/commit/", 503)
    with fails(r"fails for now \(503 broken\); run the same command again"):
        publish(hub, staged)
    publish(hub, staged)
    assert_published(hub, staged)


def test_a_hub_that_is_not_there_is_named(hub: HubServer, staged: Path, fails: Fails) -> None:
    with HubServer() as gone:
        address = gone.address
    with fails(f"^{address}: not reachable"):
        RemoteHub(address).publish(staged, NAME, TAG)


def test_a_hub_that_never_answers_does_not_hold_us_up(
    hub: HubServer, staged: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "TIMEOUT", endpoint.httpx.Timeout(0.2))
    hub.pause_at("GET .*/models/")
    with fails("connection lost .timed out"):
        publish(hub, staged)


def test_what_is_no_hub_is_told(hub: HubServer, staged: Path, fails: Fails) -> None:
    hub.add_repository(NAME)
    hub.break_at("GET .*/refs", 200)
    with fails("does not answer as a hub does .KeyError: 'branches'"):
        publish(hub, staged)


def test_neither_offline_mode_nor_xet_is_changed_for_good(hub: HubServer, staged: Path) -> None:
    assert constants.HF_HUB_OFFLINE
    publish(hub, staged)
    assert (constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET) == (True, False)
    assert not [line for line in hub.requests if "xet" in line]


def test_a_lost_race_is_told_and_the_next_run_completes(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    repository = hub.add_repository(NAME)
    hub.break_at("POST .*/merge", act=lambda: intrude(repository))
    with fails("somebody else published at the same moment; .* .and at pull request 1."):
        publish(hub, staged)
    assert repository.tags == {}
    publish(hub, staged)
    assert_published(hub, staged)


def test_main_that_moves_during_the_check_is_not_merged_into(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    repository = hub.add_repository(NAME)
    hub.break_at("HEAD .*/resolve/", act=lambda: intrude(repository))
    with fails("somebody else published at the same moment"):
        publish(hub, staged)
    assert hub.files(NAME, "main") == {"theirs.txt": b"theirs"}
    assert [pull.status for pull in repository.pulls] == ["open"]


def test_a_lost_race_without_pull_requests_leaves_main_to_the_winner(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    hub.pull_requests = "no"
    repository = hub.add_repository(NAME)
    hub.break_at("POST .*/preupload/", act=lambda: intrude(repository), times=2)
    with fails("somebody else published at the same moment; look at what main holds"):
        publish(hub, staged)
    assert hub.files(NAME, "main") == {"theirs.txt": b"theirs"}
    assert repository.tags == {}


def test_a_tag_that_others_set_to_the_same_content_is_theirs_and_ours(
    hub: HubServer, staged: Path
) -> None:
    repository = hub.add_repository(NAME)

    def tag_same() -> None:
        files = repository.commits[repository.branches["main"]].files
        repository.tags[TAG] = repository.add("other", files, None, "theirs")

    hub.break_at("POST .*/tag/", act=tag_same)
    published = publish(hub, staged)
    assert (published.revision, published.already_there) == (repository.tags[TAG], True)


def test_a_tag_that_others_set_to_other_content_is_refused(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    repository = hub.add_repository(NAME)
    first = repository.branches["main"]
    hub.break_at("POST .*/tag/", act=lambda: repository.tags.update({TAG: first}))
    with fails("v1.0 is published already, with other content"):
        publish(hub, staged)
    assert repository.tags == {TAG: first}


def intrude(repository: HubRepository) -> None:
    """Somebody else's commit to main."""
    head = repository.branches["main"]
    repository.add("main", {"theirs.txt": store(b"theirs")}, head, "theirs")


@pytest.mark.parametrize("name", ["lfs", "modules.json"])
def test_a_byte_flipped_in_the_hubs_storage_is_found_before_anything_moves(
    hub: HubServer, staged: Path, name: str, fails: Fails
) -> None:
    hub.corrupt = name
    file = "model.safetensors" if name == "lfs" else name
    with fails(f"{file} holds other bytes; nothing was merged or tagged", IntegrityError):
        publish(hub, staged)
    repository = hub.repositories[NAME]
    assert (hub.files(NAME, "main"), repository.tags) == ({}, {})
    hub.corrupt = ""
    for digest in hub.objects:
        hub.objects[digest] = (staged / "model.safetensors").read_bytes()
    publish(hub, staged)
    assert_published(hub, staged)


def test_a_byte_flipped_where_there_are_no_pull_requests_is_never_tagged(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    hub.pull_requests = "no"
    hub.corrupt = "lfs"
    with fails("model.safetensors holds other bytes; main holds it, no tag", IntegrityError):
        publish(hub, staged)
    assert hub.repositories[NAME].tags == {}


PUBLISHER = """
import sys
from pathlib import Path
from model_card.remote_hub import verification
from model_card.remote_hub.hub import RemoteHub

verification.largest_difference = lambda first, second: 0.0
RemoteHub(sys.argv[4]).publish(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
"""


@pytest.mark.parametrize(
    ("request_line", "done"),
    [
        ("PUT /lfs/", False),
        ("POST .*/commit/", False),
        ("POST .*/commit/", True),
        ("GET .*/resolve/", True),
        ("POST .*/merge", True),
        ("POST .*/tag/", True),
    ],
)
def test_after_kill_9_readers_see_a_whole_version_and_the_next_run_completes(
    hub: HubServer, staged: Path, request_line: str, done: bool
) -> None:
    pause = hub.pause_at(request_line, done)
    command = [sys.executable, "-c", PUBLISHER, str(staged), NAME, TAG, hub.address]
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": path, "HF_DEBUG": "1"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as publisher:
        assert pause.reached.wait(300)
        publisher.kill()
        shown, _ = publisher.communicate()
    pause.resume.set()
    assert shown and WRITE_TOKEN.encode() not in shown
    repository = hub.repositories[NAME]
    assert hub.files(NAME, "main") in ({}, files_of(staged))
    publish(hub, staged)
    assert_published(hub, staged)
    assert [pull.status for pull in repository.pulls] == ["merged"]


def test_without_an_address_the_public_hub_is_not_taken(staged: Path, fails: Fails) -> None:
    with fails("no hub given: name it with --endpoint .* or set HF_ENDPOINT"):
        RemoteHub().publish(staged, NAME, TAG)


def test_hf_endpoint_names_the_hub(
    hub: HubServer, staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.address + "/")
    assert RemoteHub().publish(staged, NAME, TAG).location == hub.address


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("http://hub.example.org", "readable on the way; use https"),
        ("http://localhost.example.org", "readable on the way; use https"),
        ("http://10.0.0.1:80", "readable on the way; use https"),
        ("hub.example.org", "give an address such as https://hub.example.org"),
        ("file:///hub", "give an address such as"),
        ("https://", "give an address such as"),
        ("https://hub.example.org:x", "Port could not be cast"),
        ("https://hub.example.org/?a=b", "give the bare address"),
        (f"https://ann:{WRITE_TOKEN}@hub.example.org", "give the bare address"),
    ],
)
def test_an_unsafe_address_is_refused(staged: Path, address: str, match: str, fails: Fails) -> None:
    with fails(match):
        RemoteHub(address).publish(staged, NAME, TAG)


@pytest.mark.parametrize(
    "address",
    [
        "https://hub.example.org/hub",
        "http://localhost:80",
        "http://[::1]:80",
        "http://127.9.9.9",
    ],
)
def test_https_or_this_machine_is_a_safe_address(address: str) -> None:
    assert endpoint.resolve_address(address + "/") == address


def test_the_token_stays_with_the_hub(hub: HubServer, staged: Path) -> None:
    with HubServer() as elsewhere:
        elsewhere.objects = hub.objects
        hub.verify_at = elsewhere.address
        publish(hub, staged)
        assert elsewhere.requests == ["POST /lfs-verify -"]


def test_nothing_goes_over_plain_http_to_another_machine(
    hub: HubServer, staged: Path, fails: Fails
) -> None:
    hub.verify_at = "http://storage.example.org"
    with fails("wants files sent to storage.example.org over plain http"):
        publish(hub, staged)


def test_the_tokens_file_stands_in_for_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(WRITE_TOKEN + "\n", encoding="utf-8")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    assert endpoint.read_token() == WRITE_TOKEN


def test_a_named_token_file_that_is_missing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="HF_TOKEN_PATH .*none: No such file"):
        endpoint.read_token()


@pytest.mark.parametrize("wrong", [b" \xff", b"", b"two words", "hf_\u00e4".encode()])
def test_what_cannot_be_a_token_is_not_shown(
    tmp_path: Path, wrong: bytes, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_bytes(wrong and wrong + WRITE_TOKEN.encode())
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    with fails("HF_TOKEN_PATH .*: holds no token"):
        endpoint.read_token()


@pytest.mark.parametrize("tag", ["main", "v1/0", "", "-x", "a..b", "deadbeef", "a" * 40, "v 1"])
def test_a_tag_that_git_or_the_client_would_take_for_something_else_is_refused(
    staged: Path, tag: str
) -> None:
    with pytest.raises(UserError, match=f"--revision-tag {tag}: give a version such as .v1.0"):
        RemoteHub("https://hub.example.org").publish(staged, NAME, tag)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no files to publish"):
        RemoteHub("https://hub.example.org").publish(tmp_path / "none", NAME, TAG)


@pytest.mark.parametrize("revision", ["v1.0", "main"])
def test_a_download_gives_the_published_files_and_leaves_nothing_else(
    hub: HubServer, staged: Path, tmp_path: Path, revision: str
) -> None:
    publish(hub, staged)
    folder = tmp_path / "new" / "fetched"
    assert RemoteHub(hub.address).fetch(NAME, revision, folder) == folder
    assert files_of(folder) == files_of(staged)
    assert [path.name for path in folder.parent.iterdir()] == ["fetched"]


def test_a_download_takes_nothing_from_the_users_cache(
    hub: HubServer, staged: Path, tmp_path: Path
) -> None:
    revision = publish(hub, staged).revision
    cached = Path(constants.HF_HUB_CACHE, "models--org--nic", "snapshots", revision)
    cached.mkdir(parents=True)
    (cached / "modules.json").write_text("older", encoding="utf-8")
    folder = RemoteHub(hub.address).fetch(NAME, TAG, tmp_path / "fetched")
    assert files_of(folder) == files_of(staged)


def test_a_download_goes_on_after_a_dropped_connection(
    hub: HubServer, staged: Path, tmp_path: Path
) -> None:
    publish(hub, staged)
    hub.break_at("GET .*/resolve/.*safetensors")
    folder = RemoteHub(hub.address).fetch(NAME, TAG, tmp_path / "fetched")
    assert files_of(folder) == files_of(staged)


def test_a_download_of_an_unknown_version_or_repository_is_one_line(
    hub: HubServer, staged: Path, tmp_path: Path, fails: Fails
) -> None:
    publish(hub, staged)
    with fails("org/nic at .*: has no version v9"):
        RemoteHub(hub.address).fetch(NAME, "v9", tmp_path / "fetched")
    with fails("org/other at .*: not there, or not for this token to see"):
        RemoteHub(hub.address).fetch("org/other", TAG, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_a_download_without_a_token_of_a_private_one_is_one_line(
    hub: HubServer,
    staged: Path,
    tmp_path: Path,
    fails: Fails,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(hub, staged)
    monkeypatch.delenv("HF_TOKEN")
    with fails("org/nic at .*: not there, or not for this token to see"):
        RemoteHub(hub.address).fetch(NAME, TAG, tmp_path / "fetched")


def test_a_download_of_damaged_bytes_leaves_nothing(
    hub: HubServer, staged: Path, tmp_path: Path, fails: Fails
) -> None:
    publish(hub, staged)
    (digest,) = hub.objects
    hub.objects[digest] = b"x" * 256 * 40
    with fails("sent other bytes than it lists: model.safetensors", IntegrityError):
        RemoteHub(hub.address).fetch(NAME, TAG, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_a_download_of_an_empty_repository_is_one_line(
    hub: HubServer, tmp_path: Path, fails: Fails
) -> None:
    hub.add_repository(NAME)
    with fails("org/nic at .*, main: holds no files"):
        RemoteHub(hub.address).fetch(NAME, "main", tmp_path / "fetched")


def test_a_download_into_a_folder_with_files_is_refused(staged: Path) -> None:
    with pytest.raises(UserError, match="not empty; give a folder that does not exist yet"):
        RemoteHub("https://hub.example.org").fetch(NAME, TAG, staged)
