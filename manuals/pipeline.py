"""From a folder of manuals to a file of pairs: the order of the work."""

from __future__ import annotations

from pathlib import Path

from manuals.arguments import MakeArguments
from manuals.made_pairs import write_pairs
from manuals.make_report import MakeReport, build_report
from manuals.passages import write_passages
from manuals.pieces import ManualPassages, read_passages
from manuals.structure import make_structure_pairs
from nic.errors import UserError
from nic.models import find_model
from pairs.checks.tokens import load_token_counter


def make_pairs(arguments: MakeArguments) -> MakeReport:
    """Makes pairs from the structure of manuals and writes the files that are asked for.

        report = make_pairs(MakeArguments(manuals="manuals", output="pairs.jsonl"))
        report.pairs, report.origins, report.unreadable

    Raises:
        UserError: There is nothing to read, no pair could be made, or the model is not found.
    """
    found = passages_of(arguments)
    made = make_structure_pairs(found, arguments.origins)
    if not made.pairs:
        raise UserError(_nothing(arguments, found))
    write_pairs(made.pairs, Path(arguments.output))
    if arguments.passages is not None:
        write_passages(found.passages, Path(arguments.passages))
    report = build_report(Path(arguments.output), found, made.pairs, made.left_out)
    if arguments.json is not None:
        report.write(Path(arguments.json))
    return report


def passages_of(arguments: MakeArguments) -> ManualPassages:
    """Reads the passages of the manuals, as long as the base model reads them.

    Raises:
        UserError: The folder holds no document, the model is not found, or it reads fewer tokens
            than are asked for.
    """
    counter = load_token_counter(find_model(arguments.base_model, arguments.base_revision))
    limit = arguments.passage_tokens or counter.max_seq_length
    if limit > counter.max_seq_length:
        raise UserError(
            f"--passage-tokens {limit}: {arguments.base_model} reads {counter.max_seq_length}"
        )
    count = counter.count
    return read_passages(Path(arguments.manuals), count, limit, arguments.domain)


def _nothing(arguments: MakeArguments, found: ManualPassages) -> str:
    unreadable = found.files.unreadable
    if not found.documents:
        name, why = next(iter(unreadable.items()))
        others = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
        return f"{arguments.manuals}: no document could be read; {name} {why}{others}"
    return (
        f"{arguments.manuals}: no pair could be made of {len(found.passages)} passages from "
        f"{len(found.documents)} documents; give more documents or more --origins"
    )
