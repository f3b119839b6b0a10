"""Ctrl-C and SIGTERM end the training after its state is saved."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

import torch


class Interruption:
    """Context in which the first signal is noted and the second one breaks off at once.

    Attributes:
        signal_number: The signal that came in, 0 before any.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        """Take the two signals over."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def came_in_anywhere(self, processes: int, device: torch.device) -> bool:
        """Whether any process of the run got a signal, so that all of them stop at one step."""
        if processes > 1:
            flag = torch.tensor(self.signal_number, device=device)
            torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
            self.signal_number = int(flag.item())
        return self.signal_number > 0

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number:
            raise KeyboardInterrupt
        self.signal_number = number
