"""The arguments of `nic-mine`; importing this imports no PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from evaluation.arguments import Device
from nic.command_line import OneLineParser
from nic.errors import UserError
from nic.files import check_writable
from nic.model_checks import POOLINGS
from nic.models import MINILM
from pairs.data_flags import ReadsData, add_data_flags, one_or_several
from pairs.reading.source import DEFAULT_FILE
from training.negatives.settings import PER_ROW, RANK_RANGE, RELATIVE_MARGIN, MiningSettings


@dataclass(frozen=True)
class MineArguments(ReadsData):
    """What `nic-mine` reads, mines and writes, with its defaults.

    Attributes:
        output: JSONL file to write, gzipped if its name ends in ".gz"; it must not exist.
        data_file: File of pairs of any format, or several; none is ever changed.
        base_model: Model that ranks: a folder, or a name on the Hub.
        base_revision: Branch, tag or commit of it on the Hub.
        pooling: How its token vectors become one, if it holds no `modules.json`.
        model: Folder of a tuned model that ranks in its place: a second round; None for none.
        query_prompt: What to put before queries; None takes what the model stores.
        document_prompt: What to put before passages, likewise.
        negatives_per_row: As `MiningSettings.per_row`; those that a row brings count.
        rank_range: As in `MiningSettings`.
        relative_margin: As in `MiningSettings`.
        device: Where to encode.
        columns: Columns that have other names, each as "query=Frage".
        domain: Domain of rows that name none.
        domain_from: Column that is the domain.
        sheet: Sheet of a workbook.

    Raises:
        UserError: A value is out of its range, or the output exists or cannot be written.
    """

    output: str | Path
    data_file: str | Path | Sequence[str | Path] = DEFAULT_FILE
    base_model: str = MINILM
    base_revision: str | None = None
    pooling: str | None = None
    model: str | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    negatives_per_row: int = PER_ROW
    rank_range: tuple[int, int] = RANK_RANGE
    relative_margin: float = RELATIVE_MARGIN
    device: Device = "auto"
    columns: Sequence[str] = ()
    domain: str | None = None
    domain_from: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Refuses values out of their ranges, and an output that is there."""
        _ = self.settings, self.source
        output = Path(self.output)
        if output.exists():
            raise UserError(f"{output}: exists; nothing is ever changed in place, give a new name")
        check_writable(output, "--output")

    @property
    def settings(self) -> MiningSettings:
        """Returns what is mined."""
        return MiningSettings(self.negatives_per_row, self.rank_range, self.relative_margin)


def parse_arguments(argv: Sequence[str] | None = None) -> MineArguments:
    """Reads the command line.

    Args:
        argv: The arguments without the program's name; None takes those of the process.

    Raises:
        UserError: A flag is unknown, missing or impossible.
    """
    given = vars(_build_parser().parse_args(argv))
    given["data_file"] = one_or_several(given["data_file"])
    return MineArguments(**{**given, "rank_range": tuple(given["rank_range"])})


def _build_parser() -> OneLineParser:
    parser = OneLineParser(
        prog="nic-mine",
        description="Mine hard negatives for pairs: passages that a model finds close to a query "
        "and that answer it nowhere in the file. Writes a new file.",
        exit_codes={},
    )
    add = parser.add_argument
    add_data_flags(parser)
    written = "JSONL file to write, gzipped if it ends in .gz; must not exist"
    add("--output", required=True, metavar="FILE", help=written)
    ranks = "model that ranks: folder or Hub name (default: %(default)s)"
    add("--base-model", default=MINILM, metavar="MODEL", help=ranks)
    add("--base-revision", metavar="REVISION", help="branch, tag or commit of it on the Hub")
    add("--pooling", choices=POOLINGS, help="of a model without modules.json")
    tuned = "folder of a tuned model that ranks in its place: a second round"
    add("--model", metavar="FOLDER", help=tuned)
    add("--query-prompt", metavar="TEXT", help="put before queries; default: as the model stores")
    add("--document-prompt", metavar="TEXT", help="put before passages; likewise")
    number = "negatives of a row, those that it brings among them (default: %(default)s)"
    add("--negatives-per-row", type=int, default=PER_ROW, metavar="N", help=number)
    places = "of the B passages nearest to a query pass over the A nearest (default: 10 50)"
    add("--rank-range", type=int, nargs=2, default=RANK_RANGE, metavar=("A", "B"), help=places)
    margin = "a negative is farther than the answer by this share (default: %(default)s)"
    add("--relative-margin", type=float, default=RELATIVE_MARGIN, metavar="SHARE", help=margin)
    add("--device", choices=get_args(Device), default="auto", help="where to encode")
    return parser
