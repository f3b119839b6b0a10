"""Names that a package exports and imports only when they are used (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Returns the module-level `__getattr__` of a package.

    A command that only answers `--help` then does not wait for the import of PyTorch.

    Args:
        package: Name of the package, for the message of an unknown name.
        modules: The module that defines each exported name.
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name]), name)

    return get
