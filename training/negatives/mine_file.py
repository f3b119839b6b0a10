"""A new file of pairs with mined negatives, for `nic-mine` and from Python."""

from __future__ import annotations

import gzip
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nic.devices import check_device, use_all_cores
from nic.encoding import Encoding, check_prompts, set_prompts
from nic.files import atomic_write
from nic.logs import open_run_log, quiet_libraries
from nic.models import find_model, load_model
from pairs.columns import (
    DOMAIN,
    NEGATIVE,
    POSITIVE,
    QUERY,
    is_column,
    negatives_of,
    read_pair_records,
)
from pairs.loading import Pairs, load_pairs
from pairs.pair_files import log_reading
from pairs.words import comparable
from training.negatives.arguments import MineArguments
from training.negatives.known_embeddings import KnownEmbeddings, embed_file
from training.negatives.mining import Miner, place
from training.negatives.settings import MiningSettings

logger = logging.getLogger(__name__)

RANKS, SCORES = "negative_ranks", "negative_scores"


@dataclass(frozen=True)
class Mined:
    """The negatives of a row to which mined ones are added.

    Attributes:
        added: The texts of the mined ones.
        ranks: The place of each negative of the row, given or mined, in the ranking of all
            passages, 1 for the nearest.
        scores: The similarity of each to the query, as the model compares.
    """

    added: list[str]
    ranks: list[int]
    scores: list[float]


@dataclass(frozen=True)
class MiningSummary:
    """What `nic-mine` has written.

    Attributes:
        rows: Rows of the file.
        full: Rows that have as many negatives as were asked for.
        fewer: Rows that have some.
        without: Rows that have none.
        added: Negatives that were added, in all.
        passages: Different passages of the file, from which they were taken.
        seconds: Duration of embedding and mining.
    """

    rows: int
    full: int
    fewer: int
    without: int
    added: int
    passages: int
    seconds: float


def mine_negatives(arguments: MineArguments) -> MiningSummary:
    """Writes a copy of a file of pairs whose rows have mined negatives; the file is not changed.

    A row gets as many as it lacks. Its negatives are a list then, with the rank and the score of
    each in `negative_ranks` and `negative_scores`; further fields stay. A row that gets none is
    copied as it is.

    Args:
        arguments: What to read, mine and write.

    Raises:
        UserError: The file or the model does not fit.
    """
    with open_run_log(main_process=True):
        quiet_libraries()
        use_all_cores()
        check_device(arguments.device)
        pairs = load_pairs(arguments.source)
        log_reading(pairs.files)
        logger.info("Loaded %d pairs from %s", len(pairs), pairs.path)
        started = time.monotonic()
        known = embed_with(arguments, pairs)
        logger.info("Mining from %d passages", len(known.task.corpus))
        mined = mine_rows_of_file(known, pairs, arguments.settings)
        seconds = time.monotonic() - started
        write_rows(pairs, mined, Path(arguments.output))
        summary = summarise(pairs, mined, arguments.negatives_per_row, known, seconds)
        log_mined(summary, arguments)
    return summary


def embed_with(arguments: MineArguments, pairs: Pairs) -> KnownEmbeddings:
    """Returns the embeddings of a file by the model that is to rank."""
    if arguments.model:
        source = find_model(arguments.model, None, arguments.pooling)
    else:
        source = find_model(arguments.base_model, arguments.base_revision, arguments.pooling)
    model = load_model(source, None if arguments.device == "auto" else arguments.device)
    set_prompts(model, arguments.query_prompt, arguments.document_prompt)
    check_prompts(model, source.name)
    logger.info("Model %s from %s: %s", source.name, source.origin, Encoding.of(model))
    return embed_file(model, pairs)


def mine_rows_of_file(
    known: KnownEmbeddings, pairs: Pairs, settings: MiningSettings
) -> dict[int, Mined]:
    """Returns the rows that get mined negatives, by their number."""
    task = known.task
    queries = {comparable(text): number for number, text in enumerate(task.queries)}
    passages = {comparable(text): number for number, text in enumerate(task.corpus)}
    query_of = [queries[text] for text in pairs.comparable(QUERY)]
    given = [[passages[text] for text in of_row] for of_row in pairs.comparable_negatives()]
    of_query: list[set[int]] = [set() for _ in task.queries]
    for query, numbers in zip(query_of, given, strict=True):
        of_query[query].update(numbers)
    lacking = [row for row, numbers in enumerate(given) if len(numbers) < settings.per_row]
    asked = list(dict.fromkeys(query_of[row] for row in lacking))
    found = Miner(known).mine(asked, range(len(task.corpus)), settings, of_query)
    every = {q: [*sorted(of_query[q]), *one.passages] for q, one in found.items() if one.passages}
    places = place(known.scorer, every)
    mined = {}
    for row in lacking:
        query = query_of[row]
        added = found[query].passages[: settings.per_row - len(given[row])]
        if added:
            by_number = dict(zip(every[query], places[query], strict=True))
            of_row = [by_number[number] for number in (*given[row], *added)]
            ranks, scores = zip(*of_row, strict=True)
            mined[row] = Mined([task.corpus[n] for n in added], list(ranks), list(scores))
    return mined


def write_rows(pairs: Pairs, mined: Mapping[int, Mined], path: Path) -> None:
    """Writes all rows of a file, with the mined negatives of those that got some."""
    with (
        atomic_write(path) as staged,
        gzip.open(staged, "wb") if path.suffix == ".gz" else staged.open("wb") as copy,
    ):
        for number, record in enumerate(read_pair_records(pairs.files)):
            own = mined.get(number)
            copy.write((as_line(record.row, own) if own else record.jsonl()) + b"\n")


def as_line(row: Mapping[str, Any], mined: Mined) -> bytes:
    """Returns a row as one line of JSONL with all its negatives in a list."""
    others = {k: v for k, v in row.items() if k in (QUERY, POSITIVE, DOMAIN) or not is_column(k)}
    negatives = {NEGATIVE: [*negatives_of(row), *mined.added], RANKS: mined.ranks}
    scores = {SCORES: [round(score, 6) for score in mined.scores]}
    return json.dumps({**others, **negatives, **scores}, ensure_ascii=False).encode("utf-8")


def summarise(
    pairs: Pairs, mined: Mapping[int, Mined], per_row: int, known: KnownEmbeddings, seconds: float
) -> MiningSummary:
    """Counts the rows by how many negatives they have now."""
    given = pairs.negatives()
    counts: Sequence[int] = [
        len(texts) + len(mined[row].added if row in mined else ())
        for row, texts in enumerate(given)
    ]
    full, without = sum(count >= per_row for count in counts), counts.count(0)
    return MiningSummary(
        rows=len(pairs),
        full=full,
        fewer=len(pairs) - full - without,
        without=without,
        added=sum(len(one.added) for one in mined.values()),
        passages=len(known.task.corpus),
        seconds=seconds,
    )


def log_mined(summary: MiningSummary, arguments: MineArguments) -> None:
    """Logs what was mined and written, and what to do where many rows got nothing."""
    logger.info(
        "Mined %d negatives in %.1f s (%.1f s per 1,000 passages)",
        summary.added,
        summary.seconds,
        1000 * summary.seconds / summary.passages,
    )
    logger.info(
        "Of %d rows %d have %d or more negatives, %d have fewer and %d have none",
        summary.rows,
        summary.full,
        arguments.negatives_per_row,
        summary.fewer,
        summary.without,
    )
    if summary.full < summary.rows:
        places = " ".join(map(str, arguments.rank_range))
        logger.info("For more: a wider --rank-range than %s, a smaller --relative-margin", places)
    logger.info("Written to %s; it quotes the data", Path(arguments.output).as_posix())
