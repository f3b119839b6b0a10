"""One run per output folder."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nic.errors import UserError
from training.output.run_lock import hold_output_folder

HOLD = (
    "import sys, pathlib\n"
    "from training.output.run_lock import hold_output_folder\n"
    "with hold_output_folder(pathlib.Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)
PROJECT = Path(__file__).resolve().parents[3]


def holder(folder: Path) -> subprocess.Popen[str]:
    """A process that holds the lock of a folder until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_refused_with_process_and_host_of_the_first(tmp_path: Path) -> None:
    with holder(tmp_path / "out") as process:
        told = f"out: another training writes there .process {process.pid} on "
        with pytest.raises(UserError, match=told + socket.gethostname()):
            with hold_output_folder(tmp_path / "out"):
                raise AssertionError("both hold the folder")
        process.communicate("")
    with hold_output_folder(tmp_path / "out"):
        (tmp_path / "out" / "x").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x"]


def test_the_lock_of_a_killed_run_is_free_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with holder(tmp_path / "out") as process:
        process.kill()
    assert (tmp_path / "out" / "nic-run.holder.json").is_file()
    with caplog.at_level("INFO"), hold_output_folder(tmp_path / "out"):
        pass
    expected = f"The training before did not end by itself (process {process.pid} on "
    assert expected in caplog.text


def test_folders_made_for_the_lock_go_if_nothing_was_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="bad data"), hold_output_folder(tmp_path / "a" / "b"):
        raise UserError("bad data")
    assert list(tmp_path.iterdir()) == []


def test_only_the_main_process_locks(tmp_path: Path) -> None:
    with hold_output_folder(tmp_path / "out", main_process=False):
        assert not (tmp_path / "out").exists()


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="the superuser may write everywhere"
)
def test_a_folder_that_may_not_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(UserError, match="out: cannot be created"):
        with hold_output_folder(tmp_path / "out"):
            raise AssertionError("the lock was made")
