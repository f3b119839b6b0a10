"""Which passages to write queries for next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval.task import RetrievalTask
from nic.files import write_jsonl

# A way finds a passage for a query if it is among so many.
FIRST = 5


@dataclass(frozen=True)
class Candidate:
    """A passage to write queries for.

    Attributes:
        passage_id: As in `RetrievalTask`.
        domains: The domains that it stands in.
        queries: Number of queries of the file that it answers.
        disputed: Number of queries for which some ways find it and others do not.
        passage: Its text.
    """

    passage_id: str
    domains: list[str]
    queries: int
    disputed: int
    passage: str


def choose_passages(
    task: RetrievalTask, found: Mapping[str, Sequence[QueryResult]], count: int
) -> list[Candidate]:
    """Returns the passages whose queries would teach most: those without any, then the disputed.

    Args:
        task: Every query of the file.
        found: Results of each way on this task.
        count: How many to return.

    Returns:
        First the passages that answer no query, then the others; each part by the number of
        queries on which the ways disagree about them.
    """
    answered = Counter(passage for relevant in task.relevant for passage in relevant)
    disputed: Counter[str] = Counter()
    for results in zip(*found.values(), strict=True):
        firsts = [set(result.top_ids[:FIRST]) for result in results]
        disputed.update(set.union(*firsts) - set.intersection(*firsts))
    candidates = [
        Candidate(id_, sorted(task.passage_domains[n]), answered[n], disputed[id_], task.corpus[n])
        for n, id_ in enumerate(task.passage_ids)
    ]
    return sorted(candidates, key=lambda one: (one.queries > 0, -one.disputed))[:count]


def write_passages(candidates: Sequence[Candidate], path: Path) -> None:
    """Writes one JSON object per passage, with its text."""
    write_jsonl(path, map(asdict, candidates))
