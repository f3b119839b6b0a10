"""Files of an evaluation in the formats of other tools: TREC runs and qrels, BEIR folders."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TextIO

import numpy as np

from evaluation.arguments import Export
from evaluation.retrieval.ranking import Scorer, scored_queries
from evaluation.retrieval.task import RetrievalTask
from nic.files import write_jsonl

# A run goes to this rank, and on to the last relevant passage where that stands behind it.
DEPTH = 1000
# What a score loses where a passage ties at 0; tools read scores in single precision.
BELOW_ZERO = np.float32(-1e-30)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rankings:
    """What was asked in an evaluation, and the scores of everything that answered.

    Attributes:
        task: Queries, corpus and relevant passages.
        scorers: Scores by the name that the report shows, baselines included.
    """

    task: RetrievalTask
    scorers: Mapping[str, Scorer]


def write_exports(rankings: Rankings, exports: Sequence[Export], folder: Path) -> None:
    """Writes a folder for each format that is asked for, named after it.

    Args:
        rankings: What to write.
        exports: The formats.
        folder: An existing folder.
    """
    for export in exports:
        logger.info("Writing %s files", export.upper())
        target = folder / export
        target.mkdir()
        WRITERS[export](rankings, target)


def write_trec(rankings: Rankings, folder: Path) -> None:
    """Writes `qrels.txt`, `queries.tsv` and a run for each model: ids and numbers, no text.

    From these files trec_eval computes every metric of the report. A run holds 1,000 passages of
    each query, and more where a relevant one stands behind them. Equal scores are written apart in
    the order in which they count: the relevant ones last.

    Args:
        rankings: What to write.
        folder: An existing, empty folder.
    """
    task = rankings.task
    with open_text(folder / "qrels.txt") as file:
        for query, passage in relevant_ids(task):
            file.write(f"{query} 0 {passage} 1\n")
    with open_text(folder / "queries.tsv") as file:
        file.write("query_id\tdomain\tcluster\n")
        for row in zip(task.query_ids, task.domains, task.clusters.tolist(), strict=True):
            file.write("{}\t{}\t{}\n".format(*row))
    for name, file_name in run_files(rankings.scorers).items():
        with open_text(folder / file_name) as file:
            file.writelines(run_lines(rankings.scorers[name], task, Path(file_name).stem))


def run_lines(scorer: Scorer, task: RetrievalTask, tag: str) -> Iterator[str]:
    """Yields the lines of a run, query by query."""
    for number, candidates, row in scored_queries(scorer, task):
        scores = row.cpu().numpy()
        order = full_order(scores, candidates, task.relevant[number])
        found = zip(candidates[order].tolist(), spread_ties(scores[order]).tolist(), strict=True)
        for rank, (passage, score) in enumerate(found, 1):
            ids = f"{task.query_ids[number]} Q0 {task.passage_ids[passage]}"
            yield f"{ids} {rank} {score:.9g} {tag}\n"


def write_beir(rankings: Rankings, folder: Path) -> None:
    """Writes `corpus.jsonl`, `queries.jsonl` and `qrels/test.tsv`: they hold the texts.

    Args:
        rankings: What to write; the models do not matter.
        folder: An existing, empty folder.
    """
    task = rankings.task
    write_jsonl(
        folder / "corpus.jsonl",
        (
            {"_id": id_, "title": "", "text": text, "metadata": {"domains": sorted(domains)}}
            for id_, text, domains in zip(
                task.passage_ids, task.corpus, task.passage_domains, strict=True
            )
        ),
    )
    write_jsonl(
        folder / "queries.jsonl",
        (
            {"_id": id_, "text": text, "metadata": {"domain": domain, "cluster": cluster}}
            for id_, text, domain, cluster in zip(
                task.query_ids, task.queries, task.domains, task.clusters.tolist(), strict=True
            )
        ),
    )
    (folder / "qrels").mkdir()
    with open_text(folder / "qrels" / "test.tsv") as file:
        file.write("query-id\tcorpus-id\tscore\n")
        for query, passage in relevant_ids(task):
            file.write(f"{query}\t{passage}\t1\n")


WRITERS: dict[Export, Callable[[Rankings, Path], None]] = {"trec": write_trec, "beir": write_beir}


def relevant_ids(task: RetrievalTask) -> Iterator[tuple[str, str]]:
    """Yields each query's id with the id of each of its relevant passages."""
    for query, relevant in zip(task.query_ids, task.relevant, strict=True):
        for passage in relevant:
            yield query, task.passage_ids[passage]


def run_files(names: Iterable[str]) -> dict[str, str]:
    """Returns the file name of the run of each model; equal ones are numbered."""
    files: dict[str, str] = {}
    for name in names:
        stem = re.sub(r"[^\w.-]+", "_", name).strip("_")
        numbered = chain([f"run.{stem}.txt"], (f"run.{stem}-{n}.txt" for n in count(2)))
        files[name] = next(file for file in numbered if file not in files.values())
    return files


def full_order(scores: np.ndarray, candidates: np.ndarray, relevant: Sequence[int]) -> np.ndarray:
    """Returns the places of the candidates from the best to the last that a run holds.

    Args:
        scores: `(candidates,)` scores.
        candidates: Their ascending numbers in the corpus.
        relevant: Numbers of the relevant passages.
    """
    is_relevant = np.isin(candidates, relevant)
    order = np.lexsort((candidates, is_relevant, -scores))
    last_relevant = int(np.flatnonzero(is_relevant[order])[-1]) + 1
    return order[: max(DEPTH, last_relevant)]


def spread_ties(scores: np.ndarray) -> np.ndarray:
    """Returns falling scores as strictly falling ones, in single precision.

    trec_eval orders by score alone, in single precision, and equal ones by their ids.

    Args:
        scores: `(n,)` scores that never rise.
    """
    spread = scores.astype(np.float32)
    for place in range(1, len(spread)):
        before = spread[place - 1]
        if spread[place] >= before:
            lower = np.nextafter(before, np.float32(-np.inf))
            spread[place] = BELOW_ZERO if before == 0 else lower
    return spread


def open_text(path: Path) -> TextIO:
    """Opens a new text file; the folder around it appears whole or not at all."""
    return path.open("w", encoding="utf-8", newline="\n")
