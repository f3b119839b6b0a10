"""Batches in which no text answers another row's query, but rows may share a negative."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sentence_transformers.base.sampler import DefaultBatchSampler, NoDuplicatesBatchSampler
from sentence_transformers.sentence_transformer.data_collator import (
    SentenceTransformerDataCollator,
)
from sentence_transformers.sentence_transformer.losses import (
    CachedGISTEmbedLoss,
    CachedMultipleNegativesRankingLoss,
    GISTEmbedLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)
from torch import nn

from pairs.columns import NEGATIVE, POSITIVE, QUERY

# The kinds of text that must not occur twice in a batch, and the kind that may.
OWN, SHARED = 0, 1

Values = frozenset[tuple[int, str]]


class SharedNegativesBatchSampler(NoDuplicatesBatchSampler):
    """Draws batches whose queries and positives are unique, while rows may share a negative.

    A negative never equals a query or positive of the batch. Without shared negatives the batches
    are those of `NoDuplicatesBatchSampler` with the same seed.

    Attributes:
        values: What is compared of each row in place of its texts; None compares the texts.
    """

    values: Sequence[Values] | None = None

    def _iter_one_pass(
        self, get_sample_values: Callable[[int], Any], has_overlap: Callable[..., bool]
    ) -> Iterator[list[int]]:
        if self.values is not None:
            yield from super()._iter_one_pass(self.values.__getitem__, conflicts)
            return
        columns = [self.dataset[:][name] for name in self.dataset.column_names]
        rows = list(zip(*columns, strict=True))

        def values_of(row: int) -> Values:
            query, positive, *negatives = rows[row]
            shared = {(SHARED, negative) for negative in negatives if negative is not None}
            return frozenset({(OWN, query), (OWN, positive), *shared})

        yield from super()._iter_one_pass(values_of, conflicts)


class SharedNegativesCollator(SentenceTransformerDataCollator):
    """Embeds each negative of a batch once: it is one column of the similarities for all rows.

    A negative that several rows have, or a row repeats, counts once; a row may have none.
    """

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        """Returns the tokenized batch; its negatives are as many as there are different ones."""
        negatives = dict.fromkeys(
            text
            for row in features
            for name, text in row.items()
            if name.startswith(NEGATIVE) and text is not None
        )
        others = [{name: row[name] for name in (QUERY, POSITIVE)} for row in features]
        # Nothing of no rows: a batch without negatives has two columns.
        return {
            **super().__call__(others),
            **super().__call__([{NEGATIVE: text} for text in negatives]),
        }

    def maybe_warn_about_column_order(self, column_names: list[str]) -> None:
        """Warns of nothing: the negatives are tokenized alone, and the order is fixed."""


def conflicts(values: Values, batch: set[tuple[int, str]]) -> bool:
    """Whether a row must not join a batch: a text of its own is in it, or a negative is."""
    return any(
        (OWN, text) in batch or (kind == OWN and (SHARED, text) in batch) for kind, text in values
    )


def inner_loss(loss: nn.Module) -> nn.Module:
    """Returns the loss inside of a MatryoshkaLoss; any other loss as it is."""
    return loss.loss if isinstance(loss, MatryoshkaLoss) else loss


def takes_shared_negatives(loss: nn.Module) -> bool:
    """Whether a loss takes each negative of a batch once.

    A direction from passage to passage and a hardness weighting ask which row a negative belongs
    to, so that each row keeps its own.
    """
    loss = inner_loss(loss)
    if isinstance(loss, GISTEmbedLoss | CachedGISTEmbedLoss):
        return True
    if not isinstance(loss, MultipleNegativesRankingLoss | CachedMultipleNegativesRankingLoss):
        return False
    return "doc_to_doc" not in loss.directions and loss.hardness_mode is None


def count_rows_seen(sampler: DefaultBatchSampler) -> int:
    """Returns the number of different rows in the first epoch of a sampler."""
    sampler.set_epoch(0)
    return len({row for batch in sampler for row in batch})
