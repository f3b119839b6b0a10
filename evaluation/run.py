r"""Evaluates any models on any file of pairs, side by side, without training.

accelerate launch --config_file accelerate_config.yaml evaluation/run.py \
        --model models/nic-embeddings-v1.0 --output-dir results
"""

from __future__ import annotations

import sys

import nic_commands  # noqa: F401  Imported first: no folder of the user's hides the product.
from evaluation.arguments import parse_arguments
from nic.errors import one_line_errors


@one_line_errors
def main() -> None:
    """Evaluates on the command line's arguments; the processes share the encoding."""
    arguments = parse_arguments()
    # After parsing: importing PyTorch takes seconds, and --help needs none of it.
    from accelerate import PartialState

    from evaluation.gates import require_passed
    from evaluation.pipeline import evaluate_models
    from nic.logs import open_run_log

    state = PartialState(cpu=arguments.device == "cpu")
    with open_run_log(state.is_main_process):
        summary = evaluate_models(arguments)
    if summary and arguments.gate:
        require_passed(summary.gates)


if __name__ == "__main__":
    sys.exit(main())
