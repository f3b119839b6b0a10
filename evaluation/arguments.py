"""The arguments of an evaluation, from Python or from the command line.

Nothing here imports PyTorch, so that `nic-evaluate --help` answers at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from evaluation.defaults import BATCH_SIZE, GENERAL_PROBE
from nic.command_line import OneLineParser
from nic.errors import UserError
from nic.model_checks import POOLINGS
from nic.models import MINILM
from pairs.data_flags import ReadsData, add_data_flags, one_or_several
from pairs.reading.source import DEFAULT_FILE

# A code alone or with a region, such as "pt-BR".
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
Corpus = Literal["all", "domain"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Export = Literal["trec", "beir"]


@dataclass(frozen=True)
class EvaluationArguments(ReadsData):
    """The arguments of `nic-evaluate`, with its defaults.

    Attributes:
        model: Folders or names of models; the first is under test, the others are shown beside it.
        base: The model that the others are compared with.
        query_prompt: What to put before queries for models that store no prompts.
        document_prompt: What to put before passages for models that store no prompts.
        model_revision: Branch, tag or commit of the one model under test, on the Hub.
        base_revision: Branch, tag or commit of the base, on the Hub.
        pooling: How token vectors become one, for every model without `modules.json`.
        data_file: File of pairs of any format, or several. Where nothing says how to read them,
            they are read as those of the split.
        split: `split.json` whose test queries, or else validation queries, are asked; None takes
            the one in the folder of the first model.
        all_queries: Ask every query of the file in place of those of a split.
        from_results: Folder of an earlier evaluation, whose metrics are computed again without
            encoding.
        corpus: Whether a query is ranked against all passages or those of its own domain.
        extra_corpus: JSONL file of distractors, each {"text": ...}.
        probe: Forgetting probe: "general", "none", or a JSONL file of pairs.
        language: ISO 639 code of the texts' language, such as "de", for the words of BM25; None
            tells it from the corpus.
        speed: Whether to measure the latency; without it the latency gate fails.
        gates: YAML file of thresholds; None takes `evaluation/gates.yaml`.
        gate: Whether the command exits with 3 if a gate fails.
        output_dir: Folder for results, metrics, plots and report.html; None writes nothing.
        export: Formats of other tools to write into `output_dir` as well: "trec", "beir".
        force: Whether to replace the evaluation that `output_dir` holds.
        batch_size: Texts encoded at a time, 1 or more.
        device: Where to encode; "auto" takes the best device there is.
        columns: Columns that have other names, each as "query=Frage".
        domain: Domain of rows that name none.
        domain_from: Column that is the domain.
        sheet: Sheet of a workbook.
    """

    model: Sequence[str | Path] = ()
    base: str | Path = MINILM
    query_prompt: str | None = None
    document_prompt: str | None = None
    model_revision: str | None = None
    base_revision: str | None = None
    pooling: str | None = None
    data_file: str | Path | Sequence[str | Path] = DEFAULT_FILE
    split: str | Path | None = None
    all_queries: bool = False
    from_results: str | Path | None = None
    corpus: Corpus = "all"
    extra_corpus: str | Path | None = None
    probe: str | Path = GENERAL_PROBE
    language: str | None = None
    speed: bool = True
    gates: str | Path | None = None
    gate: bool = False
    output_dir: str | Path | None = None
    export: Sequence[Export] = ()
    force: bool = False
    batch_size: int = BATCH_SIZE
    device: Device = "auto"
    columns: Sequence[str] = ()
    domain: str | None = None
    domain_from: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Refuses impossible arguments.

        Raises:
            UserError: A value is out of range, or two arguments contradict each other.
        """
        if isinstance(self.model, (str, Path)):
            object.__setattr__(self, "model", (self.model,))
        object.__setattr__(self, "data_file", one_or_several(self.data_file))
        _ = self.source
        if self.batch_size < 1:
            raise UserError(f"--batch-size {self.batch_size}: must be 1 or more")
        if not self.model and not self.from_results:
            raise UserError(
                "give a model with --model, or an earlier evaluation with --from-results"
            )
        if self.model_revision and len(self.model) != 1:
            raise UserError("--model-revision: give it with one --model")
        check_language(self.language)
        self._check_exports()
        given = [bool(self.split), self.all_queries, bool(self.from_results)]
        if sum(given) > 1:
            raise UserError("--split, --all, --from-results: give one of them")
        for flag, value, allowed in (
            ("--corpus", self.corpus, get_args(Corpus)),
            ("--device", self.device, get_args(Device)),
        ):
            if value not in allowed:
                raise UserError(f"{flag} {value}: must be one of {', '.join(allowed)}")

    def _check_exports(self) -> None:
        if unknown := set(self.export) - set(get_args(Export)):
            raise UserError(
                f"--export {unknown.pop()}: must be one of {', '.join(get_args(Export))}"
            )
        if self.export and not self.output_dir:
            raise UserError("--export: give a folder for the files with --output-dir")
        if self.export and self.from_results:
            raise UserError(
                "--export: an earlier evaluation holds ten passages of each ranking; evaluate the "
                "models again, with --model"
            )
        if "beir" in self.export and self.corpus != "all":
            raise UserError(
                "--export beir: such a folder has one corpus for all queries; leave --corpus "
                "domain out, or give --export trec"
            )


def check_language(code: str | None) -> None:
    """Refuses what is no code of a language; None tells the language from the texts.

    Raises:
        UserError: It is none.
    """
    if code is not None and not LANGUAGE.fullmatch(code):
        raise UserError(f'--language {code}: give one ISO 639 code, such as "de"')


def parse_arguments(argv: Sequence[str] | None = None) -> EvaluationArguments:
    """Reads the command line.

    Args:
        argv: The arguments without the program's name; None takes those of the process.

    Raises:
        UserError: A flag is unknown, missing or impossible.
    """
    given = _build_parser().parse_args(argv)
    return EvaluationArguments(**{**vars(given), "model": tuple(given.model)})


def _build_parser() -> OneLineParser:
    parser = OneLineParser(
        prog="nic-evaluate",
        description="Evaluate models by retrieval, domain by domain.",
        exit_codes={3: "a gate failed and --gate was given"},
    )
    add = parser.add_argument
    models = "folder or name; the first is under test, others are shown beside it"
    add("--model", action="append", default=[], help=models)
    add("--base", default=MINILM, help="the model that the others are compared with")
    stored = "for models that store no prompts; others use their own"
    add("--query-prompt", metavar="TEXT", help=f"put before queries, {stored}")
    add("--document-prompt", metavar="TEXT", help=f"put before passages, {stored}")
    revision = "branch, tag or commit of a model on the Hub"
    add("--model-revision", metavar="REVISION", help=f"{revision}, for the one --model")
    add("--base-revision", metavar="REVISION", help=f"{revision}, for --base")
    add("--pooling", choices=POOLINGS, help="of models without modules.json")
    add_data_flags(parser)
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "--split",
        help="split.json whose test queries (or else validation queries) are asked; default: the "
        "one in the first model",
    )
    asked.add_argument(
        "--all", dest="all_queries", action="store_true", help="ask every query of the file"
    )
    asked.add_argument(
        "--from-results", type=Path, help="folder of an evaluation: new metrics, nothing encoded"
    )
    against = "what a query is ranked against"
    add("--corpus", choices=get_args(Corpus), default="all", help=against)
    add("--extra-corpus", type=Path, help='JSONL file of distractors, each {"text": ...}')
    add("--probe", default=GENERAL_PROBE, help="general, none, or a JSONL file of pairs")
    language = 'language of the texts for BM25, such as "de"; default: told from the texts'
    add("--language", metavar="CODE", help=language)
    no_speed = "measure no latency (its gate then fails)"
    add("--no-speed", dest="speed", action="store_false", help=no_speed)
    add("--gates", type=Path, help="YAML file of thresholds; default: evaluation/gates.yaml")
    add("--gate", action="store_true", help="exit with 3 if a gate fails")
    add("--output-dir", type=Path, help="folder for results, metrics, plots and report.html")
    exports = "write files for other tools as well: trec (runs, qrels), beir (a folder with texts)"
    add("--export", nargs="+", choices=get_args(Export), default=(), help=exports)
    add("--force", action="store_true", help="replace the evaluation that --output-dir holds")
    add("--batch-size", type=int, default=BATCH_SIZE, help="texts encoded at a time")
    add("--device", choices=get_args(Device), default="auto", help="where to encode")
    return parser
