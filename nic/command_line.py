"""The argument parser of the commands; `nic-train` has its own in `training/command/parser.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from nic import __version__
from nic.errors import UserError, output_may_close, printable

# What every command exits with, whatever it does; a command adds its own.
COMMON_EXIT_CODES = {
    0: "success",
    1: "disk or memory full, or a file gone",
    2: "wrong input: one line says what to change",
    130: "Ctrl-C (129: SIGHUP, 143: SIGTERM)",
}


class OneLineParser(argparse.ArgumentParser):
    """Reports a mistake on one line, and accepts no abbreviated flags.

    Args:
        exit_codes: What the command's own exit codes mean; given for a whole command, which then
            answers `--version` too, and left out for its subcommands.
        options: Options of `argparse.ArgumentParser`.
    """

    def __init__(self, exit_codes: Mapping[int, str] | None = None, **options: Any) -> None:
        if exit_codes is not None:
            options["epilog"] = exit_code_text(exit_codes)
        super().__init__(allow_abbrev=False, **options)
        if exit_codes is not None:
            self.add_argument("--version", action="version", version=f"{self.prog} {__version__}")

    def error(self, message: str) -> NoReturn:
        """Raises what `one_line_errors` shows."""
        raise UserError(f"{message}; --help lists every flag")

    def _print_message(self, message: str, file: Any = None) -> None:
        # That of Python 3.10 fails where nobody reads the help.
        with output_may_close():
            super()._print_message(message, file)


def exit_code_text(own: Mapping[int, str]) -> str:
    """Returns one sentence that lists the exit codes of a command.

    Args:
        own: The codes of the command; they are added to, or replace, the common ones.
    """
    codes = dict(sorted((COMMON_EXIT_CODES | dict(own)).items()))
    return f"Exit codes: {'; '.join(f'{code} {text}' for code, text in codes.items())}."


def say(lines: Sequence[str]) -> None:
    """Prints lines to standard output.

    Raises:
        OutputClosed: Nobody reads it any more.
    """
    with output_may_close():
        sys.stdout.write(printable("\n".join(lines)) + "\n")
