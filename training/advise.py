"""Tells the cheapest way to search a file's passages that no dearer one significantly beats.

nic-advise --data-file my_pairs.jsonl --output-dir advice
"""

from __future__ import annotations

import sys

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from nic.errors import one_line_errors
from training.advice.arguments import parse_arguments


@one_line_errors
def main() -> None:
    """Compares the ways on the arguments of the command line."""
    arguments = parse_arguments()
    # After parsing: importing PyTorch takes seconds, and --help needs none of it.
    from training.advice.pipeline import give_advice

    give_advice(arguments)


if __name__ == "__main__":
    sys.exit(main())
