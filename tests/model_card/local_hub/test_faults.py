"""The local hub under kill -9, racing publishers and full disks."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import hub_workers
import pytest
from hub_workers import (
    KILLS,
    REPO,
    find_litter,
    make_version,
    read_folder,
    read_revision,
    scan_warnings,
)

from model_card.local_hub.disk import DiskFullError
from model_card.local_hub.hub import LocalHub
from model_card.local_hub.layout import RepoFolder
from nic.errors import UserError

PUBLISHERS = 4
VERSIONS_EACH = 5


class Usage(NamedTuple):
    """What `shutil.disk_usage` gives."""

    total: int
    used: int
    free: int


def start_worker(*arguments: str) -> subprocess.Popen[str]:
    """A process of `hub_workers.py`."""
    script = Path(hub_workers.__file__)
    environment = {**os.environ, "PYTHONPATH": str(script.parents[1])}
    command = [sys.executable, str(script), *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def start_race(hub: Path, shares: list[list[str]]) -> list[subprocess.Popen[str]]:
    """Publishers that begin at the same time."""
    return [start_worker("race", str(hub), REPO, "links", *share) for share in shares]


def answers(workers: list[subprocess.Popen[str]]) -> list[Any]:
    """What the workers wrote, once all have ended well."""
    outputs = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * len(workers)
    return [json.loads(output) for output in outputs]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills copies of one process")
@pytest.mark.parametrize("how", ["links", "copy"])
def test_after_a_kill_anywhere_readers_see_a_whole_version_and_the_next_publisher_cleans_up(
    how: str, tmp_path: Path
) -> None:
    (results,) = answers([start_worker("kill", str(tmp_path), how)])
    assert len(results) == KILLS
    assert sum(result["killed"] for result in results) > 0.9 * KILLS
    assert {result["main"] for result in results} == {"old", "new"}
    for result in results:
        assert result["tag is whole"] and result["next is main"] and result["next is tagged"]
        assert (result["warnings"], result["litter"]) == ([], [])


def test_racing_publishers_lose_nothing_and_readers_see_whole_versions(tmp_path: Path) -> None:
    numbers = range(PUBLISHERS * VERSIONS_EACH)
    versions = {f"v{n}": make_version(tmp_path / f"v{n}", n) for n in numbers}
    texts = [f"{tag}={folder}" for tag, folder in versions.items()]
    hub, known = tmp_path / "hub", [read_folder(folder) for folder in versions.values()]
    LocalHub(hub).publish(versions["v0"], REPO, "v0")
    workers = start_race(hub, [texts[n::PUBLISHERS] for n in range(PUBLISHERS)])
    while any(worker.poll() is None for worker in workers):
        assert read_revision(hub, "main") in known
        assert scan_warnings(hub) == []
    assert answers(workers) == [["published"] * VERSIONS_EACH] * PUBLISHERS
    for tag, folder in versions.items():
        assert read_revision(hub, tag) == read_folder(folder)
    history = RepoFolder(hub, REPO).history.read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["tag"] for line in history) == sorted(versions)
    assert read_revision(hub, "main") == read_revision(hub, json.loads(history[-1])["tag"])
    assert find_litter(hub) == []


def test_of_publishers_racing_for_one_tag_one_wins(tmp_path: Path) -> None:
    versions = [make_version(tmp_path / f"v{n}", n) for n in range(PUBLISHERS)]
    hub = tmp_path / "hub"
    results = answers(start_race(hub, [[f"v1.0={folder}"] for folder in versions]))
    assert sorted(results) == [["published"]] + [["refused"]] * (PUBLISHERS - 1)
    winner = versions[results.index(["published"])]
    assert read_revision(hub, "main") == read_revision(hub, "v1.0") == read_folder(winner)
    assert find_litter(hub) == []


def without_locks(hub: Path) -> dict[str, bytes]:
    """All files of a hub but the lock."""
    return {name: text for name, text in read_folder(hub).items() if not name.startswith(".locks")}


@pytest.mark.parametrize("copy", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_disk_that_becomes_full_at_any_file_leaves_the_hub_as_it_was(
    first: bool, copy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    if first:
        hub.mkdir()
    else:
        LocalHub(hub, copy).publish(make_version(tmp_path / "old", 0), REPO, "v1.0")
    staged, before = make_version(tmp_path / "new", 1), without_locks(hub)
    refusals = 0
    while True:
        monkeypatch.setattr(os, "fsync", full_at(refusals, errno.ENOSPC))
        try:
            LocalHub(hub, copy).publish(staged, REPO, "v1.1")
            break
        except DiskFullError as error:
            assert "nothing was changed, free some space" in str(error)
        assert without_locks(hub) == before
        assert [path.name for path in hub.rglob("*") if path.is_dir()].count("refs") == 1 - first
        refusals += 1
    # Plan, three or four files, the list of files, history, main and tag.
    assert refusals == (9 if copy or first else 8)
    assert read_revision(hub, "main") == read_folder(staged)


def full_at(number: int, code: int) -> Callable[[int], None]:
    """An `os.fsync` that fails at a call."""
    calls = iter(range(number + 1))

    def fsync(_: int) -> None:
        if next(calls, None) == number:
            raise OSError(code, os.strerror(code))

    return fsync


def test_a_version_that_does_not_fit_is_refused_before_it_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    LocalHub(hub).publish(make_version(tmp_path / "old", 0), REPO, "v1.0")
    staged, before = make_version(tmp_path / "new", 1), without_locks(hub)
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**9, 10**9 - 90_000, 90_000))
    # 100,000 bytes are 25 pieces of 4096, two small files one each, and 65,536 for the rest.
    with pytest.raises(
        DiskFullError, match=r"hub: 176\.1 kB needed, 90\.0 kB free, 86\.1 kB missing; nothing was"
    ) as caught:
        LocalHub(hub).publish(staged, REPO, "v1.1")
    assert caught.value.exit_code == 1
    assert without_locks(hub) == before
    # What is there already takes no room.
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(10**9, 10**9 - 80_000, 80_000))
    LocalHub(hub).publish(tmp_path / "old", REPO, "v1.0-again")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_hub_that_may_not_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    LocalHub(hub).publish(make_version(tmp_path / "old", 0), REPO, "v1.0")
    monkeypatch.setattr(os, "fsync", full_at(2, errno.EROFS))
    with pytest.raises(UserError, match="hub: Read-only file system; nothing was changed"):
        LocalHub(hub).publish(make_version(tmp_path / "new", 1), REPO, "v1.1")
    assert [version.tag for version in LocalHub(hub).versions()] == ["v1.0"]


def test_whatever_interrupts_a_publisher_is_cleaned_up_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("model_card.local_hub.publishing.tree_json", interrupt)
    with pytest.raises(KeyboardInterrupt):
        LocalHub(hub).publish(make_version(tmp_path / "new", 1), REPO, "v1.0")
    assert without_locks(hub) == {}
    assert [path.name for path in hub.iterdir()] == [".locks"]
    with pytest.raises(UserError, match="no such repository"):
        LocalHub(hub).fetch(REPO)
