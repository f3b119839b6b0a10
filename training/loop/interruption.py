"""Ctrl-C, SIGTERM and SIGHUP stop a training after its state is saved."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

import torch

from nic.signals import Stopped, signals_to_handle


class Interruption:
    """Records the first signal that asks to stop; the second one raises `Stopped`.

    Attributes:
        signal_number: The signal; 0 before any.
    """

    def __init__(self) -> None:
        self.signal_number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        """Installs the handlers."""
        for number in signals_to_handle():
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        """Restores the handlers that were there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def came_in_anywhere(self, processes: int, device: torch.device) -> bool:
        """Whether any process of the run got a signal, so that all stop at the same step.

        Args:
            processes: Number of processes of the run.
            device: Device of this process.
        """
        if processes > 1:
            flag = torch.tensor(self.signal_number, device=device)
            torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
            self.signal_number = int(flag.item())
        return self.signal_number > 0

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number:
            raise Stopped(number)
        self.signal_number = number
