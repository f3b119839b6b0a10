"""The arguments of `nic-advise`; importing this imports no PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from evaluation.arguments import Device, check_language
from nic.command_line import OneLineParser
from nic.errors import require_value
from nic.model_checks import POOLINGS
from nic.model_files import SPLIT
from nic.models import MINILM
from pairs.data_flags import ReadsData, add_data_flags, one_or_several
from pairs.reading.source import DEFAULT_FILE

ADAPTER = "query-adapter"


@dataclass(frozen=True)
class AdviceArguments(ReadsData):
    """What `nic-advise` compares, with its defaults.

    Attributes:
        data_file: File of pairs of any format, or several.
        model: Folders of tuned models to compare too; the split of the first one is used.
        base_model: The base model: a folder, or a name on the Hub.
        base_revision: Branch, tag or commit of the base model on the Hub.
        pooling: How its token vectors become one, for a base without `modules.json`.
        query_prompt: What to put before queries; None takes what the base stores.
        document_prompt: What to put before passages, likewise.
        val_ratio: Share of the passages that choose checkpoint and weights, in (0, 1).
        test_ratio: Share of the passages that the ways are compared on, in (0, 1).
        small_domains: "error" refuses a domain too small to split, "train" trains on all of it.
        hold_out_made: Whether made pairs are compared on too, not only trained on.
        language: ISO 639 code of the texts, for the words of BM25; None tells it from the texts.
        label: Passages to list for labelling, 0 or more.
        output_dir: Folder to write.
        force: Whether to replace the advice that it holds.
        seed: Seed of the split and of the training.
        device: Where to train and encode.
        columns: Columns that have other names, each as "query=Frage".
        domain: Domain of rows that name none.
        domain_from: Column that is the domain.
        sheet: Sheet of a workbook.

    Raises:
        UserError: A value is out of range.
    """

    data_file: str | Sequence[str] = DEFAULT_FILE
    model: Sequence[str] = ()
    base_model: str = MINILM
    base_revision: str | None = None
    pooling: str | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    val_ratio: float = 0.1
    test_ratio: float = 0.1
    small_domains: str = "error"
    hold_out_made: bool = False
    language: str | None = None
    label: int = 50
    output_dir: str = "advice"
    force: bool = False
    seed: int = 42
    device: Device = "auto"
    columns: Sequence[str] = ()
    domain: str | None = None
    domain_from: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Refuses values out of their ranges."""
        object.__setattr__(self, "data_file", one_or_several(self.data_file))
        _ = self.source
        require_value(0 < self.test_ratio < 1, "--test-ratio", self.test_ratio, "above 0, below 1")
        require_value(self.label >= 0, "--label", self.label, "0 or more")
        check_language(self.language)

    @property
    def split(self) -> Path | None:
        """The split of the first tuned model, whose queries no compared model was trained on."""
        return Path(self.model[0]) / SPLIT if self.model else None

    def adapter_flags(self) -> list[str]:
        """Returns the flags of `nic-train` that train the query adapter on the same split."""
        given = {
            "--config": "query_adapter",
            "--output-dir": str(Path(self.output_dir) / ADAPTER),
            "--base-model": self.base_model,
            "--base-revision": self.base_revision,
            "--pooling": self.pooling,
            "--query-prompt": self.query_prompt,
            "--document-prompt": self.document_prompt,
            "--small-domains": self.small_domains,
            "--language": self.language,
            "--seed": str(self.seed),
            "--device": self.device,
        }
        if self.split:
            given["--split"] = str(self.split)
        else:
            given |= {"--val-ratio": str(self.val_ratio), "--test-ratio": str(self.test_ratio)}
        # One word each: a prompt may begin with a dash.
        flags = [f"{flag}={value}" for flag, value in given.items() if value is not None]
        if self.hold_out_made:
            flags.append("--hold-out-made")
        flags += ["--data-file", *self.source.files, *self.source.flags()]
        return [*flags, "--no-speed", *(["--force"] if self.force else [])]


def parse_arguments(argv: Sequence[str] | None = None) -> AdviceArguments:
    """Reads the command line.

    Args:
        argv: The arguments without the program's name; None takes those of the process.

    Raises:
        UserError: A flag is unknown or impossible.
    """
    given = vars(_build_parser().parse_args(argv))
    return AdviceArguments(**{**given, "model": tuple(given["model"])})


def _build_parser() -> OneLineParser:
    parser = OneLineParser(
        prog="nic-advise",
        description="Compare BM25, the base model, both, a query adapter and tuned models on one "
        "split, and name the cheapest way that no dearer one significantly beats.",
        exit_codes={},
    )
    add, default = parser.add_argument, AdviceArguments()
    add_data_flags(parser)
    tuned = "folder of a tuned model to compare too; its split is used"
    add("--model", action="append", default=[], metavar="FOLDER", help=tuned)
    add("--base-model", default=MINILM, metavar="MODEL", help="folder or Hub name")
    add("--base-revision", metavar="REVISION", help="branch, tag or commit of a base on the Hub")
    add("--pooling", choices=POOLINGS, help="of a base without modules.json")
    add("--query-prompt", metavar="TEXT", help="put before queries; default: as the base stores it")
    add("--document-prompt", metavar="TEXT", help="put before passages; likewise")
    share = "share of the passages that"
    add("--val-ratio", type=float, default=0.1, metavar="SHARE", help=f"{share} choose weights")
    add("--test-ratio", type=float, default=0.1, metavar="SHARE", help=f"{share} compare")
    small = "too small to split: refuse, or train on all"
    add("--small-domains", choices=("error", "train"), default="error", help=small)
    made = "compare on made pairs too, not only train on them"
    add("--hold-out-made", action="store_true", help=made)
    language = 'language of the texts for BM25, such as "de"; default: told from the texts'
    add("--language", metavar="CODE", help=language)
    add("--label", type=int, default=default.label, metavar="N", help="passages to label next")
    add("--output-dir", default=default.output_dir, metavar="FOLDER", help="folder to write")
    add("--force", action="store_true", help="replace the advice that --output-dir holds")
    add("--seed", type=int, default=default.seed, metavar="N", help="of the split and the training")
    add("--device", choices=get_args(Device), default="auto", help="where to train and encode")
    return parser
