"""The console commands, and a finder that no folder of the user's can hide the product from.

The packages of this project have common names. With the working directory on the import path
(`PYTHONPATH=.`, an empty entry in it, or a launcher that adds it), a folder `training/` there comes
first. Importing this module makes the product's packages come from where this file stands; a worker
process that imports the main script again does the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

PACKAGES = ("training", "model_card", "manuals", "evaluation", "pairs", "nic")
HOME = str(Path(__file__).resolve().parent)


class ProductFinder(MetaPathFinder):
    """Finds the product's packages in one folder, whatever the import path says.

    Args:
        home: The folder that holds them.
    """

    def __init__(self, home: str) -> None:
        self.home = home

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns where a package of the product is; None for any other module."""
        if fullname not in PACKAGES:
            return None
        return PathFinder.find_spec(fullname, [self.home], target)


def _run(module: str) -> object:
    """Runs the command of a module; a signal that comes while it is imported is one line too."""
    # Imported here: the finder below has to be there first.
    run: Callable[[], object] = import_module("nic.errors").one_line_errors(
        lambda: import_module(module).main()
    )
    return run()


def train() -> object:
    """Runs `nic-train`."""
    return _run("training.train")


def tune() -> object:
    """Runs `nic-tune`."""
    return _run("training.tune")


def mine() -> object:
    """Runs `nic-mine`."""
    return _run("training.mine")


def check() -> object:
    """Runs `nic-check`."""
    return _run("pairs.check")


def evaluate() -> object:
    """Runs `nic-evaluate`."""
    return _run("evaluation.run")


def pairs() -> object:
    """Runs `nic-pairs`."""
    return _run("manuals.make")


def advise() -> object:
    """Runs `nic-advise`."""
    return _run("training.advise")


def publish() -> object:
    """Runs `nic-publish`."""
    return _run("model_card.publish")


sys.meta_path.insert(0, ProductFinder(HOME))
