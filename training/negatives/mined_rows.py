"""The rows of a training part with negatives that are mined from its passages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accelerate.utils import broadcast_object_list

from pairs.columns import POSITIVE, QUERY
from pairs.loading import Pairs
from pairs.words import comparable
from training.negatives.mining import Miner
from training.negatives.settings import RANK_RANGE, MiningSettings


@dataclass(frozen=True)
class MinedRows:
    """Negatives that are mined for rows of a file.

    Attributes:
        negatives: Those of each row that is trained on and brings none, the hardest first; maybe
            none.
        alone: Whether they stand in place of all negatives of the file.
        passages: Number of passages that they are mined from.
        settings: How they are mined.
    """

    negatives: Mapping[int, Sequence[str]]
    alone: bool
    passages: int
    settings: MiningSettings

    def fill(self, pairs: Pairs, per_row: int) -> Pairs:
        """Returns the rows of a file with the first mined negatives of each."""
        given = [[] if self.alone else negatives for negatives in pairs.negatives()]
        filled = {row: texts[:per_row] for row, texts in self.negatives.items()}
        return pairs.with_negatives([filled.get(row, texts) for row, texts in enumerate(given)])


def mine_rows(
    miner: Miner, pairs: Pairs, rows: Sequence[int], held_out: Sequence[int], alone: bool
) -> MinedRows:
    """Mines negatives for the rows that are trained on and bring none.

    They are mined from the passages of these rows. No positive of a held-out row is taken, though
    it be a negative of one that is trained on: it stays unseen. All processes of a launcher take
    what the first one finds.

    Args:
        miner: Knows the texts of the file.
        pairs: The file.
        rows: Numbers of the rows that are trained on.
        held_out: Numbers of the rows that are not.
        alone: Whether the negatives of the file are passed over, as if it had none.
    """
    task = miner.known.task
    queries = {comparable(text): number for number, text in enumerate(task.queries)}
    passages = {comparable(text): number for number, text in enumerate(task.corpus)}
    query_of = [queries[text] for text in pairs.comparable(QUERY)]
    positive_of = [passages[text] for text in pairs.comparable(POSITIVE)]
    given = [[] if alone else [passages[t] for t in of] for of in pairs.comparable_negatives()]
    allowed = {positive_of[row] for row in rows} | {n for row in rows for n in given[row]}
    allowed -= {positive_of[row] for row in held_out}
    lacking = [row for row in rows if not given[row]]
    # The first of them are those of any smaller number.
    settings = MiningSettings(per_row=RANK_RANGE[1] - RANK_RANGE[0])
    found = miner.mine(list(dict.fromkeys(query_of[row] for row in lacking)), allowed, settings)
    found = broadcast_object_list([found])[0]
    negatives = {row: [task.corpus[n] for n in found[query_of[row]].passages] for row in lacking}
    return MinedRows(negatives, alone, len(allowed), settings)
