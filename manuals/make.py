"""Make pairs to train on from a folder of manuals, without a network or a language model.

python manuals/make.py make --manuals manuals --output pairs.jsonl
"""

from __future__ import annotations

import sys

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from manuals.arguments import MakeArguments, parse_arguments
from nic.command_line import say
from nic.errors import one_line_errors


@one_line_errors
def main() -> None:
    """Makes pairs on the command line's arguments."""
    arguments = parse_arguments()
    run(arguments)


def run(arguments: MakeArguments) -> None:
    """Makes pairs and prints the report.

    Raises:
        UserError: There is nothing to read, or no pair could be made.
    """
    # Imported after the flags are read, so that --help need not wait for the tokenizer.
    from manuals.make_report import console_lines
    from manuals.pipeline import make_pairs, show_first_prompt
    from nic.logs import open_run_log

    if arguments.dry_run:
        say([show_first_prompt(arguments)])
        return
    with open_run_log(True):
        report = make_pairs(arguments)
    say(console_lines(report))


if __name__ == "__main__":
    sys.exit(main())
