"""The arguments of a check: from Python as a dataclass, on the command line as flags."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nic.command_line import OneLineParser
from nic.errors import UserError
from nic.files import check_writable
from nic.model_checks import POOLINGS
from nic.models import MINILM
from pairs.checks.clean import check_clean_path, list_path
from pairs.data_flags import ReadsData, add_data_flags, one_or_several
from pairs.reading.source import DEFAULT_FILE

if TYPE_CHECKING:
    from pairs.draws import SmallDomains

EXIT_CODES = {
    1: "warnings, with --strict (or the disk or the memory is full)",
    2: "training would refuse the file (or wrong input: one line says what to change)",
}


@dataclass(frozen=True)
class CheckArguments(ReadsData):
    """What to check a file for, and what to write; the defaults are those of the training.

    Attributes:
        data_file: The file of pairs, or several; none is ever changed.
        base_model: Model whose tokenizer counts tokens, and which ranks the negatives for
            `semantic`: a folder, or a name on the Hub.
        query_prompt: What the training would put before queries; None takes what the model stores.
        document_prompt: What it would put before passages, likewise.
        base_revision: Branch, tag or commit of that model on the Hub.
        pooling: How its token vectors become one, if it holds no `modules.json`.
        val_ratio: Share of the passages that the training would hold out, in (0, 1).
        batch_size: Rows of a training batch, 2 or more.
        seed: Seed of the split.
        small_domains: What the training would do with a domain too small for both halves: "error"
            refuses, "train" puts the whole of it into training.
        hold_out_made: Whether made pairs would be held out too, and not only trained on.
        semantic: Whether the base model also ranks each negative against its positive.
        margin: Similarity, as the model compares, by which a negative has to be above the positive
            to be reported.
        json: File for the report as JSON: counts and line numbers, no text; None writes none.
        html: File for the report as one page, which quotes examples; None writes none.
        write_clean: File for a copy without the rows of the warnings; None writes none.
        strict: Whether the command exits with 1 where there are warnings.
        columns: Columns that have other names, each as "query=Frage".
        domain: Domain of rows that name none.
        domain_from: Column that is the domain.
        sheet: Sheet of a workbook.

    Raises:
        UserError: A value is out of range, or a file could not be written.
    """

    data_file: str | Path | Sequence[str | Path] = DEFAULT_FILE
    base_model: str = MINILM
    query_prompt: str | None = None
    document_prompt: str | None = None
    base_revision: str | None = None
    pooling: str | None = None
    val_ratio: float = 0.1
    batch_size: int = 32
    seed: int = 42
    small_domains: SmallDomains = "error"
    hold_out_made: bool = False
    semantic: bool = False
    margin: float = 0.1
    json: str | Path | None = None
    html: str | Path | None = None
    write_clean: str | Path | None = None
    strict: bool = False
    columns: Sequence[str] = ()
    domain: str | None = None
    domain_from: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Refuses impossible values before any file is read."""
        object.__setattr__(self, "data_file", one_or_several(self.data_file))
        _ = self.source
        if not 0 < self.val_ratio < 1:
            raise UserError(f"--val-ratio {self.val_ratio}: must be above 0 and below 1")
        if self.batch_size < 2:
            raise UserError(f"--batch-size {self.batch_size}: must be 2 or more")
        if not math.isfinite(self.margin):
            raise UserError(f"--margin {self.margin}: must be a number")
        check_outputs(self)


def parse_arguments(argv: Sequence[str] | None = None) -> CheckArguments:
    """Reads the command line.

    Args:
        argv: The flags; None takes those of the process.

    Raises:
        UserError: A flag is unknown or its value impossible.
    """
    parser = OneLineParser(
        prog="nic-check",
        description="Check a file of (query, positive, negative, domain) rows before training on "
        "it. Nothing is trained and the file is not changed.",
        exit_codes=EXIT_CODES,
    )
    _add_flags(parser)
    return CheckArguments(**vars(parser.parse_args(argv)))


def check_outputs(arguments: CheckArguments) -> None:
    """Refuses files that could not be written, or that would be written over each other.

    Raises:
        UserError: It names the flag to change.
    """
    to_check = "the file to check; nothing is ever changed in place"
    taken = [(path, to_check) for path in arguments.source.found()]
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


def _add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds one flag per field of `CheckArguments`, with the field's default."""
    fields = CheckArguments.__dataclass_fields__

    def add(flag: str, text: str, **options: Any) -> None:
        name = flag.removeprefix("--").replace("-", "_")
        parser.add_argument(flag, default=fields[name].default, help=text, **options)

    add_data_flags(parser)
    add(
        "--base-model",
        "model whose tokenizer counts tokens: a folder, or a name on the Hub (default: "
        "%(default)s)",
    )
    add("--query-prompt", "what is put before queries, as in training", metavar="TEXT")
    add("--document-prompt", "what is put before passages, as in training", metavar="TEXT")
    add("--base-revision", "branch, tag or commit of that model on the Hub", metavar="REVISION")
    add("--pooling", "of a base model without modules.json", choices=POOLINGS)
    add(
        "--val-ratio",
        "share of the passages to hold out, in (0, 1), as in training (default: %(default)s)",
        type=float,
    )
    add(
        "--batch-size",
        "rows per batch, 2 or more, as in training (default: %(default)s)",
        type=int,
    )
    add("--seed", "seed of the split, as in training (default: %(default)s)", type=int)
    add(
        "--small-domains",
        "a domain too small to stand in both halves: error refuses, train puts it whole into "
        "training (default: %(default)s)",
        choices=["error", "train"],
    )
    add(
        "--hold-out-made",
        "hold out made pairs too, as in training",
        action="store_true",
    )
    add(
        "--semantic",
        "also rank each negative against its positive by the base model (slower)",
        action="store_true",
    )
    add(
        "--margin",
        "with --semantic: similarity by which a negative has to be above its positive to "
        "be reported (default: %(default)s)",
        type=float,
    )
    add("--json", "write the report as JSON: counts and line numbers, no text", metavar="FILE")
    add("--html", "write the report as one page; it quotes examples of the file", metavar="FILE")
    add(
        "--write-clean",
        "write a copy without the rows of the warnings, and a list of the lines left out beside it",
        metavar="FILE",
    )
    add("--strict", "exit with 1 where there are warnings", action="store_true")


def _refuse_taken(path: Path, flag: str, taken: Sequence[tuple[Path, str]]) -> None:
    for other, what in taken:
        same = path.exists() and other.exists() and path.samefile(other)
        if same or path.resolve() == other.resolve():
            raise UserError(f"{path}: is {what}; give another name with {flag}")
