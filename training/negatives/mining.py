"""Mines hard negatives: passages that a model finds close to a query, and that do not answer it."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SimilarityFunction
from sentence_transformers.util import mine_hard_negatives

from evaluation.retrieval.ranking import SCORES_AT_A_TIME, DenseScorer
from evaluation.retrieval.task import RetrievalTask
from nic.logs import on_terminal
from pairs.checks.near_duplicates import group_near_duplicates
from pairs.checks.texts import FLAWS
from training.negatives.known_embeddings import KnownEmbeddings
from training.negatives.settings import MiningSettings

QUERY, PASSAGES, SCORES = "query", "passages", "scores"
PAIRS_AT_A_TIME = 16_384


@dataclass(frozen=True)
class Found:
    """Negatives of one query.

    Attributes:
        passages: Their numbers in the corpus: those of the query's own domain first, and of each
            kind the nearest first.
        scores: Their similarities to the query, as the model compares.
    """

    passages: list[int]
    scores: list[float]


class Miner:
    """Mines negatives from the passages of a file.

    Args:
        known: Its texts as the mining model embeds them.
    """

    def __init__(self, known: KnownEmbeddings) -> None:
        self.known = known
        self.groups = group_near_duplicates(known.task.corpus)
        self.is_prose = np.array(
            [not any(flaw(text) for flaw in FLAWS.values()) for text in known.task.corpus]
        )

    def mine(
        self,
        asked: Sequence[int],
        allowed: Collection[int],
        settings: MiningSettings,
        given: Sequence[Collection[int]] | None = None,
    ) -> dict[int, Found]:
        """Returns negatives of queries: up to `per_row` of each, maybe none.

        No negative is an answer of its query anywhere in the file, or nearly equals one; of
        passages that nearly equal each other one is taken; tables of contents, digits and debris
        are not taken. What the query's own domain does not give comes from other domains.

        Args:
            asked: Numbers of the queries in the task.
            allowed: Numbers of the passages that may be taken.
            settings: How many are taken, and from which places.
            given: For each query of the task passages that it has as negatives; neither they nor
                what nearly equals them is taken.
        """
        candidates = self._candidates(allowed)
        found = {query: Found([], []) for query in asked}
        several = len({name for names in self.known.task.passage_domains for name in names}) > 1
        for own in (True, False) if several else (True,):
            lacking = [q for q, one in found.items() if len(one.passages) < settings.per_row]
            if lacking:
                stand_in = StandIn(self, candidates, own, given)
                for query, passages, scores in _mine(stand_in, lacking, settings):
                    room = settings.per_row - len(found[query].passages)
                    found[query].passages.extend(passages[:room])
                    found[query].scores.extend(scores[:room])
        return found

    def _candidates(self, allowed: Collection[int]) -> np.ndarray:
        """Returns `(passages,)` whether one may be taken: of near-duplicates the first."""
        numbers = np.array(sorted(allowed), np.int64)
        numbers = numbers[self.is_prose[numbers]]
        firsts = numbers[np.unique(self.groups[numbers], return_index=True)[1]]
        candidates = np.zeros(len(self.groups), bool)
        candidates[firsts] = True
        return candidates


class StandIn:
    """What `mine_hard_negatives` takes for a model.

    The library's function embeds all texts itself, in any case normalised, and knows neither
    near-duplicates nor domains. Here texts are numbers, and their embeddings are known; a passage
    that may not be taken has a similarity of minus infinity. Ranks, margin and choice stay the
    library's.

    Args:
        miner: The miner.
        candidates: `(passages,)` whether a passage may be taken.
        own: Whether passages of the query's own domain are asked for, or those of others.
        given: As in `Miner.mine`.
    """

    def __init__(
        self,
        miner: Miner,
        candidates: np.ndarray,
        own: bool,
        given: Sequence[Collection[int]] | None,
    ) -> None:
        known = miner.known
        self.task: RetrievalTask = known.task
        self.scorer: DenseScorer = known.scorer
        self.device = known.scorer.corpus.device
        self._given = given
        self._groups = miner.groups
        self._of_group = {int(miner.groups[n]): int(n) for n in np.flatnonzero(candidates)}
        self._candidates, self._own = candidates, own
        self._of_domain: dict[str, list[int]] = defaultdict(list)
        for passage in np.flatnonzero(candidates).tolist():
            for domain in known.task.passage_domains[passage]:
                self._of_domain[domain].append(passage)

    def encode_query(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        """Returns `(texts,)` the numbers that the texts are."""
        return np.array([int(text) for text in texts])

    encode_document = encode_query

    def similarity(self, queries: np.ndarray, passages: torch.Tensor) -> torch.Tensor:
        """Returns `(queries, passages)` similarities; minus infinity for what is not taken."""
        scores = self.scorer.scores(queries, passages.numpy())
        taken = torch.from_numpy(np.stack([self._taken(query) for query in queries.tolist()]))
        return scores.masked_fill(~taken.to(self.device), -torch.inf)

    def similarity_pairwise(self, queries: np.ndarray, passages: torch.Tensor) -> torch.Tensor:
        """Returns `(pairs,)` similarities of queries and their positives."""
        compare = SimilarityFunction.to_similarity_pairwise_fn(self.scorer.similarity)
        found = [
            compare(self.scorer.queries[of_queries], self.scorer.corpus[of_passages])
            for of_queries, of_passages in zip(
                torch.from_numpy(queries).split(PAIRS_AT_A_TIME),
                passages.split(PAIRS_AT_A_TIME),
                strict=True,
            )
        ]
        return torch.cat(found)

    def _taken(self, query: int) -> np.ndarray:
        """Returns `(passages,)` whether a passage may be a negative of a query."""
        taken = np.zeros(len(self._candidates), bool) if self._own else self._candidates.copy()
        taken[self._of_domain[self.task.domains[query]]] = self._own
        given = self._given[query] if self._given else ()
        for passage in (*self.task.relevant[query], *given):
            first = self._of_group.get(int(self._groups[passage]))
            if first is not None:
                taken[first] = False
        return taken


def place(scorer: DenseScorer, found: dict[int, list[int]]) -> dict[int, list[tuple[int, float]]]:
    """Returns rank and similarity of passages in the rankings of queries, 1 for the nearest.

    Args:
        scorer: Scores all queries against all passages.
        found: Numbers of the passages by number of the query.
    """
    everything, queries = np.arange(len(scorer.corpus)), list(found)
    places = {}
    rows = max(1, SCORES_AT_A_TIME // len(everything))
    for start in range(0, len(queries), rows):
        chunk = queries[start : start + rows]
        scores = scorer.scores(np.array(chunk), everything)
        for query, row in zip(chunk, scores, strict=True):
            of_found = row[torch.tensor(found[query], dtype=torch.int64, device=row.device)]
            nearer = (row[None, :] > of_found[:, None]).sum(dim=1)
            ranks = [rank + 1 for rank in nearer.tolist()]
            places[query] = list(zip(ranks, of_found.tolist(), strict=True))
    return places


def _mine(
    stand_in: StandIn, asked: Sequence[int], settings: MiningSettings
) -> Iterator[tuple[int, list[int], list[float]]]:
    """Yields each query for which something is found, with its negatives and their scores."""
    pairs = [(query, passage) for query in asked for passage in stand_in.task.relevant[query]]
    rows = {
        QUERY: [str(query) for query, _ in pairs],
        PASSAGES: [str(passage) for _, passage in pairs],
    }
    first, last = settings.rank_range
    corpus = len(stand_in.task.corpus)
    with _bars_on_terminals_alone():
        mined = mine_hard_negatives(
            Dataset.from_dict(rows),
            stand_in,
            corpus=[str(number) for number in range(corpus)],
            range_min=first,
            range_max=last,
            relative_margin=settings.relative_margin,
            num_negatives=settings.per_row,
            output_format="labeled-list",
            output_scores=True,
            faiss_batch_size=max(1, SCORES_AT_A_TIME // corpus),
            verbose=False,
        )
    seen = set[int]()
    for row in mined:
        # A query with several positives has a row of each, with the same negatives.
        if (query := int(row[QUERY])) not in seen:
            seen.add(query)
            yield query, [int(number) for number in row[PASSAGES][1:]], row[SCORES][1:]


@contextmanager
def _bars_on_terminals_alone() -> Iterator[None]:
    """Keeps the progress bar of the library, which knows no switch, out of logs."""
    with nullcontext() if on_terminal() else redirect_stderr(io.StringIO()):
        yield
