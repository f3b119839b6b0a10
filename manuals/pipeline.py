"""From a folder of manuals to a file of pairs: the order of the work."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from manuals.arguments import MakeArguments
from manuals.documents.reading import EVERYTHING, LeftOut
from manuals.generation.queries import answers_path, generate_pairs, show_prompt
from manuals.made_pairs import MadePair, write_pairs
from manuals.make_report import MakeReport, build_report
from manuals.passages import write_passages
from manuals.pieces import ManualPassages, read_passages
from manuals.structure import REPEATED, make_structure_pairs
from manuals.work_orders import Columns, WorkOrders, read_work_orders
from nic.errors import UserError
from nic.models import find_model
from pairs.checks.tokens import load_token_counter
from pairs.reading.source import DataSource

logger = logging.getLogger(__name__)

NO_ANSWER, NOT_FOUND = "no_usable_answer", "not_found"


def make_pairs(arguments: MakeArguments) -> MakeReport:
    """Makes pairs from manuals and work orders, and writes the files that are asked for.

        report = make_pairs(MakeArguments(manuals="manuals", output="pairs.jsonl"))
        report.pairs, report.origins, report.unreadable

    Raises:
        UserError: There is nothing to read, no pair could be made, or the model is not found.
    """
    found = passages_of(arguments)
    made = make_structure_pairs(found, arguments.origins)
    pairs = [*made.pairs, *_generated(found, arguments, made.left_out)]
    pairs = _found_again(pairs, found, arguments, made.left_out)
    orders = _work_orders(found, arguments)
    if not pairs and not (orders and orders.pairs):
        raise UserError(_nothing(arguments, found))
    write_pairs([*pairs, *(orders.pairs if orders else [])], Path(arguments.output))
    if arguments.passages is not None:
        write_passages(found.passages, Path(arguments.passages))
    report = build_report(Path(arguments.output), found, pairs, made.left_out, orders)
    if arguments.json is not None:
        report.write(Path(arguments.json))
    return report


def _generated(
    found: ManualPassages, arguments: MakeArguments, left_out: Counter[str]
) -> list[MadePair]:
    """Returns the pairs of the language model; none without one."""
    if arguments.endpoint is None:
        return []
    answers = answers_path(Path(arguments.output))
    logger.info("Asking %s; answers are kept in %s", arguments.generator_model, answers)
    made = generate_pairs(found.passages, arguments.endpoint, arguments.generator_styles, answers)
    logger.info("Asked about %d passages; %d answers were there", made.asked, made.known)
    for reason, count in made.failed.items():
        logger.warning("%d passages without a usable answer: %s", count, reason)
    left_out[NO_ANSWER] += sum(made.failed.values())
    return made.pairs


def _found_again(
    pairs: list[MadePair],
    found: ManualPassages,
    arguments: MakeArguments,
    left_out: Counter[str],
) -> list[MadePair]:
    """Returns the pairs whose passage is found again; the others too where they are flagged."""
    if not arguments.found_within or not pairs:
        return pairs
    # Imported late: PyTorch takes seconds, and structure alone needs none of it.
    from manuals.filtering import filter_pairs
    from nic.models import load_model

    logger.info("Looking for the passages of %d queries, by BM25 and the model", len(pairs))
    model = load_model(find_model(arguments.base_model, arguments.base_revision))
    kept = filter_pairs(pairs, found.passages, model, arguments.found_within, arguments.language)
    left_out[REPEATED] += kept.duplicates
    if arguments.unfound == "flag":
        return kept.pairs
    left_out[NOT_FOUND] += len(kept.not_found)
    return kept.kept


def _work_orders(found: ManualPassages, arguments: MakeArguments) -> WorkOrders | None:
    """Returns the work orders with the passages that they refer to; None without files."""
    if arguments.work_orders is None:
        return None
    columns = Columns(arguments.text_column, arguments.reference_column, arguments.date_column)
    source = DataSource.of(arguments.work_orders, sheet=arguments.sheet)
    orders = read_work_orders(source, columns, found.passages, arguments.domain or EVERYTHING)
    for reference in orders.unresolved:
        logger.warning(
            '%s: "%s" names no heading and no page of the manuals', source.name, reference
        )
    return orders


def show_first_prompt(arguments: MakeArguments) -> str:
    """Returns what would be sent to the language model about the first passage.

    Raises:
        UserError: There is no document.
    """
    passages = passages_of(arguments).passages
    if not passages:
        raise UserError(f"{arguments.manuals}: holds no passage to ask about")
    return show_prompt(passages[0], arguments.generator_styles)


def passages_of(arguments: MakeArguments) -> ManualPassages:
    """Reads the passages of the manuals, as long as the base model reads them.

    Raises:
        UserError: The folder holds no document, the model is not found, or it reads fewer tokens
            than are asked for.
    """
    if arguments.manuals is None:
        return ManualPassages([], LeftOut())
    counter = load_token_counter(find_model(arguments.base_model, arguments.base_revision))
    limit = arguments.passage_tokens or counter.max_seq_length
    if limit > counter.max_seq_length:
        raise UserError(
            f"--passage-tokens {limit}: {arguments.base_model} reads {counter.max_seq_length}"
        )
    count = counter.count
    return read_passages(Path(arguments.manuals), count, limit, arguments.domain)


def _nothing(arguments: MakeArguments, found: ManualPassages) -> str:
    if arguments.manuals is None:
        return (
            f"{DataSource.of(arguments.work_orders or ()).name}: no row has a text and a reference"
        )
    unreadable = found.files.unreadable
    if not found.documents:
        name, why = next(iter(unreadable.items()))
        others = f" (and {len(unreadable) - 1} more)" if len(unreadable) > 1 else ""
        return f"{arguments.manuals}: no document could be read; {name} {why}{others}"
    return (
        f"{arguments.manuals}: no pair could be made of {len(found.passages)} passages from "
        f"{len(found.documents)} documents; give more documents or more --origins"
    )
