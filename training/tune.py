"""Search training settings, then fine-tune with the best ones.

    accelerate launch --config_file accelerate_config.yaml training/tune.py

On a laptop, a small search:

    python training/tune.py --config training/recipes/cpu.yaml --trials 6 --output-dir models/tuned
"""

from __future__ import annotations

import sys

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from nic.errors import one_line_errors
from training.command.help_text import answer_tune_help


@one_line_errors
def main() -> None:
    """Runs the search and the pipeline on the arguments of the command line."""
    answer_tune_help(sys.argv[1:])
    # Imported here: PyTorch takes seconds, which the help does not need.
    from evaluation.gates import require_passed
    from training.command.parser import parse_search
    from training.pipeline import fine_tune

    run, arguments, search = parse_search()
    summary = fine_tune(run, arguments, search)
    if summary and run.gate:
        require_passed(summary.gates)


if __name__ == "__main__":
    sys.exit(main())
