"""Mine hard negatives for a file of pairs, and write them with their ranks into a new file.

nic-mine --data-file my_pairs.jsonl --output mined.jsonl
"""

from __future__ import annotations

import sys

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from nic.errors import one_line_errors
from training.negatives.arguments import parse_arguments


@one_line_errors
def main() -> None:
    """Mines on the arguments of the command line."""
    arguments = parse_arguments()
    # After parsing: importing PyTorch takes seconds, and --help needs none of it.
    from training.negatives.mine_file import mine_negatives

    mine_negatives(arguments)


if __name__ == "__main__":
    sys.exit(main())
