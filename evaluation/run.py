r"""Evaluate any models on any file of pairs, side by side, without training.

accelerate launch --config_file accelerate_config.yaml evaluation/run.py \
        --model models/nic-embeddings-v1.0 --model sentence-transformers/all-MiniLM-L6-v2 \
        --split models/nic-embeddings-v1.0/split.json --output results.json
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from accelerate import PartialState

from evaluation.domain_evaluator import DomainRetrievalEvaluator, RetrievalReport, retrieval_task
from evaluation.results import check_output, write_results
from evaluation.tables import compare_models, short_names
from training.arguments import check_device
from training.base_model import find_model, load_model
from training.command_line import OneLineParser
from training.errors import UserError, one_line_errors
from training.pairs import DEFAULT_FILE, Pairs, load_pairs
from training.run_log import log_lines, on_terminal, open_run_log, quiet_libraries
from training.split import load_split
from training.threads import use_all_cores

logger = logging.getLogger("evaluation.run")


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        UserError: A flag is unknown, missing or impossible.
    """
    parser = OneLineParser(
        prog="nic-evaluate",
        description="Evaluate models by retrieval, domain by domain.",
    )
    add = parser.add_argument
    add("--model", action="append", required=True, help="folder or name; give it again for more")
    add("--data-file", default=DEFAULT_FILE, help="JSONL file of pairs")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--split",
        help="split.json whose held-out queries are asked; default: the one in the first model",
    )
    asked.add_argument("--all", action="store_true", help="ask every query of the file")
    add("--output", help="JSON file to write the results to")
    add("--batch-size", type=int, default=64, help="texts encoded at a time")
    add("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="where to encode")
    arguments = parser.parse_args(argv)
    if arguments.batch_size < 1:
        raise UserError(f"--batch-size {arguments.batch_size}: must be 1 or more")
    check_device(arguments.device)
    return arguments


@one_line_errors
def main() -> None:
    """Evaluate on the command line's arguments; the first process alone does the work."""
    arguments = parse_arguments()
    state = PartialState(cpu=arguments.device == "cpu")
    with open_run_log(state.is_main_process):
        if state.is_main_process:
            evaluate_models(arguments)


def evaluate_models(arguments: argparse.Namespace) -> dict[str, RetrievalReport]:
    """Score each model on the same queries and corpus, and show and write the figures.

    Returns:
        The report of each model, by the name that the user gave.

    Raises:
        UserError: A file or a model is not what it should be.
    """
    quiet_libraries()
    use_all_cores()
    check_output(arguments.output)
    pairs = load_pairs(arguments.data_file)
    rows = choose_rows(arguments, pairs)
    task = retrieval_task(pairs, rows)
    evaluator = DomainRetrievalEvaluator(task, "held_out", arguments.batch_size, on_terminal())
    reports = {}
    for name in dict.fromkeys(arguments.model):
        source = find_model(name)
        logger.info("Model %s from %s", source.name, source.origin)
        model = load_model(source, None if arguments.device == "auto" else arguments.device)
        reports[name] = evaluator.evaluate(model)
    labels = short_names(reports)
    log_lines(logger, compare_models({labels[name]: reports[name] for name in reports}))
    if arguments.output:
        write_results(reports, pairs, len(rows), Path(arguments.output))
        logger.info("Results written to %s", arguments.output)
    return reports


def choose_rows(arguments: argparse.Namespace, pairs: Pairs) -> list[int]:
    """The rows whose queries are asked.

    Raises:
        UserError: Nothing says which, or the split is of another file.
    """
    if arguments.all:
        return list(range(len(pairs.dataset)))
    beside_model = Path(arguments.model[0]) / "split.json"
    if not arguments.split and not beside_model.is_file():
        raise UserError(
            f"which queries to ask? {arguments.model[0]} holds no split.json; give one with "
            "--split, or --all for every query of the file"
        )
    return load_split(arguments.split or beside_model, pairs).reported


if __name__ == "__main__":
    sys.exit(main())
