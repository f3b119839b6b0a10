"""The order of the work of an evaluation: results, summary, report."""

from __future__ import annotations

import logging
from pathlib import Path

from evaluation.arguments import EvaluationArguments
from evaluation.collect import collect, find_texts
from evaluation.exports import Rankings
from evaluation.gates import DEFAULTS, read_thresholds
from evaluation.report.output import check_output, write_report
from evaluation.report.tables import show_summary
from evaluation.report.texts import Texts
from evaluation.results import EvaluationResults, read_results_folder
from evaluation.summary import EvaluationSummary, summarise
from nic.devices import check_device, check_launch, use_all_cores
from nic.logs import log_lines, quiet_libraries

logger = logging.getLogger(__name__)


def evaluate_models(arguments: EvaluationArguments) -> EvaluationSummary | None:
    """Scores each model on the same queries and corpus, and logs and writes the metrics.

    Args:
        arguments: What to evaluate; a report is written where `output_dir` is given.

    Returns:
        The summary; None in all processes of a launcher but the first.

    Raises:
        UserError: A file or a model is not what it should be.
    """
    check_device(arguments.device)
    quiet_libraries()
    check_launch()
    use_all_cores()
    thresholds = read_thresholds(Path(arguments.gates) if arguments.gates else DEFAULTS)
    folder = Path(arguments.output_dir) if arguments.output_dir else None
    check_output(folder, arguments.force)
    found = _find_results(arguments)
    if found is None:
        return None
    results, texts, rankings = found
    summary = summarise(results, thresholds)
    log_lines(logger, show_summary(summary))
    if folder:
        write_report(summary, folder, texts, rankings, arguments.export)
    return summary


def _find_results(
    arguments: EvaluationArguments,
) -> tuple[EvaluationResults, Texts | None, Rankings | None] | None:
    """Returns new results, or those of an earlier evaluation, whose scores are gone."""
    if arguments.from_results:
        results = read_results_folder(Path(arguments.from_results))
        return results, find_texts(results, arguments), None
    if (collected := collect(arguments)) is None:
        return None
    results, rankings = collected
    return results, Texts.of(rankings.task), rankings
