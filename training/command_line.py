"""A parser for the smaller commands; training has its own in `arguments.py`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from training.errors import UserError


class OneLineParser(argparse.ArgumentParser):
    """Answers a mistake with one line, and takes no abbreviated flags."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Raise what `one_line_errors` shows."""
        raise UserError(f"{message}; --help lists every flag")


def say(lines: Sequence[str]) -> None:
    """Print lines."""
    sys.stdout.write("\n".join(lines) + "\n")
