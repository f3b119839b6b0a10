"""The console commands, and a finder that no folder of the user's can hide the product from.

The packages of this project have common names. With the working directory on the import path
(`PYTHONPATH=.`, an empty entry in it, or a launcher that adds it), a folder `training/` there comes
first. Importing this module makes the product's packages come from where this file stands; a worker
process that imports the main script again does the same.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
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


def train() -> object:
    """Runs `nic-train`."""
    return import_module("training.train").main()


def tune() -> object:
    """Runs `nic-tune`."""
    return import_module("training.tune").main()


def mine() -> object:
    """Runs `nic-mine`."""
    return import_module("training.mine").main()


def check() -> object:
    """Runs `nic-check`."""
    return import_module("pairs.check").main()


def evaluate() -> object:
    """Runs `nic-evaluate`."""
    return import_module("evaluation.run").main()


def pairs() -> object:
    """Runs `nic-pairs`."""
    return import_module("manuals.make").main()


def advise() -> object:
    """Runs `nic-advise`."""
    return import_module("training.advise").main()


def publish() -> object:
    """Runs `nic-publish`."""
    return import_module("model_card.publish").main()


sys.meta_path.insert(0, ProductFinder(HOME))
