"""The embeddings of all texts of a file, computed once for all that needs them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from sentence_transformers import SentenceTransformer

from evaluation.retrieval.evaluator import embed_task
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from nic.logs import on_terminal
from pairs.loading import Pairs


@dataclass(frozen=True)
class KnownEmbeddings:
    """Every query and every passage of a file as one model embeds them.

    Attributes:
        task: All queries of the file, each with the passages that answer it, and all passages.
        scorer: Scores these queries against these passages.
    """

    task: RetrievalTask
    scorer: DenseScorer

    def scorer_of(self, task: RetrievalTask) -> DenseScorer:
        """Returns the scores of a task of the same file, of which nothing is embedded again."""
        queries = {id_: number for number, id_ in enumerate(self.task.query_ids)}
        scorer = self.scorer.of_queries([queries[id_] for id_ in task.query_ids])
        if task.passage_ids == self.task.passage_ids:
            return scorer
        passages = {id_: number for number, id_ in enumerate(self.task.passage_ids)}
        chosen = torch.tensor([passages[id_] for id_ in task.passage_ids])
        return DenseScorer(scorer.queries, scorer.corpus[chosen], scorer.similarity)


def embed_file(model: SentenceTransformer, pairs: Pairs) -> KnownEmbeddings:
    """Embeds each query and each passage of a file once, with a progress bar on a terminal.

    Raises:
        UserError: An embedding is not finite.
    """
    task = retrieval_task(pairs, range(len(pairs)))
    return KnownEmbeddings(task, embed_task(model, task, show_progress=on_terminal()))
