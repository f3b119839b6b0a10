"""No command touches a file of the user's: content, mode and time of each stay as they were.

Three trees for each command by default, always the same ones; NIC_FUZZ_CASES as in `test_fuzzing`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from command_runs import exit_code
from conftest import MakePairs, make_row, write_metadata_of
from hub_workers import make_version
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_runs import FLAGS, named

from model_card.local_hub.hub import LocalHub
from model_card.package.build import build_package
from training.output.manifest import MANIFEST

REPO = "org/nic-tiny"
MANUALS, PACKAGED, ARCHIVE = "manuals", "packaged", "v1.0.zip"
# The user may have a file of this name in the folder that is written to.
TAKEN = "split.json"
HOSTILE = [
    ("modules.json", json.dumps([{"idx": 0, "name": "0", "path": "../mine", "type": "x"}])),
    (MANIFEST, json.dumps({"files": ["../mine/notes.txt", "/etc/hostname", "mine/", "notes.txt"]})),
    ("metadata.json", json.dumps({"files": {"../mine/notes.txt": "ab"}, "figures": ["../x"]})),
    ("results.json", json.dumps({"mine": 1})),
    ("checkpoint-notes.txt", "my notes"),
    ("notes.txt", "my notes"),
    ("advice.json.bak", "{}"),
    ("split.json", "[]"),
    ("README.md", "# Mine"),
]
Facts = dict[str, tuple[object, ...]]


def facts_of(folder: Path) -> Facts:
    """What each file and link below a folder is: its content, mode and time."""
    found: Facts = {}
    for path in sorted(folder.rglob("*")):
        name, state = path.relative_to(folder).as_posix(), path.lstat()
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_file():
            found[name] = (path.read_bytes(), state.st_mode, state.st_mtime_ns)
    return found


def fill(folder: Path, chosen: list[int], links: bool) -> None:
    """Write files of the user's into a folder, with old times and modes of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in chosen:
        name, text = HOSTILE[number]
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o640)
        os.utime(path, (10**9 + number, 10**9 + number))
    if links:
        (folder / "checkpoint-5").symlink_to("../mine", target_is_directory=True)
        (folder / "plots").symlink_to("../mine", target_is_directory=True)


COMMANDS: dict[str, tuple[str, Callable[[Path, Path, Path], list[str]]]] = {
    "train": (
        "training.train",
        lambda base, data, out: [*named(base, data, out), *FLAGS, "--epochs", "1"],
    ),
    "train again": (
        "training.train",
        lambda base, data, out: [*named(base, data, out), *FLAGS, "--epochs", "1", "--force"],
    ),
    "resume": (
        "training.train",
        lambda base, data, out: [*named(base, data, out), *FLAGS, "--resume"],
    ),
    "tune": (
        "training.tune",
        lambda base, data, out: [*named(base, data, out), *FLAGS, "--trials", "1", "--force"],
    ),
    "evaluate": (
        "evaluation.run",
        lambda base, data, out: [
            *("--model", str(base), "--base", str(base), "--data-file", str(data), "--all"),
            *("--probe", "none", "--no-speed", "--output-dir", str(out), "--force"),
        ],
    ),
    "advise": (
        "training.advise",
        lambda base, data, out: [*named(base, data, out), "--device", "cpu", "--force"],
    ),
    "package": (
        "model_card.publish",
        lambda base, data, out: ["package", "--model", str(base), "--output", str(out)],
    ),
    "list": ("model_card.publish", lambda base, data, out: ["list", "--local-hub", str(out)]),
    "repair": ("model_card.publish", lambda base, data, out: ["repair", "--local-hub", str(out)]),
    "rollback": (
        "model_card.publish",
        lambda base, data, out: ["rollback", "--repo-id", REPO, "--local-hub", str(out)],
    ),
    "export": (
        "model_card.publish",
        lambda base, data, out: [
            *("export", "v1.0", "--repo-id", REPO, "--local-hub", str(out)),
            *("--archive", str(out / "v1.0.zip")),
        ],
    ),
    "verify in a hub": (
        "model_card.publish",
        lambda base, data, out: ["verify", REPO, "--revision", "v1.0", "--local-hub", str(out)],
    ),
    "verify a folder": ("model_card.publish", lambda base, data, out: ["verify", str(out)]),
    "push": (
        "model_card.publish",
        lambda base, data, out: [
            *("push", "--model", str(data.parent / PACKAGED), "--repo-id", REPO),
            *("--revision-tag", "v1.0", "--local-hub", str(out)),
        ],
    ),
    "import": (
        "model_card.publish",
        lambda base, data, out: [
            *("import", "--archive", str(data.parent / ARCHIVE), "--local-hub", str(out)),
        ],
    ),
    "check": (
        "pairs.check",
        lambda base, data, out: [
            *("--data-file", str(data), "--base-model", str(base)),
            *("--write-clean", str(out / "clean.jsonl")),
            *("--json", str(out / "check.json"), "--html", str(out / "check.html")),
        ],
    ),
    "clean copy": (
        "pairs.check",
        lambda base, data, out: [
            *("--data-file", str(data), "--base-model", str(base)),
            *("--write-clean", str(out / TAKEN)),
        ],
    ),
    "pairs": (
        "manuals.make",
        lambda base, data, out: [
            *("make", "--manuals", str(data.parent / MANUALS), "--base-model", str(base)),
            *("--output", str(out / TAKEN), "--passages", str(out / "passages.jsonl")),
            *("--json", str(out / "report.json")),
        ],
    ),
    "mine": (
        "training.mine",
        lambda base, data, out: [
            *("--data-file", str(data), "--base-model", str(base), "--device", "cpu"),
            *("--rank-range", "2", "30", "--output", str(out / TAKEN)),
        ],
    ),
}
IN_A_HUB = ("list", "repair", "rollback", "export", "verify in a hub", "push", "import")


def write_sources(folder: Path, base: Path) -> None:
    """Write what some commands read: a manual, a packaged model, and an archive of it."""
    (folder / MANUALS).mkdir()
    text = "# Valve\n\nThe valve is closed by a spring. Check the relay of the valve first.\n"
    (folder / MANUALS / "valve.md").write_text(text, encoding="utf-8")
    model = Path(shutil.copytree(base, folder / "trained"))
    (model / "README.md").write_text("# nic-tiny\n\nA model.\n", encoding="utf-8")
    write_metadata_of(model)
    hub = LocalHub(folder / "hub")
    hub.publish(build_package(model, folder / PACKAGED), REPO, "v1.0")
    hub.export_version(REPO, "v1.0", folder / ARCHIVE)


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.skipif(os.name == "nt", reason="Windows takes links and modes from few users")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_leaves_every_file_of_the_user_as_it_was(
    name: str,
    tiny_model_folder: Path,
    write_pairs: MakePairs,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = write_pairs([make_row(n, ("hvac", "radar")[n % 2]) for n in range(40)])
    write_sources(data.parent, tiny_model_folder)
    module, words = COMMANDS[name]

    @settings(
        max_examples=int(os.environ.get("NIC_FUZZ_CASES", "3")),
        derandomize="NIC_FUZZ_CASES" not in os.environ,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        chosen=st.lists(st.integers(0, len(HOSTILE) - 1), unique=True),
        links=st.booleans(),
        hub=st.booleans(),
    )
    def check(chosen: list[int], links: bool, hub: bool) -> None:
        tree = tmp_path_factory.mktemp("tree")
        fill(tree / "mine", list(range(len(HOSTILE))), False)
        fill(tree / "out", chosen, links)
        before = facts_of(tree)
        if hub and name in IN_A_HUB:
            tag = "v0.9" if name in ("push", "import") else "v1.0"
            LocalHub(tree / "out").publish(make_version(tree / "v1", 1), REPO, tag)
        argv = words(tiny_model_folder, data, tree / "out")
        assert exit_code(import_module(module).main, argv, monkeypatch) in (0, 1, 2, 4)
        after = facts_of(tree)
        assert {path: after.get(path) for path in before} == before

    check()
