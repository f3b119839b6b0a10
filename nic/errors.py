"""Errors that end a command with one line instead of a traceback."""

from __future__ import annotations

import errno
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

from nic.peers import LOST_ADVICE, lost_process, speaks_first
from nic.signals import name_of, signal_of, stopped_by_signals

Result = TypeVar("Result")

MEMORY_ADVICE = (
    "out of memory: use a smaller --batch-size, or main memory with --device cpu; training can "
    "keep its batch with --loss cached_mnrl and a smaller --mini-batch-size"
)
PATH_SHOWN = 80
# C0 without tab and line feed, delete, C1, and marks that turn the direction of what follows.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
DISK_ADVICE = "free some space and run it again; training continues with --resume"
STORAGE_ADVICE = "see to that file or folder and run it again; training continues with --resume"
# What a file or folder answers that went away, or was made read-only, while a command used it.
_STORAGE = {
    getattr(errno, name)
    for name in (
        *("ENOENT", "ENOTDIR", "EISDIR", "EEXIST", "ENOTEMPTY", "EACCES", "EPERM", "EROFS"),
        *("EIO", "EFBIG", "ESTALE", "ENODEV", "EBUSY"),
    )
    if hasattr(errno, name)
}
# PyTorch and safetensors report what the system said in errors of their own.
_TORCH_WRITES = ("PytorchStreamWriter failed", "inline_container.cc")
_LOOP = "Symlink loop from "
_OS_ERROR = re.compile(r"([^:]*) \(os error \d+\)")


class UserError(Exception):
    """A mistake that the user can correct; the message says what, where and what to do.

    Attributes:
        exit_code: What the command exits with.
    """

    exit_code = 2


class Interrupted(Exception):
    """A training was stopped by a signal; the message says what is saved and how to go on.

    Attributes:
        signal_number: The signal: SIGHUP 1, SIGINT 2, SIGTERM 15.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


class OutputClosed(Exception):
    """Nobody reads standard output any more, as after `| head`."""


# 128 + SIGPIPE: what a program exits with that the closed pipe ends.
OUTPUT_CLOSED = 141


@contextmanager
def output_may_close() -> Iterator[None]:
    """Turns the failure of writing to a closed pipe, and of flushing it, into `OutputClosed`."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # Windows reports a closed pipe as an invalid argument.
        if error.errno not in (errno.EPIPE, errno.EINVAL):
            raise
        # What is still in the buffer would fail again when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputClosed from error


def escape_unprintable() -> None:
    """Lets standard output escape what its encoding lacks, as standard error does already."""
    with suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def require_value(holds: bool, flag: str, value: Any, allowed: str) -> None:
    """Refuses the value of a flag unless a condition holds.

    Args:
        holds: The condition.
        flag: Name of the flag.
        value: What was given.
        allowed: What is allowed, after "must be".

    Raises:
        UserError: The condition does not hold.
    """
    if not holds:
        raise UserError(f"{flag} {value}: must be {allowed}")


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that the device or the host ran out of memory."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and ("out of memory" in text or "can't allocate memory" in text)
    )


def no_space_left(error: BaseException) -> bool:
    """Whether an exception means a full disk; safetensors reports it as its own error."""
    return "No space left on device" in str(error) or "os error 28" in str(error)


def broken_storage(error: BaseException) -> str:
    """Returns which file or folder could not be used, and why; empty for any other error."""
    text = str(error)
    if isinstance(error, OSError) and error.errno in _STORAGE:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{str(error.strerror).lower()}"
    if isinstance(error, RuntimeError) and any(word in text for word in _TORCH_WRITES):
        return f"a checkpoint could not be written ({one_line(error, PATH_SHOWN)})"
    found = _OS_ERROR.search(text) if type(error).__name__ == "SafetensorError" else None
    return f"weights could not be written or read ({found[1].strip().lower()})" if found else ""


def one_line(error: BaseException, longest: int | None = None) -> str:
    """Returns what an error of a library says, on one line.

    Args:
        error: The error.
        longest: Number of letters after which it is cut; None cuts nothing.
    """
    text = " ".join(str(error).split())
    if isinstance(error, KeyError) or not text:
        text = f"{type(error).__name__} {text}".strip()
    return text if longest is None or len(text) <= longest else f"{text[:longest]}..."


def printable(text: str) -> str:
    """Returns a text whose control and bidirectional characters are escaped, but for line ends.

    A name of the data may hold them, and a terminal would obey them.
    """
    return _UNPRINTABLE.sub(lambda found: ascii(found.group())[1:-1], text)


def unusable_path(error: BaseException) -> str:
    """Returns why a path cannot be used by the system at all; empty for any other error."""
    if isinstance(error, OSError) and error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        name = str(error.filename)
        shown = name if len(name) <= PATH_SHOWN else f"{name[:PATH_SHOWN]}..."
        return f"{shown}: {str(error.strerror).lower()}; give another path"
    # `Path.resolve` before Python 3.13.
    if isinstance(error, RuntimeError) and str(error).startswith(_LOOP):
        name = str(error).removeprefix(_LOOP).strip("'")
        return f"{name}: a loop of symbolic links; give another path"
    if isinstance(error, ValueError) and "null" in str(error) and "embedded" in str(error):
        return "a path holds a NUL character; give another path"
    return ""


def _reason_of_machine(error: Exception) -> str:
    """Returns what memory or disk refused, and what to do; empty for any other error."""
    if out_of_memory(error):
        return MEMORY_ADVICE
    if no_space_left(error):
        return f"the disk is full ({error}): {DISK_ADVICE}"
    broken = broken_storage(error)
    return f"{broken}; {STORAGE_ADVICE}" if broken else ""


def _exit(message: str, code: int) -> NoReturn:
    if speaks_first():
        sys.stderr.write(printable(message) + "\n")
    sys.exit(code)


def _end_now(message: str, code: int) -> NoReturn:
    """Ends without waiting for the threads that speak to a process which is gone."""
    with suppress(SystemExit):
        _exit(message, code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _with_flush(command: Callable[[], Result]) -> Result:
    """Runs a command and flushes what it printed, also where it ends by `sys.exit`."""
    try:
        result = command()
    except SystemExit:
        with output_may_close():
            pass
        raise
    with output_may_close():
        return result


def one_line_errors(command: Callable[[], Result]) -> Callable[[], Result]:
    """Decorates a command so that expected failures print one line and exit non-zero.

    Of several processes the first that fails prints it. Exit codes: 2 for a `UserError`, or the
    code of its class; 1 if the disk or the memory is full, a file or folder went away or became
    read-only, or another process of the run is gone; 128 + N after signal N, which is SIGINT,
    SIGTERM or SIGHUP at any moment; 141, quietly, if nobody reads standard output any more. An
    unexpected error is a bug and keeps its traceback. A letter that a terminal lacks is escaped.
    """

    @functools.wraps(command)
    def wrapped() -> Result:
        escape_unprintable()
        try:
            with stopped_by_signals():
                return _with_flush(command)
        except OutputClosed:
            sys.exit(OUTPUT_CLOSED)
        except UserError as error:
            _exit(f"error: {error}", error.exit_code)
        except Interrupted as error:
            _exit(str(error), 128 + error.signal_number)
        except KeyboardInterrupt as error:
            number = signal_of(error)
            _exit(f"stopped by {name_of(number)}: nothing half-written is left", 128 + number)
        except Exception as error:
            if lost_process(error):
                _end_now(f"error: {LOST_ADVICE}", 1)
            if unusable := unusable_path(error):
                _exit(f"error: {unusable}", UserError.exit_code)
            if reason := _reason_of_machine(error):
                _exit(f"error: {reason}", 1)
            raise

    return wrapped
