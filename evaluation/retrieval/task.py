"""The retrieval task: queries, the corpus they are ranked against, and what is relevant."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from nic.errors import UserError
from pairs.loading import Pairs
from pairs.split import connected_units
from pairs.words import comparable

Scope = Literal["all", "domain"]
OVERALL = "overall"
RESERVED_DOMAINS = ("macro", "worst", OVERALL)


@dataclass(frozen=True)
class TaskDescription:
    """Scope and sizes of a retrieval task.

    Attributes:
        scope: "all" or "domain", as in `RetrievalTask`.
        queries: Number of queries.
        passages: Number of passages of the corpus.
        extra_passages: Number of those that come from an extra corpus.
        left_out: Number of passages that `limit_corpus` left out.
        candidates: Number of passages that a query is ranked against, by its domain.
    """

    scope: Scope
    queries: int
    passages: int
    extra_passages: int
    left_out: int
    candidates: dict[str, int]


@dataclass(frozen=True)
class RetrievalTask:
    """Queries, the corpus they are ranked against, and what is relevant.

    Attributes:
        queries: Different query texts.
        query_ids: "q17" for the query that stands first in line 17 of the file.
        domains: Domain of each query: that of its first line in the file.
        clusters: `(queries,)` integers: queries that share a passage, directly or over other
            queries, share a number; they are not independent.
        corpus: Different passage texts.
        passage_ids: "p17" for the positive of line 17, "p17.2" for its second one, "n17" for its
            negative, "n17.2" for its second one, "c17" for line 17 of the corpus of a BEIR folder,
            "x17" for line 17 of the extra corpus.
        passage_domains: The domains in which each passage stands; none for an extra passage.
        relevant: For each query the indices of its relevant passages in `corpus`.
        scope: Whether a query is ranked against the whole corpus or against the passages of its
            own domain (and the extra ones).
        left_out: Number of passages that `limit_corpus` left out.
    """

    queries: list[str]
    query_ids: list[str]
    domains: list[str]
    clusters: np.ndarray
    corpus: list[str]
    passage_ids: list[str]
    passage_domains: list[frozenset[str]]
    relevant: list[list[int]]
    scope: Scope = "all"
    left_out: int = 0

    @property
    def extra_passages(self) -> int:
        """Number of passages that come from an extra corpus."""
        return sum(id_.startswith("x") for id_ in self.passage_ids)

    def candidates(self, domain: str) -> np.ndarray:
        """Returns the ascending indices of the passages that queries of a domain rank against."""
        if self.scope == "all":
            return np.arange(len(self.corpus))
        return self._candidates_by_domain[domain]

    @cached_property
    def _candidates_by_domain(self) -> dict[str, np.ndarray]:
        found: dict[str, list[int]] = {domain: [] for domain in self.domains}
        for number, domains in enumerate(self.passage_domains):
            for domain in domains:
                found.setdefault(domain, []).append(number)
        extra = [number for number, domains in enumerate(self.passage_domains) if not domains]
        return {domain: np.array(sorted([*own, *extra]), int) for domain, own in found.items()}

    def describe(self) -> TaskDescription:
        """Returns scope and sizes, for a report."""
        domains = sorted(set(self.domains))
        return TaskDescription(
            scope=self.scope,
            queries=len(self.queries),
            passages=len(self.corpus),
            extra_passages=self.extra_passages,
            left_out=self.left_out,
            candidates={
                domain: len(self.corpus) if self.scope == "all" else len(self.candidates(domain))
                for domain in domains
            },
        )


def retrieval_task(pairs: Pairs, rows: Sequence[int], scope: Scope = "all") -> RetrievalTask:
    """Builds the task of the queries of some rows, against every passage of the file.

    The corpus is every different positive and negative of the whole file, each text once, and for
    data with a corpus of its own (BEIR) every passage of that. A query's
    relevant set is every positive that the file gives for its text. Texts are compared in their
    comparable form (`pairs.words.comparable`); each stays as its first row gives it.

    Args:
        pairs: The checked file.
        rows: Row numbers whose queries are asked.
        scope: What each query is ranked against.

    Raises:
        UserError: A domain has a name that the report needs for itself.
    """
    queries, positives = pairs.comparable("query"), pairs.comparable("positive")
    domains, negatives = pairs.column("domain"), pairs.comparable_negatives()
    if taken := [name for name in RESERVED_DOMAINS if name in domains]:
        raise UserError(f'{pairs.path}: no domain may be named "{taken[0]}"; rename it')
    ids: dict[str, str] = {}
    texts: dict[str, str] = {}
    of_line = Counter[int]()
    for line, text, given in zip(
        pairs.line_numbers, positives, pairs.column("positive"), strict=True
    ):
        if text not in ids:
            of_line[line] += 1
            ids[text] = f"p{line}" if of_line[line] == 1 else f"p{line}.{of_line[line]}"
        texts.setdefault(text, given)
    for line, of_row, as_given in zip(
        pairs.line_numbers, negatives, pairs.negatives(), strict=True
    ):
        for number, (text, given) in enumerate(zip(of_row, as_given, strict=True), 1):
            ids.setdefault(text, f"n{line}" if number == 1 else f"n{line}.{number}")
            texts.setdefault(text, given)
    numbers = {text: n for n, text in enumerate(ids)}
    first_row: dict[str, int] = {}
    relevant: dict[str, set[int]] = defaultdict(set)
    stands_in: dict[str, set[str]] = defaultdict(set)
    for row, query in enumerate(queries):
        first_row.setdefault(query, row)
        relevant[query].add(numbers[positives[row]])
        stands_in[positives[row]] |= {domains[row], domains[first_row[query]]}
        for negative in negatives[row]:
            stands_in[negative].add(domains[row])
    units = connected_units(queries, positives)
    asked = list(dict.fromkeys(queries[row] for row in rows))
    firsts = [first_row[query] for query in asked]
    given_queries = pairs.column("query")
    task = RetrievalTask(
        queries=[given_queries[row] for row in firsts],
        query_ids=[f"q{pairs.line_numbers[row]}" for row in firsts],
        domains=[domains[row] for row in firsts],
        clusters=units[firsts],
        corpus=list(texts.values()),
        passage_ids=list(ids.values()),
        passage_domains=[frozenset(stands_in[text]) for text in ids],
        relevant=[sorted(relevant[query]) for query in asked],
        scope=scope,
    )
    return add_distractors(task, pairs.further_passages) if pairs.further_passages else task


def add_distractors(task: RetrievalTask, texts: dict[str, str]) -> RetrievalTask:
    """Adds passages that answer no query, whatever the scope.

    Args:
        task: The task as the file gives it.
        texts: Id by text; texts that the corpus already holds are left out.
    """
    known = {comparable(text) for text in task.corpus}
    new: dict[str, str] = {}
    for text, id_ in texts.items():
        if comparable(text) not in known:
            known.add(comparable(text))
            new[text] = id_
    return replace(
        task,
        corpus=[*task.corpus, *new],
        passage_ids=[*task.passage_ids, *new.values()],
        passage_domains=[*task.passage_domains, *[frozenset[str]()] * len(new)],
    )


def limit_corpus(task: RetrievalTask, limit: int, seed: int) -> RetrievalTask:
    """Keeps every relevant passage and draws others up to a limit.

    Args:
        task: The whole task.
        limit: Passages to keep; 0 keeps all. Relevant ones are kept even where they are more.
        seed: Seed of the draw.
    """
    if not limit or limit >= len(task.corpus):
        return task
    wanted = {number for relevant in task.relevant for number in relevant}
    others = np.array([n for n in range(len(task.corpus)) if n not in wanted])
    drawn = np.random.default_rng(seed).permutation(others)[: max(limit - len(wanted), 0)]
    kept = sorted(wanted | set(drawn.tolist()))
    place = {number: n for n, number in enumerate(kept)}
    return replace(
        task,
        corpus=[task.corpus[n] for n in kept],
        passage_ids=[task.passage_ids[n] for n in kept],
        passage_domains=[task.passage_domains[n] for n in kept],
        relevant=[[place[n] for n in relevant] for relevant in task.relevant],
        left_out=len(task.corpus) - len(kept),
    )
