r"""Evaluate any models on any file of pairs, side by side, without training.

accelerate launch --config_file accelerate_config.yaml evaluation/run.py \
        --model models/nic-embeddings-v1.0 --output-dir results
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from accelerate import PartialState

from evaluation.collect import collect, find_texts
from evaluation.gates import DEFAULTS, read_thresholds, require_passed
from evaluation.report.output import check_output, write_output
from evaluation.report.tables import show_summary
from evaluation.report.texts import Texts
from evaluation.results import EvaluationResults
from evaluation.results import read_results_folder as read_results_folder
from evaluation.retrieval.evaluator import BATCH_SIZE
from evaluation.retrieval.forgetting_probe import DEFAULT
from evaluation.summary import EvaluationSummary, summarise
from nic.command_line import OneLineParser
from nic.devices import check_device, use_all_cores
from nic.errors import UserError, one_line_errors
from nic.logs import log_lines, open_run_log, quiet_libraries
from nic.models import MINILM
from pairs.readers import DEFAULT_FILE

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
    add("--model", action="append", help="folder or name; the first is under test, others beside")
    add("--base", default=MINILM, help="the model that the others are compared with")
    add("--data-file", default=DEFAULT_FILE, help="JSONL file of pairs")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--split",
        help="split.json whose test queries (or else validation queries) are asked; default: the "
        "one in the first model",
    )
    asked.add_argument("--all", action="store_true", help="ask every query of the file")
    asked.add_argument(
        "--from-results", type=Path, help="folder of an evaluation: figures anew, nothing encoded"
    )
    add("--corpus", choices=["all", "domain"], default="all", help="what a query is ranked against")
    add("--extra-corpus", type=Path, help='JSONL file of distractors, each {"text": ...}')
    add("--probe", default=DEFAULT, help="general, none, or a JSONL file of pairs")
    add("--no-speed", action="store_true", help="measure no latency (its gate then fails)")
    add("--gates", type=Path, default=DEFAULTS, help="YAML file of thresholds")
    add("--gate", action="store_true", help="exit with 3 where a gate fails")
    add("--output-dir", type=Path, help="folder for rows, figures, pictures and report.html")
    add("--force", action="store_true", help="replace the evaluation that --output-dir holds")
    add("--batch-size", type=int, default=BATCH_SIZE, help="texts encoded at a time")
    add("--device", choices=["auto", "cpu", "cuda", "mps"], default="auto", help="where to encode")
    arguments = parser.parse_args(argv)
    if arguments.batch_size < 1:
        raise UserError(f"--batch-size {arguments.batch_size}: must be 1 or more")
    if not arguments.model and not arguments.from_results:
        raise UserError("give a model with --model, or an earlier evaluation with --from-results")
    check_device(arguments.device)
    return arguments


@one_line_errors
def main() -> None:
    """Evaluate on the command line's arguments; the processes share the encoding."""
    arguments = parse_arguments()
    state = PartialState(cpu=arguments.device == "cpu")
    with open_run_log(state.is_main_process):
        summary = run(arguments)
    if summary and arguments.gate:
        require_passed(summary.gates)


def run(arguments: argparse.Namespace) -> EvaluationSummary | None:
    """Score each model on the same queries and corpus, and show and write the figures.

    Returns:
        The summary; None in all processes but the first.

    Raises:
        UserError: A file or a model is not what it should be.
    """
    quiet_libraries()
    use_all_cores()
    thresholds = read_thresholds(arguments.gates)
    check_output(arguments.output_dir, arguments.force)
    gathered = gather(arguments)
    if gathered is None:
        return None
    results, texts = gathered
    summary = summarise(results, thresholds)
    log_lines(logger, show_summary(summary))
    if arguments.output_dir:
        write_output(summary, texts, arguments.output_dir)
    return summary


def gather(arguments: argparse.Namespace) -> tuple[EvaluationResults, Texts | None] | None:
    """New results, or those of an earlier evaluation."""
    if arguments.from_results:
        results = read_results_folder(arguments.from_results)
        return results, find_texts(results, Path(arguments.data_file), arguments.extra_corpus)
    return collect(arguments)


if __name__ == "__main__":
    sys.exit(main())
