"""The check of a file of pairs, for `nic-check`, for a training and from Python."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from nic.encoding import set_prompts
from nic.errors import UserError
from nic.models import ModelSource, find_model, load_model
from pairs.arguments import CheckArguments
from pairs.checks.clean import list_path, write_clean
from pairs.checks.console import check_verdict, log_summary
from pairs.checks.false_negatives import find_suspects
from pairs.checks.page import write_page
from pairs.checks.report import CheckReport, build_report, write_json
from pairs.checks.scan import Scan, scan_file, scan_pairs
from pairs.checks.splits import split_as_training_does
from pairs.checks.tokens import load_token_counter
from pairs.draws import Split
from pairs.loading import Pairs
from pairs.split import SplitRules

logger = logging.getLogger(__name__)


def check_pairs(arguments: CheckArguments | None = None) -> CheckReport:
    """Checks a file of pairs and writes the files that are asked for; the file is not changed.

        report = check_pairs(CheckArguments(data_file="my_pairs.jsonl", html="check.html"))
        report.refused, report.found("warning")

    Args:
        arguments: What to check and what to write; None checks the default data.

    Returns:
        The findings and counts. `refused` tells whether the training would refuse the file.

    Raises:
        UserError: The file or the model cannot be read, or the file holds no good row.
    """
    arguments = arguments or CheckArguments()
    report, scan = build_check(arguments)
    write_files(report, scan, arguments)
    return report


def build_check(arguments: CheckArguments) -> tuple[CheckReport, Scan]:
    """Scans the file and builds the report; writes nothing.

    Raises:
        UserError: The file or the model cannot be read, or the file holds no good row.
    """
    source = find_model(arguments.base_model, arguments.base_revision, arguments.pooling)
    scan = scan_file(arguments.source, load_token_counter(source, arguments.document_prompt))
    split = _split_or_error(scan, arguments)
    report = build_report(scan, split, arguments.val_ratio, arguments.batch_size, arguments.seed)
    if arguments.semantic:
        model = load_model(source)
        set_prompts(model, arguments.query_prompt, arguments.document_prompt)
        suspects = find_suspects(scan, model, source.name, arguments.margin, arguments.batch_size)
        report = replace(report, suspects=suspects)
    return report, scan


def write_files(report: CheckReport, scan: Scan, arguments: CheckArguments) -> list[str]:
    """Writes the JSON report, the page and the clean copy, as far as they are asked for.

    Returns:
        A line that says what the clean copy holds, where one is written.
    """
    if arguments.json:
        write_json(report, Path(arguments.json))
    if arguments.html:
        write_page(report, scan, Path(arguments.html))
    if not arguments.write_clean:
        return []
    path = Path(arguments.write_clean)
    kept, left_out = write_clean(scan, report.findings, path)
    return [f"{path}: {kept:,} lines; {left_out:,} left out, listed in {list_path(path)}"]


def log_check(
    pairs: Pairs,
    split: Split,
    source: ModelSource,
    val_ratio: float,
    batch_size: int,
    seed: int,
    document_prompt: str | None = None,
) -> tuple[CheckReport, Scan]:
    """Checks the pairs of a training and logs its warnings.

    Args:
        pairs: The pairs of the file.
        split: The split that the training uses.
        source: The base model, whose tokenizer counts tokens.
        val_ratio: Share to hold out in the split by row that the split is compared with.
        batch_size: Rows of a batch.
        seed: Seed of the split by row.
        document_prompt: What is put before passages; None takes what the base model stores.
    """
    scan = scan_pairs(pairs, load_token_counter(source, document_prompt))
    report = build_report(scan, split, val_ratio, batch_size, seed)
    logger.info("Check of the data: %s", check_verdict(report))
    for line in log_summary(report):
        logger.warning("%s", line)
    return report, scan


def _split_or_error(scan: Scan, arguments: CheckArguments) -> Split | UserError:
    """Returns the split that the training would draw, or why it would refuse to."""
    try:
        return split_as_training_does(
            scan,
            arguments.val_ratio,
            arguments.seed,
            arguments.small_domains,
            SplitRules(arguments.hold_out_made),
        )
    except UserError as error:
        return error
