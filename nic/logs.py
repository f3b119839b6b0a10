"""The run's log: the same lines on the console and in `training.log`."""

from __future__ import annotations

import logging
import logging.handlers
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from nic.errors import printable

LOG_NAME = "training.log"
OUR_LOGGERS = ("training", "model_card", "manuals", "evaluation", "pairs", "nic")
FORMAT = "[%(levelname)s] %(message)s"


class RunLog:
    """Writes log lines to the console, and to a file as soon as its folder exists.

    Args:
        main_process: Whether this is the main process; the others log errors only.
    """

    def __init__(self, main_process: bool = True) -> None:
        formatter = PrintableFormatter(FORMAT)
        console = logging.StreamHandler(sys.stderr)
        self._pending = logging.handlers.MemoryHandler(capacity=1 << 20, flushLevel=100)
        self._handlers: list[logging.Handler] = [console, self._pending] if main_process else []
        for handler in self._handlers:
            handler.setFormatter(formatter)
        self._before: dict[str, tuple[int, bool]] = {}
        for name in OUR_LOGGERS:
            package = logging.getLogger(name)
            self._before[name] = (package.level, package.propagate)
            package.setLevel(logging.INFO if main_process else logging.ERROR)
            package.propagate = not main_process
            for handler in self._handlers:
                package.addHandler(handler)

    def open_file(self, folder: Path, append: bool) -> None:
        """Starts `training.log` in a folder with all lines so far.

        Args:
            folder: The folder; it exists.
            append: Whether to append to the log of an earlier run.
        """
        if self._pending not in self._handlers:
            return
        file = logging.FileHandler(folder / LOG_NAME, mode="a" if append else "w", encoding="utf-8")
        file.setFormatter(PrintableFormatter(FORMAT))
        self._pending.setTarget(file)
        self._pending.flush()
        for name in OUR_LOGGERS:
            logging.getLogger(name).removeHandler(self._pending)
            logging.getLogger(name).addHandler(file)
        self._handlers = [self._handlers[0], file]

    def close(self) -> None:
        """Closes the handlers and restores the loggers."""
        for name, (level, propagate) in self._before.items():
            package = logging.getLogger(name)
            package.setLevel(level)
            package.propagate = propagate
            for handler in self._handlers:
                package.removeHandler(handler)
        for handler in self._handlers:
            handler.close()


class PrintableFormatter(logging.Formatter):
    """Escapes what a terminal would obey: names of the data stand in lines of the log."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line of a record."""
        return printable(super().format(record))


@contextmanager
def open_run_log(main_process: bool) -> Iterator[RunLog]:
    """Yields a `RunLog` and closes it when the block ends."""
    log = RunLog(main_process)
    try:
        yield log
    finally:
        log.close()


@contextmanager
def errors_only() -> Iterator[None]:
    """Logs nothing below an error while the block runs."""
    before = {name: logging.getLogger(name).level for name in OUR_LOGGERS}
    for name, level in before.items():
        logging.getLogger(name).setLevel(max(level, logging.ERROR))
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def log_lines(log: logging.Logger, text: str) -> None:
    """Logs each line of a text as a line of its own, with its level."""
    for line in text.splitlines():
        log.info("%s", line)


def on_terminal() -> bool:
    """Whether standard error is a terminal, so that a progress bar is visible."""
    return sys.stderr.isatty()


def quiet_libraries() -> None:
    """Limits the libraries to warnings, and to progress bars on a terminal."""
    import datasets
    import transformers

    transformers.utils.logging.set_verbosity_warning()
    # Of sentence-transformers, about the function by which it gathers.
    warnings.filterwarnings("ignore", message=".*all_gather is deprecated", category=FutureWarning)
    if not on_terminal():
        datasets.disable_progress_bars()
        transformers.utils.logging.disable_progress_bar()


@contextmanager
def lines_above_progress_bars() -> Iterator[None]:
    """Writes log lines above the progress bars of a terminal while the block runs."""
    with logging_redirect_tqdm(loggers=[logging.getLogger(name) for name in OUR_LOGGERS]):
        yield
