"""The arguments of `nic-pairs make`: from Python as a dataclass, on the command line as flags."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from evaluation.arguments import check_language
from manuals.generation.endpoint import Endpoint
from manuals.generation.styles import STYLES, check_styles
from manuals.makers.table import MAKERS
from nic.command_line import OneLineParser
from nic.errors import UserError, require_value
from nic.files import check_writable
from nic.models import MINILM

EXIT_CODES = {
    0: "success; documents that could not be read are named",
    2: "no pair could be made (or wrong input: one line says what to change)",
}
SHORTEST_PASSAGE = 32
FOUND_WITHIN = 20
Unfound = Literal["drop", "flag"]


@dataclass(frozen=True)
class MakeArguments:
    """Which manuals to make pairs from, and what to write.

    Attributes:
        manuals: The folder of manuals; folders in it are domains. None where the references of
            work orders are the very passages.
        output: JSONL file for the pairs; it must not exist.
        domain: Domain of the documents that lie in no folder of their own; None takes "all".
        base_model: Model whose tokenizer counts tokens: a folder, or a name on the Hub.
        base_revision: Branch, tag or commit of that model on the Hub.
        passage_tokens: Most tokens of a passage; None takes as many as the model reads.
        origins: Kinds of structure to make queries from, of `manuals.makers.table.MAKERS`.
        passages: JSONL file for all passages, which must not exist; None writes none.
        json: File for the report as JSON: counts and names, no text; None writes none.
        found_within: Passages among which BM25 with the base model must find that of a made query;
            0 asks nothing.
        unfound: What is done with the others: "drop", or "flag" them with `"found": false`.
        language: ISO 639 code of the texts' language, for BM25; None tells it from the passages.
        generator: Address of a language model that speaks OpenAI's protocol; None asks none.
        generator_model: Its name there.
        generator_styles: Kinds of queries that it writes, of `manuals.generation.prompt.STYLES`.
        allow_remote: Whether passages may be sent to another computer.
        dry_run: Whether to show what would be sent about the first passage, and nothing else.
        work_orders: File of work orders of any format, a pattern, or several; None reads none.
        sheet: The sheet of a workbook of work orders; None takes the one with their columns.
        text_column: Their column of what was written.
        reference_column: That of the procedure or page that was used.
        date_column: That of dates, for `--split-by date`.

    Raises:
        UserError: A value is out of range, or a file could not be written.
    """

    manuals: str | Path | None
    output: str | Path
    domain: str | None = None
    base_model: str = MINILM
    base_revision: str | None = None
    passage_tokens: int | None = None
    origins: Sequence[str] = tuple(MAKERS)
    passages: str | Path | None = None
    json: str | Path | None = None
    found_within: int = FOUND_WITHIN
    unfound: Unfound = "drop"
    language: str | None = None
    generator: str | None = None
    generator_model: str | None = None
    generator_styles: Sequence[str] = tuple(STYLES)
    allow_remote: bool = False
    dry_run: bool = False
    work_orders: str | Path | Sequence[str | Path] | None = None
    sheet: str | None = None
    text_column: str = "text"
    reference_column: str = "reference"
    date_column: str | None = None

    def __post_init__(self) -> None:
        """Refuses impossible values before any document is read."""
        tokens = self.passage_tokens
        fits = tokens is None or tokens >= SHORTEST_PASSAGE
        require_value(fits, "--passage-tokens", tokens, f"{SHORTEST_PASSAGE} or more")
        for origin in self.origins:
            known = ", ".join(f'"{name}"' for name in MAKERS)
            require_value(origin in MAKERS, "--origins", origin, f"among {known}")
        require_value(self.found_within >= 0, "--found-within", self.found_within, "0 or more")
        require_value(self.unfound in get_args(Unfound), "--unfound", self.unfound, "drop or flag")
        check_language(self.language)
        check_styles(self.generator_styles)
        if self.manuals is None and (self.work_orders is None or self.generator):
            raise UserError("give a folder of manuals with --manuals")
        if self.dry_run and self.generator is None:
            raise UserError("--dry-run: shows what --generator would be sent; give its address too")
        if (self.generator is None) != (self.generator_model is None):
            raise UserError("--generator and --generator-model: give both, or neither")
        _ = self.endpoint
        for path, flag in ((self.output, "--output"), (self.passages, "--passages")):
            if path is not None:
                _check_new(Path(path), flag)
        if self.json is not None:
            check_writable(Path(self.json), "--json")
        written = [Path(p).resolve() for p in (self.output, self.passages, self.json) if p]
        if len(set(written)) < len(written):
            raise UserError("--output, --passages and --json: give each a file of its own")

    @property
    def endpoint(self) -> Endpoint | None:
        """Returns the language model; None where none is asked.

        Raises:
            UserError: Its address is none, or of another computer without leave.
        """
        if self.generator is None or self.generator_model is None:
            return None
        return Endpoint(self.generator, self.generator_model, self.allow_remote)


def parse_arguments(argv: Sequence[str] | None = None) -> MakeArguments:
    """Reads the command line.

    Args:
        argv: The subcommand and its flags; None takes those of the process.

    Raises:
        UserError: A flag is unknown or its value impossible.
    """
    parser = OneLineParser(
        prog="nic-pairs",
        description="Make pairs to train on from what a team has.",
        exit_codes=EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    make = commands.add_parser(
        "make",
        help="from a folder of manuals, by their structure",
        description="Make (query, passage) pairs from a folder of PDF, Word, HTML, Markdown and "
        "text documents: from fault tables, procedures, lists, cross-references, captions and "
        "sentences. Needs no network and no language model.",
    )
    _add_flags(make)
    values = vars(parser.parse_args(argv))
    del values["command"]
    return MakeArguments(**values)


def _add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds one flag per field of `MakeArguments`, with the field's default."""
    fields = MakeArguments.__dataclass_fields__

    def add(flag: str, text: str, **options: Any) -> None:
        name = flag.removeprefix("--").replace("-", "_")
        if not options.get("required"):
            options["default"] = fields[name].default
        parser.add_argument(flag, help=text, **options)

    parser.add_argument(
        "--manuals", metavar="DIR", help="folder of manuals; its folders are domains"
    )
    add("--output", "new JSONL file for the pairs", required=True, metavar="FILE")
    add("--domain", 'of documents in no folder of their own (default: "all")', metavar="NAME")
    add(
        "--base-model",
        "model whose tokenizer counts tokens: a folder, or a name on the Hub (default: "
        "%(default)s)",
    )
    add("--base-revision", "branch, tag or commit of that model on the Hub", metavar="REVISION")
    add(
        "--passage-tokens",
        f"most tokens of a passage, {SHORTEST_PASSAGE} or more (default: what the model reads)",
        type=int,
        metavar="N",
    )
    add(
        "--origins",
        f"structures to make queries from (default: all: {', '.join(MAKERS)})",
        nargs="+",
        metavar="NAME",
    )
    add("--passages", "new JSONL file for all passages", metavar="FILE")
    add("--json", "write the report as JSON: counts and names, no text", metavar="FILE")
    add(
        "--found-within",
        "a made query must find its passage among N, by BM25 and the base model; 0: no matter "
        "(default: %(default)s)",
        type=int,
        metavar="N",
    )
    add("--unfound", "what is done with the others (default: drop)", choices=get_args(Unfound))
    add("--language", 'language of the texts for BM25, such as "de"; default: told from them')
    add("--generator", "a language model that speaks OpenAI's protocol", metavar="URL")
    add("--generator-model", "its name there; a key comes from OPENAI_API_KEY", metavar="NAME")
    add(
        "--generator-styles",
        f"kinds of queries that it writes (default: all: {', '.join(STYLES)})",
        nargs="+",
        metavar="NAME",
    )
    add("--allow-remote", "send passages to another computer", action="store_true")
    add("--dry-run", "show what would be sent about the first passage", action="store_true")
    add("--work-orders", "files of work orders, of any format", nargs="+", metavar="FILE")
    add("--sheet", "the sheet of a workbook of work orders", metavar="NAME")
    add("--text-column", "their column of what was written (default: %(default)s)", metavar="NAME")
    add(
        "--reference-column",
        "that of the procedure or page that was used (default: %(default)s)",
        metavar="NAME",
    )
    add("--date-column", "that of dates, for nic-train --split-by date", metavar="NAME")


def _check_new(path: Path, flag: str) -> None:
    if path.exists():
        raise UserError(f"{path}: exists; nothing is overwritten, give a new name with {flag}")
    check_writable(path, flag)
