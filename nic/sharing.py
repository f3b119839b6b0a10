"""Batches that the processes of a run embed together: each of them its share of the texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from sentence_transformers.util import all_gather
from sentence_transformers.util.distributed import get_rank, get_world_size
from torch.nn.functional import pad


@dataclass(frozen=True)
class Sharing:
    """Which process embeds which text of a batch that every process has.

    Each process then has all embeddings, and so the loss and the scores of the whole batch. A
    gradient goes back to the process that embedded the text, from the losses of all processes: the
    mean over the processes, as DistributedDataParallel takes it, is the gradient of one process.

    Attributes:
        rank: Number of this process, from 0.
        processes: Number of processes, 2 or more.
        owners: Where a text always has the same process, which keeps what it computes of it: the
            processes of some texts, by their keys; the key of any other text decides. None deals
            out the texts of each batch anew, as many of similar length to each process.
    """

    rank: int
    processes: int
    owners: Mapping[bytes, int] | None = None

    @classmethod
    def of_run(cls) -> Sharing | None:
        """Returns that of the processes which a launcher has started; None for one process."""
        return cls(get_rank(), get_world_size()) if get_world_size() > 1 else None

    def owns(self, key: bytes) -> bool:
        """Whether this process embeds a text, where a text always has the same one."""
        return self._owner(key, self.owners or {}) == self.rank

    def slices(self, count: int) -> list[slice]:
        """Returns which of a number of texts each process encodes in an evaluation.

        They are those of `distributed_evaluation` of sentence-transformers.
        """
        size, more = divmod(count, self.processes)
        starts = [rank * size + min(rank, more) for rank in range(self.processes + 1)]
        return [slice(start, end) for start, end in pairwise(starts)]

    def shares(self, keys: Sequence[bytes], lengths: Sequence[int]) -> list[list[int]]:
        """Returns the places of the texts of a batch by process, the same in every process.

        Args:
            keys: A short name for each text.
            lengths: Tokens of each text.
        """
        found: list[list[int]] = [[] for _ in range(self.processes)]
        for number, place in enumerate(sorted(range(len(keys)), key=lambda place: -lengths[place])):
            dealt = number % self.processes
            owner = dealt if self.owners is None else self._owner(keys[place], self.owners)
            found[owner].append(place)
        return found

    def embed(
        self, shares: Sequence[Sequence[int]], embed: Callable[[Sequence[int]], torch.Tensor]
    ) -> torch.Tensor:
        """Returns the embeddings of a batch, `(texts, dim)`, in its order.

        Args:
            shares: The places of the texts by process, none of them twice.
            embed: Embeds the texts at some places, one or more.
        """
        # A process without a share embeds a text all the same: its layers take part in the step.
        own = embed(shares[self.rank] or [0])
        longest = max(map(len, shares))
        # What is gathered is of one size; nobody looks at the rows that are added.
        padded = pad(own, (0, 0, 0, longest - len(own)))
        gathered = all_gather(padded, with_grad=torch.is_grad_enabled())
        places = [place for share in shares for place in share]
        rows = [
            process * longest + row
            for process, share in enumerate(shares)
            for row in range(len(share))
        ]
        return gathered[torch.tensor(rows)[torch.argsort(torch.tensor(places))].to(own.device)]

    def _owner(self, key: bytes, owners: Mapping[bytes, int]) -> int:
        return owners.get(key, int.from_bytes(key[:8], "big") % self.processes)
