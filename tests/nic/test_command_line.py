"""The parser of the commands: its version, its exit codes and its one-line mistakes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import MakePairs, make_row

from nic import __version__
from nic.command_line import OneLineParser
from nic.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]


def test_version_prints_the_command_and_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    parser = OneLineParser(prog="nic-check", exit_codes={})
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"nic-check {__version__}\n"


def test_help_lists_the_common_exit_codes_and_those_of_the_command() -> None:
    parser = OneLineParser(prog="nic-evaluate", exit_codes={3: "a gate failed"})
    text = " ".join(parser.format_help().split())
    assert "Exit codes: 0 success; 1 disk or memory full, or a file gone" in text
    assert "; 3 a gate failed; 130 Ctrl-C" in text


def test_an_unknown_flag_is_one_error_that_names_help() -> None:
    with pytest.raises(UserError, match=r"unrecognized arguments: --nope; --help lists every flag"):
        OneLineParser(prog="nic-check").parse_args(["--nope"])


COMMANDS = {
    "nic-train": "training/train.py",
    "nic-advise": "training/advise.py",
    "nic-tune": "training/tune.py",
    "nic-mine": "training/mine.py",
    "nic-check": "pairs/check.py",
    "nic-evaluate": "evaluation/run.py",
    "nic-publish": "model_card/publish.py",
}


def start(script: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """A command of the product in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(PROJECT / script), *arguments],
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="exit codes of signals are those of Unix")
@pytest.mark.parametrize("script", COMMANDS.values(), ids=COMMANDS)
def test_a_reader_that_goes_away_ends_the_command_quietly(script: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(script, "--help", stdout=writer)
    os.close(writer)
    assert process.communicate()[1] == b""
    # argparse itself takes no notice where the output has no buffer.
    assert process.returncode in (0, 141)


def test_a_reader_that_goes_away_during_a_report_ends_it_quietly(two_domains: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("pairs/check.py", "--data-file", str(two_domains), stdout=writer)
    os.close(writer)
    said = process.communicate()[1]
    assert b"Traceback" not in said
    assert b"Broken" not in said
    assert process.returncode == 141


def test_letters_that_a_terminal_lacks_are_escaped(write_pairs: MakePairs) -> None:
    rows = [make_row(n, ("Aufzüge", "hvac")[n % 2]) for n in range(40)]
    data = write_pairs([*rows, rows[0]])
    process = start(
        "pairs/check.py",
        "--data-file",
        str(data),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    shown, said = process.communicate()
    assert said == b""
    assert b"Aufz\\xfcge" in shown
