"""Keeps the made pairs whose passage is found again by their query, by BM25 with a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from sentence_transformers import SentenceTransformer

from evaluation.defaults import BATCH_SIZE
from evaluation.retrieval.baselines import BM25Scorer, FusionScorer
from evaluation.retrieval.evaluator import embed_task
from evaluation.retrieval.query_results import score_task
from evaluation.retrieval.task import RetrievalTask
from manuals.made_pairs import MadePair
from manuals.passages import Passage
from nic.logs import on_terminal
from pairs.words import comparable, folded

FIRST = 10


@dataclass(frozen=True)
class Filtered:
    """Made pairs that are told apart by whether their passage is found again.

    Attributes:
        pairs: The different pairs in their order, each with `found`.
        duplicates: Number of the others, which say what an earlier one says.
    """

    pairs: list[MadePair]
    duplicates: int

    @property
    def kept(self) -> list[MadePair]:
        """The pairs whose passage is among the first."""
        return [pair for pair in self.pairs if pair.found]

    @property
    def not_found(self) -> list[MadePair]:
        """The others."""
        return [pair for pair in self.pairs if not pair.found]


def filter_pairs(
    pairs: Sequence[MadePair],
    passages: Sequence[Passage],
    model: SentenceTransformer,
    first: int = FIRST,
    language: str | None = None,
) -> Filtered:
    """Tells apart the different pairs whose passage stands among the first for their query.

    Round-trip consistency, as for the synthetic questions of Alberti et al., ACL 2019; here by the
    rank fusion of BM25 and the model, so that neither's blind spots decide alone.

    Args:
        pairs: The made pairs.
        passages: All passages of the manuals, among which the right one must be found.
        model: The base model.
        first: Passages among which the right one must stand.
        language: ISO 639 code of the language of the texts, for BM25; None tells it from them.
    """
    different = _different(pairs)
    if not different:
        return Filtered([], len(pairs))
    task = task_of(different, passages)
    dense = embed_task(model, task, BATCH_SIZE, on_terminal())
    fused = FusionScorer(dense, BM25Scorer.of(task, language))
    rows = score_task(fused, task)
    told = [
        replace(pair, found=row.ranks[-1] <= first)
        for pair, row in zip(different, rows, strict=True)
    ]
    return Filtered(told, len(pairs) - len(different))


def task_of(pairs: Sequence[MadePair], passages: Sequence[Passage]) -> RetrievalTask:
    """Returns the task that asks each pair's query for its own passage among all of them."""
    every = [*passages, *[pair.passage for pair in pairs]]
    texts = {comparable(passage.text): passage for passage in every}
    numbers = {text: n for n, text in enumerate(texts)}
    return RetrievalTask(
        queries=[pair.query for pair in pairs],
        query_ids=[f"q{n}" for n in range(len(pairs))],
        domains=[pair.passage.domain for pair in pairs],
        clusters=np.arange(len(pairs)),
        corpus=[passage.text for passage in texts.values()],
        passage_ids=[f"p{n}" for n in range(len(texts))],
        passage_domains=[frozenset([passage.domain]) for passage in texts.values()],
        relevant=[[numbers[comparable(pair.passage.text)]] for pair in pairs],
    )


def _different(pairs: Sequence[MadePair]) -> list[MadePair]:
    found: dict[tuple[str, str], MadePair] = {}
    for pair in pairs:
        found.setdefault((folded(pair.query), comparable(pair.passage.text)), pair)
    return list(found.values())
