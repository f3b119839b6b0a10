"""Check a file of pairs before training on it; nothing is trained and the file is not changed.

    python pairs/check.py --data-file my_pairs.jsonl --html check.html

In seconds, on the default data:

    python pairs/check.py
"""

from __future__ import annotations

import sys

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from nic.command_line import say
from nic.errors import one_line_errors
from pairs.arguments import CheckArguments, parse_arguments

FINE, WARNED, REFUSED = 0, 1, 2


@one_line_errors
def main() -> int:
    """Checks the file of the command line, prints the report and returns the exit code."""
    arguments = parse_arguments()
    return run(arguments)


def run(arguments: CheckArguments) -> int:
    """Checks a file, prints the report, then writes the files that are asked for.

    Returns:
        The exit code: 0 fine, 1 warnings with `strict`, 2 where training would refuse the file.

    Raises:
        UserError: The file or the model cannot be read.
    """
    # Imported after the flags are read, so that --help need not wait for PyTorch.
    from pairs.checks.console import console_lines
    from pairs.checks.run import build_check, write_files

    report, scan = build_check(arguments)
    say(console_lines(report))
    if said := write_files(report, scan, arguments):
        say(said)
    if report.refused:
        return REFUSED
    return WARNED if arguments.strict and report.found("warning") else FINE


if __name__ == "__main__":
    sys.exit(main())
