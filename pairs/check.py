"""Look a file of pairs over before training on it; nothing is trained and nothing is changed.

    python pairs/check.py --data-file my_pairs.jsonl --html check.html

In seconds, on the default data:

    python pairs/check.py
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nic.command_line import OneLineParser, say
from nic.errors import Interrupted, UserError, one_line_errors
from nic.files import check_writable
from nic.models import MINILM, ModelSource, find_model, load_model
from pairs.checks.clean import check_clean_path, list_path, write_clean
from pairs.checks.console import console_lines
from pairs.checks.false_negatives import Suspects, find_suspects
from pairs.checks.page import write_page
from pairs.checks.report import CheckReport, build_report, write_json
from pairs.checks.scan import Scan, scan_file
from pairs.checks.splits import split_as_training_does
from pairs.checks.tokens import load_token_counter
from pairs.readers import DEFAULT_FILE
from pairs.split import Split

FINE, WARNED, REFUSED = 0, 1, 2


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Raises:
        UserError: A flag is unknown or its value impossible.
    """
    parser = OneLineParser(
        prog="nic-check",
        description="Look a file of pairs over before training on it.",
        epilog="Exit code: 0 fine, 1 warnings with --strict, 2 training would refuse the file.",
    )
    add = parser.add_argument
    add("--data-file", default=DEFAULT_FILE, help="JSONL file of pairs; may be gzipped")
    add("--base-model", default=MINILM, help="whose tokenizer counts: a folder or a name")
    add("--val-ratio", type=float, default=0.1, help="share to hold out, as in training")
    add("--batch-size", type=int, default=32, help="rows a batch, as in training")
    add("--seed", type=int, default=42, help="seed of the split, as in training")
    add("--small-domains", choices=["error", "train"], default="error", help="as in training")
    add("--semantic", action="store_true", help="rank each negative by the base model (slower)")
    add("--margin", type=float, default=0.1, help="how far above, in cosine, with --semantic")
    add("--json", metavar="FILE", help="write the report as JSON: counts and line numbers")
    add("--html", metavar="FILE", help="write it as one page; it quotes examples from the file")
    add("--write-clean", metavar="FILE", help="write a copy without the rows of the warnings")
    add("--strict", action="store_true", help="exit with 1 where there are warnings")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.val_ratio < 1:
        raise UserError(f"--val-ratio {arguments.val_ratio}: must be above 0 and below 1")
    if arguments.batch_size < 2:
        raise UserError(f"--batch-size {arguments.batch_size}: must be 2 or more")
    if not math.isfinite(arguments.margin):
        raise UserError(f"--margin {arguments.margin}: must be a number")
    check_outputs(arguments)
    return arguments


def check_outputs(arguments: argparse.Namespace) -> None:
    """Refuse files that could not be written, or that would be written over each other.

    Raises:
        UserError: It names the flag to change.
    """
    taken = [(Path(arguments.data_file), "the file to check; nothing is ever changed in place")]
    for flag, name in (("--json", arguments.json), ("--html", arguments.html)):
        if name:
            check_writable(Path(name), flag)
            _refuse_taken(Path(name), flag, taken)
            taken.append((Path(name), f"what {flag} writes"))
    if arguments.write_clean:
        path = Path(arguments.write_clean)
        for target in (path, list_path(path)):
            _refuse_taken(target, "--write-clean", taken)
        check_clean_path(path)


def _refuse_taken(path: Path, flag: str, taken: Sequence[tuple[Path, str]]) -> None:
    for other, what in taken:
        same = path.exists() and other.exists() and path.samefile(other)
        if same or path.resolve() == other.resolve():
            raise UserError(f"{path}: is {what}; give another name with {flag}")


@one_line_errors
def main() -> int:
    """Check the command line's file."""
    arguments = parse_arguments()
    try:
        report = check(arguments)
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted: nothing half-written is left", signal.SIGINT) from error
    if report.refused:
        return REFUSED
    return WARNED if arguments.strict and report.found("warning") else FINE


def check(arguments: argparse.Namespace) -> CheckReport:
    """Scan the file, print the report and write what was asked for.

    Raises:
        UserError: A file or the model is not what it should be.
    """
    data_file = Path(arguments.data_file)
    source = find_model(arguments.base_model)
    scan = scan_file(data_file, load_token_counter(source))
    split = draw(scan, arguments)
    report = build_report(scan, split, arguments.val_ratio, arguments.batch_size, arguments.seed)
    if arguments.semantic:
        report = replace(report, suspects=rank_negatives(scan, source, arguments))
    say(console_lines(report))
    if arguments.json:
        write_json(report, Path(arguments.json))
    if arguments.html:
        write_page(report, scan, Path(arguments.html))
    if arguments.write_clean:
        path = Path(arguments.write_clean)
        kept, left_out = write_clean(scan, report.findings, path)
        say([f"{path}: {kept:,} lines; {left_out:,} left out, listed in {list_path(path)}"])
    return report


def draw(scan: Scan, arguments: argparse.Namespace) -> Split | UserError:
    """The split that training would draw, or why it would not."""
    try:
        return split_as_training_does(
            scan, arguments.val_ratio, arguments.seed, arguments.small_domains
        )
    except UserError as error:
        return error


def rank_negatives(scan: Scan, source: ModelSource, arguments: argparse.Namespace) -> Suspects:
    """Let the base model rank each row's negative against its positive."""
    return find_suspects(
        scan, load_model(source), source.name, arguments.margin, arguments.batch_size
    )


if __name__ == "__main__":
    sys.exit(main())
