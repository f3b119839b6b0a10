"""Whatever a command is doing, a signal ends it with one line and leaves nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from command_runs import before_call, exit_code
from conftest import MakePairs, make_row
from hub_workers import make_version
from tiny_runs import FLAGS, named

from model_card.local_hub.hub import LocalHub
from nic.signals import Stopped, signal_of, stopped_by_signals

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
REPO = "org/nic-tiny"
# A file or folder of these names is a part of something that was not finished.
UNFINISHED = ("*.incomplete*", "*.new-*", "*.old-*")
GO_ON = "go on with the same command and --resume\n"
ANEW = "nothing was trained yet: run the same command again\n"
NOTHING = "nothing half-written is left\n"


@pytest.fixture(autouse=True)
def _a_terminal_that_closes_stops_commands() -> Iterator[None]:
    """What started the tests may ignore it, as nohup does."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def stop_at(place: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a signal just before a function is called for the first time."""
    before_call(place, lambda: os.kill(os.getpid(), number), monkeypatch)


def run(module: str, argv: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of a command."""
    return exit_code(import_module(module).main, argv, monkeypatch)


def unfinished(folder: Path) -> list[str]:
    """What was not finished below a folder."""
    return [path.name for pattern in UNFINISHED for path in folder.rglob(pattern)]


PHASES = [
    ("training.pipeline.read_data", ANEW),
    ("training.pipeline.load_trainable_model", ANEW),
    ("training.pipeline.check_data", ANEW),
    ("training.pipeline.save_split", ANEW),
    ("training.fitting.score_base", ANEW),
    ("training.fitting.run_training", ANEW),
    ("training.loop.checkpoints.save_model", "after step 5 of 8; "),
    ("training.loop.checkpoints.promote_best", GO_ON),
    ("training.loop.checkpoints.copy_model", GO_ON),
    ("training.fitting.score_saved_model", GO_ON),
    ("training.pipeline.final_evaluation", GO_ON),
    ("training.output.model_folder.draw_plots", GO_ON),
    ("training.output.model_folder.write_card", GO_ON),
    ("evaluation.report.output.write_results_folder", GO_ON),
    ("evaluation.report.output.write_page", GO_ON),
    ("training.loop.checkpoints.remove_temporary_checkpoints", GO_ON),
    ("model_card.push.build_package", GO_ON),
    ("model_card.local_hub.publishing.tree_json", GO_ON),
]
# Where going on is tried too: it takes most of the time.
RESUMED = (
    "training.fitting.score_base",
    "training.loop.checkpoints.copy_model",
    "training.output.model_folder.write_card",
    "model_card.local_hub.publishing.tree_json",
)


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(("place", "says"), PHASES, ids=[place for place, _ in PHASES])
def test_a_training_says_at_every_phase_how_to_go_on_and_goes_on(
    place: str,
    says: str,
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output, hub = tmp_path / "out", tmp_path / "hub"
    given = [*named(tiny_model_folder, two_domains, output), *FLAGS, "--allow-failed-gates", "tiny"]
    given += ["--publish-to", str(hub), "--repo-id", REPO, "--revision-tag", "v1.0"]
    number = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)[len(place) % 3]
    with monkeypatch.context() as patch:
        stop_at(place, number, patch)
        assert run("training.train", given, patch) == 128 + number
    last = capsys.readouterr().err.splitlines(keepends=True)[-1]
    assert last.startswith(f"stopped by {signal.Signals(number).name}")
    assert says in last
    assert unfinished(tmp_path) == []
    assert not list(output.glob("nic-run.lock*"))
    if place not in RESUMED:
        return
    more = [] if says == ANEW else ["--resume"]
    assert run("training.train", [*given, *more], monkeypatch) == 0, capsys.readouterr().err
    assert [version.tag for version in LocalHub(hub).versions(REPO)] == ["v1.0"]


@pytest.fixture
def commands(
    tiny_model_folder: Path, two_domains: Path, write_pairs: MakePairs, tmp_path: Path
) -> dict[str, list[str]]:
    """What each other command is given; all that it writes is below a folder."""
    output, base = str(tmp_path / "out"), ["--base-model", str(tiny_model_folder)]
    data = ["--data-file", str(two_domains)]
    bare = [{key: make_row(n, "hvac")[key] for key in ("query", "positive")} for n in range(40)]
    manuals = tmp_path / "manuals"
    manuals.mkdir()
    text = "# Valve\n\nThe valve is closed by a spring. Check the relay of the valve first.\n"
    (manuals / "valve.md").write_text(text, encoding="utf-8")
    LocalHub(tmp_path / "hub").publish(make_version(tmp_path / "v1.0", 1), REPO, "v1.0")
    hub = ["--repo-id", REPO, "--local-hub", str(tmp_path / "hub")]
    small = ["--epochs", "1", "--batch-size", "8", "--val-ratio", "0.2", "--probe", "none"]
    many = ["--data-file", str(write_pairs([make_row(n, "hvac") for n in range(200)], "200.jsonl"))]
    tiny = [*base, *data, "--device", "cpu"]
    mined = ["--data-file", str(write_pairs(bare, "bare.jsonl")), *base, "--device", "cpu"]
    mined += ["--rank-range", "2", "30", "--output", str(tmp_path / "mined.jsonl")]
    made = ["make", "--manuals", str(manuals), "--output", str(tmp_path / "made.jsonl"), *base]
    evaluated = ["--model", str(tiny_model_folder), "--base", str(tiny_model_folder), *data]
    return {
        "evaluation.run": [
            *evaluated,
            "--no-speed",
            "--all",
            "--probe",
            "none",
            "--output-dir",
            output,
        ],
        "pairs.check": [*data, *base, "--write-clean", str(tmp_path / "clean.jsonl")],
        "manuals.make": made,
        "training.mine": mined,
        "training.advise": [*base, *many, "--device", "cpu", "--output-dir", output],
        "training.tune": [*tiny, "--output-dir", output, *small, "--trials", "2", "--no-speed"],
        "model_card.publish": ["export", "v1.0", *hub, "--archive", str(tmp_path / "v1.0.zip")],
    }


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize(
    ("command", "place", "says"),
    [
        ("evaluation.run", "evaluation.pipeline.collect", NOTHING),
        ("evaluation.run", "evaluation.report.output.write_page", NOTHING),
        ("pairs.check", "pairs.checks.run.scan_file", NOTHING),
        ("pairs.check", "pairs.checks.clean.atomic_write_text", NOTHING),
        ("manuals.make", "manuals.made_pairs.write_jsonl", NOTHING),
        ("training.mine", "training.negatives.mine_file.atomic_write", NOTHING),
        ("training.advise", "training.fitting.score_base", "the same command and --force\n"),
        ("training.advise", "training.advice.pipeline.measure_ways", "command and --force\n"),
        ("training.tune", "training.pipeline.plan_search", ANEW),
        ("training.tune", "training.search.search.write_trials", GO_ON),
        ("model_card.publish", "model_card.local_hub.archive.copy_blocks", NOTHING),
    ],
)
def test_every_other_command_ends_with_one_line_and_leaves_nothing_half_written(
    command: str,
    place: str,
    says: str,
    commands: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path for path in tmp_path.rglob("*") if path.parent == tmp_path}
    for number in (signal.SIGHUP, signal.SIGTERM):
        with monkeypatch.context() as patch:
            stop_at(place, number, patch)
            assert run(command, commands[command], patch) == 128 + number
        last = capsys.readouterr().err.splitlines(keepends=True)[-1]
        assert last.startswith(f"stopped by {signal.Signals(number).name}")
        assert last.endswith(says)
        assert unfinished(tmp_path) == []
        if says == NOTHING:
            assert {path for path in tmp_path.rglob("*") if path.parent == tmp_path} == before
        else:
            return


def test_a_signal_is_an_interruption_that_tells_its_number() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt) as stopped, stopped_by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal_of(stopped.value) == signal.SIGTERM
    assert signal_of(KeyboardInterrupt()) == signal.SIGINT
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_signal_that_the_process_was_told_to_ignore_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_copy_of_the_process_just_ends_by_the_signal() -> None:
    with stopped_by_signals():
        child = os.fork()
        if child == 0:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(10)
            except Stopped:
                os._exit(7)
            os._exit(8)
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_a_signal_while_the_command_is_imported_is_one_line(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, nic_commands\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'pairs.check':\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "nic_commands.check()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 128 + signal.SIGTERM
    assert ended.stderr == "stopped by SIGTERM: nothing half-written is left\n"
