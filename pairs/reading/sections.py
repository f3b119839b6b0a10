"""Numbers of rows as words: in which file, and in which part of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from pairs.reading.records import Place


class Section(NamedTuple):
    """A file, or a part of one, that counts its rows by itself.

    Attributes:
        offset: What its numbers have more than its own count of rows.
        path: The file.
        name: The part of the file, such as `sheet "Q&A"`; "" for the whole.
        unit: What is counted: "line" or "row".
    """

    offset: int
    path: Path
    name: str
    unit: str

    def place(self, number: int) -> Place:
        """Returns the place of a number of the section."""
        return Place(self.path, number - self.offset, self.unit, self.name, offset=self.offset)

    def describe(self, with_file: bool) -> str:
        """Returns file and part in words; "" where the file need not be named and is whole."""
        return " ".join(word for word in (self.path.name if with_file else "", self.name) if word)


class Sections:
    """Collects the sections of places that come in their order."""

    def __init__(self) -> None:
        self.found: list[Section] = []
        self._last: tuple[object, ...] = ()

    def add(self, place: Place) -> None:
        """Adds the section of a place, if it is a new one."""
        key = (place.offset, place.section)
        if key != self._last:
            self._last = key
            self.found.append(Section(place.offset, place.path, place.section, place.unit))


def describe_numbers(sections: Sequence[Section], numbers: Sequence[int]) -> str:
    """Returns numbers in words: "lines 1, 2", or "a.csv: rows 1, 2; b.jsonl: line 3"."""
    several_files = len({section.path for section in sections}) > 1
    said = []
    for section, found in groupby(numbers, lambda number: section_of(sections, number)):
        own = [number - section.offset for number in found]
        where = section.describe(several_files)
        unit = section.unit if len(own) == 1 else f"{section.unit}s"
        said.append(f"{where}: " * bool(where) + f"{unit} {', '.join(map(str, own))}")
    return "; ".join(said)


def section_of(sections: Sequence[Section], number: int) -> Section:
    """Returns the section that a number belongs to: the last that begins before it."""
    return next(section for section in reversed(sections) if section.offset < number)
