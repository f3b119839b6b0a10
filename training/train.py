"""Fine-tune, evaluate and package a sentence-embedding model.

    accelerate launch --config_file accelerate_config.yaml training/train.py

On a laptop, one quick epoch:

    python training/train.py --config training/recipes/cpu.yaml --epochs 1 --output-dir models/quick
"""

from __future__ import annotations

import sys

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from nic.errors import one_line_errors
from training.command.help_text import answer_help


@one_line_errors
def main() -> None:
    """Runs the pipeline on the arguments of the command line."""
    answer_help(sys.argv[1:])
    # Imported here: PyTorch takes seconds, which the help does not need.
    from evaluation.gates import require_passed
    from training.command.parser import parse_arguments
    from training.pipeline import fine_tune

    run, arguments = parse_arguments()
    summary = fine_tune(run, arguments)
    if summary and run.gate:
        require_passed(summary.gates)


if __name__ == "__main__":
    sys.exit(main())
