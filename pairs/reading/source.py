"""Which files a data set is read from, and how: what the flags of every command say."""

from __future__ import annotations

import glob
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, Union

from nic.errors import UserError

DEFAULT_FILE = "data/finetuning/training_pairs.jsonl"
HUB = "hf://datasets/"
MOST_NAMED = 3
# Options that change which texts are read from a file.
READING = ("columns", "domain", "domain_from", "sheet")
_ROLE = re.compile(r"query|positive|negative(_[0-9]{1,4})?|domain")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w-]*/[\w-]+(\.[\w-]+)*")

Data = Union[str, Path, Sequence[str | Path], "DataSource"]


@dataclass(frozen=True)
class DataSource:
    """The files of a data set, and how they are read.

    Attributes:
        files: Files, folders that are a data set, patterns such as "data/*.jsonl", and names on
            the Hub.
        columns: Names of columns, each as "query=Frage"; the others are told by their usual names.
        domain: The domain of rows that have none.
        domain_from: The column that is the domain.
        sheet: The sheet of a workbook.

    Raises:
        UserError: A name of a column is not as it should be, or given twice.
    """

    files: tuple[str, ...]
    columns: tuple[str, ...] = ()
    domain: str | None = None
    domain_from: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Refuses what names no column of a pair."""
        self.named_columns()
        if self.domain_from and any(word.startswith("domain=") for word in self.columns):
            raise UserError("--domain-from and --columns domain=...: give one of them")
        if self.domain is not None and not self.domain.strip():
            raise UserError("--domain: is empty; give a name, or leave it out")

    @classmethod
    def of(cls, data: Data, **reading: Any) -> DataSource:
        """Returns the source that a file, several files, or a source stand for."""
        if isinstance(data, DataSource):
            return data
        files = [data] if isinstance(data, (str, Path)) else data
        reading["columns"] = tuple(reading.get("columns") or ())
        return cls(tuple(map(str, files)), **reading)

    def named_columns(self) -> dict[str, str]:
        """Returns the columns that are named, by what they are: query, positive, ..."""
        found: dict[str, str] = {}
        for word in self.columns:
            role, _, name = word.partition("=")
            if not _ROLE.fullmatch(role) or not name.strip():
                raise UserError(
                    f"--columns {word}: give query=NAME, positive=NAME, negative=NAME (or "
                    "negative_1=NAME negative_2=NAME) or domain=NAME"
                )
            if role in found:
                raise UserError(f"--columns: names the {role} twice; give one of them")
            found[role] = name.strip()
        return found | ({"domain": self.domain_from.strip()} if self.domain_from else {})

    def reading(self) -> dict[str, Any]:
        """Returns how the files are read, without what is the default."""
        given = {name: getattr(self, name) for name in READING}
        return {
            name: sorted(value) if name == "columns" else value
            for name, value in given.items()
            if value
        }

    def read_as(self, reading: Mapping[str, Any]) -> DataSource:
        """Returns these files, read as `reading` gives it."""
        return DataSource.of(self.files, **{name: reading.get(name) for name in READING})

    def paths(self, flag: str = "--data-file") -> list[Path]:
        """Returns the files in their order, by name, each once; patterns are filled in.

        Args:
            flag: The flag that named them, for messages.

        Raises:
            UserError: One is not there, or nothing fits a pattern.
        """
        found: dict[Path, Path] = {}
        for path in _sorted(path for named in self.files for path in _expand(named, flag)):
            found.setdefault(path.resolve() if path.exists() else path, path)
        return list(found.values())

    @property
    def name(self) -> str:
        """Returns the name of the file, or the names of several, without their folders."""
        names = [Path(named).name for named in sorted(set(self.files))]
        if len(names) <= MOST_NAMED:
            return ", ".join(names)
        return f"{names[0]} and {len(names) - 1} more"

    @property
    def path(self) -> Path:
        """Returns the file, or for several what stands for them in a message."""
        return Path(self.files[0] if len(self.files) == 1 else self.name)

    def found(self) -> list[Path]:
        """Returns the files that are there; what is missing is told when it is read."""
        try:
            return self.paths()
        except UserError:
            return []

    def is_there(self) -> bool:
        """Returns whether all files are there."""
        return bool(self.found())

    def flags(self) -> list[str]:
        """Returns how the files are read as the flags of a command, a word each."""
        words: list[str] = []
        for name, value in self.reading().items():
            words.append(f"--{name.replace('_', '-')}")
            words += value if isinstance(value, list) else [value]
        return words


def hub_name(path: Path) -> str | None:
    """Returns the name of a data set on the Hub; None for a file or a folder."""
    # A path has lost one of the slashes.
    text = path.as_posix()
    for start in (HUB, HUB.replace("//", "/")):
        if text.startswith(start):
            return text.removeprefix(start).strip("/")
    return text if not path.exists() and _HUB_NAME.fullmatch(text) and not _is_file(path) else None


def _is_file(path: Path) -> bool:
    """Whether a path that is not there was meant as a file or as a part of a folder."""
    from pairs.reading.formats import SUFFIXES
    from pairs.reading.packing import PACKED

    return path.suffix.lower() in {*SUFFIXES, *PACKED, ".txt"} or path.parent.is_dir()


def _expand(named: str, flag: str) -> list[Path]:
    if not named.strip():
        raise UserError(f'{flag} "": is empty; give a data file')
    path = Path(named)
    if path.exists() or hub_name(path):
        return [path]
    if glob.has_magic(named):
        fitting = [Path(one) for one in glob.glob(named, recursive=True)]
        files = [one for one in fitting if one.is_file()] or fitting
        if not files:
            raise UserError(f"{named}: no file fits this pattern; change {flag}")
        return files
    raise UserError(f"{named}: no such file; give a data file with {flag}")


def _sorted(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.as_posix())


def is_reading(value: Any) -> TypeGuard[dict[str, Any]]:
    """Returns whether a value from a file says how files are read, as `DataSource.reading`."""
    if not isinstance(value, dict) or not value.keys() <= set(READING):
        return False
    columns = value.get("columns", [])
    texts = [text for name, text in value.items() if name != "columns"]
    return isinstance(columns, list) and all(isinstance(text, str) for text in [*columns, *texts])


def as_flags(reading: Mapping[str, Any]) -> str:
    """Returns how files are read as the flags of a command."""
    return shlex.join(DataSource.of((), **reading).flags())
