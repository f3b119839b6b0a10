"""A cache of the outputs of the frozen layers: computing them is most of the work on a CPU.

Frozen layers give the same output for a text each time. With the cache it is computed once instead
of in every epoch and every evaluation; only the trainable layers run again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

logger = logging.getLogger(__name__)

GIB = 1 << 30


class FrozenCache:
    """Caches the outputs of the frozen layers by token ids, as texts arrive batch by batch.

    A batch of cached texts skips the frozen layers; any other batch runs through them and is
    cached. Padding positions are zeros instead of outputs; the attention mask excludes them.

    Args:
        embeddings: The encoder's frozen embeddings; called with `input_ids` of `(batch, length)`.
        layers: Its frozen layers, bottom first, one or more.
        padding_id: Token id of the padding at the end of short rows.
        limit: Largest size in bytes; further texts are computed each time.
    """

    def __init__(
        self, embeddings: nn.Module, layers: list[nn.Module], padding_id: int, limit: int
    ) -> None:
        self.padding_id = padding_id
        self.limit = limit
        self.bytes = 0
        self._known: dict[bytes, torch.Tensor] = {}
        self._batch: list[bytes] = []
        self._lengths: list[int] = []
        self._all_known = False
        self._returns_tuple = False
        self._modules = [embeddings, *layers]
        embeddings.forward = self._wrap_embeddings(embeddings.forward)
        for layer in layers:
            layer.forward = self._wrap_layer(layer.forward, last=layer is layers[-1])

    def __len__(self) -> int:
        """Returns the number of cached texts."""
        return len(self._known)

    def remove(self) -> None:
        """Restores the modules, and frees the memory."""
        for module in self._modules:
            module.__dict__.pop("forward", None)
        self._known.clear()

    def _wrap_embeddings(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            input_ids = kwargs["input_ids"] if "input_ids" in kwargs else args[0]
            self._lengths = (input_ids != self.padding_id).sum(dim=1).tolist()
            rows = zip(input_ids.numpy(), self._lengths, strict=True)
            self._batch = [row[:length].tobytes() for row, length in rows]
            self._all_known = all(key in self._known for key in self._batch)
            if self._all_known:
                return self._assemble(input_ids.shape[1])
            return forward(*args, **kwargs)

        return wrapped

    def _wrap_layer(self, forward: Callable[..., Any], last: bool) -> Callable[..., Any]:
        def wrapped(hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            if self._all_known:
                return (hidden_states,) if self._returns_tuple else hidden_states
            output = forward(hidden_states, *args, **kwargs)
            self._returns_tuple = isinstance(output, tuple)
            if last:
                self._remember(output[0] if self._returns_tuple else output)
            return output

        return wrapped

    def _assemble(self, length: int) -> torch.Tensor:
        """Returns the cached outputs of the batch, `(batch, length, width)`; padding is zero."""
        first = self._known[self._batch[0]]
        hidden = first.new_zeros(len(self._batch), length, first.shape[1])
        for row, key in zip(hidden, self._batch, strict=True):
            known = self._known[key]
            row[: len(known)] = known
        return hidden

    def _remember(self, hidden: torch.Tensor) -> None:
        for row, key, length in zip(hidden.detach(), self._batch, self._lengths, strict=True):
            size = length * row.shape[1] * row.element_size()
            if key not in self._known and self.bytes + size <= self.limit:
                self._known[key] = row[:length].clone()
                self.bytes += size
