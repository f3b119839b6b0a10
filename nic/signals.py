"""One rule for the signals that ask a command to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

# Windows has no SIGHUP.
STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stopped(KeyboardInterrupt):
    """A signal asked the command to stop: whatever cleans up after Ctrl-C cleans up after it.

    Attributes:
        signal_number: The signal.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {name_of(signal_number)}")
        self.signal_number = signal_number


def signal_of(error: BaseException) -> int:
    """Returns the number of the signal behind an interruption."""
    return getattr(error, "signal_number", int(signal.SIGINT))


def name_of(signal_number: int) -> str:
    """Returns the name of a signal, such as "SIGTERM"."""
    return signal.Signals(signal_number).name


def signals_to_handle() -> list[int]:
    """Returns the signals that stop this process; SIGHUP is none of them under nohup."""
    # Only the main thread may set a handler.
    if threading.current_thread() is not threading.main_thread():
        return []
    ignored = [number for number in STOP_SIGNALS if signal.getsignal(number) == signal.SIG_IGN]
    return [n for n in STOP_SIGNALS if n not in ignored or n in (signal.SIGINT, signal.SIGTERM)]


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raises `Stopped` for a signal while the block runs; a copy of the process just ends."""
    process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        if os.getpid() != process:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in signals_to_handle()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
