"""Exported names are imported when they are first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nic.lazy import lazy_exports


def test_a_name_comes_from_the_module_that_defines_it() -> None:
    from fractions import Fraction

    assert lazy_exports("numbers", {"Fraction": "fractions"})("Fraction") is Fraction


def test_an_unknown_name_is_an_attribute_error_that_names_the_package() -> None:
    with pytest.raises(AttributeError, match="module 'pairs' has no attribute 'nothing'"):
        lazy_exports("pairs", {})("nothing")


@pytest.mark.parametrize("room", ["nic", "pairs", "evaluation", "model_card", "training"])
def test_importing_a_room_does_not_import_pytorch(room: str) -> None:
    code = f"import sys, {room}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
