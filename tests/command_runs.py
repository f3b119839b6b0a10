"""Commands that run in the process of a test, and what happens to them on their way."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest


def exit_code(main: Callable[[], Any], argv: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Returns the exit code of a command with the arguments that are given."""
    monkeypatch.setattr("sys.argv", ["command", *argv])
    try:
        return int(main() or 0)
    except SystemExit as end:
        return int(end.code or 0)


def before_call(
    place: str, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch, calls: int = 1
) -> None:
    """Does something before a function is called for the time that is given, from 1."""
    module, name = place.rsplit(".", 1)
    owner: Any = import_module(module)
    function, count = getattr(owner, name), [0]

    def wrapped(*given: Any, **named: Any) -> Any:
        count[0] += 1
        if count[0] == calls:
            act()
        return function(*given, **named)

    monkeypatch.setattr(owner, name, wrapped)
