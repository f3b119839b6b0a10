"""The parser of the commands: its version, its exit codes and its one-line mistakes."""

from __future__ import annotations

import pytest

from nic import __version__
from nic.command_line import OneLineParser
from nic.errors import UserError


def test_version_prints_the_command_and_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    parser = OneLineParser(prog="nic-check", exit_codes={})
    with pytest.raises(SystemExit) as stopped:
        parser.parse_args(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"nic-check {__version__}\n"


def test_help_lists_the_common_exit_codes_and_those_of_the_command() -> None:
    parser = OneLineParser(prog="nic-evaluate", exit_codes={3: "a gate failed"})
    text = " ".join(parser.format_help().split())
    assert "Exit codes: 0 success; 1 the disk or the memory is full; 2 wrong input" in text
    assert "; 3 a gate failed; 130 interrupted" in text


def test_an_unknown_flag_is_one_error_that_names_help() -> None:
    with pytest.raises(UserError, match=r"unrecognized arguments: --nope; --help lists every flag"):
        OneLineParser(prog="nic-check").parse_args(["--nope"])
