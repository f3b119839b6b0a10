"""Which columns of a file are query, positive, negatives and domain, by name or as asked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from nic.errors import UserError
from pairs.columns import DOMAIN, NEGATIVE, POSITIVE, QUERY, is_column
from pairs.reading.records import DataFile, Record
from pairs.reading.source import DataSource

ONE_DOMAIN = "all"
# The usual names, the project's own first.
USUAL = {
    QUERY: ("query", "question", "anchor", "sentence1"),
    POSITIVE: ("positive", "answer", "passage", "context", "document", "pos"),
    NEGATIVE: ("negative", "negatives", "neg", "hard_negative", "hard_negatives"),
    DOMAIN: ("domain",),
}
KNOWN = frozenset([*(name for names in USUAL.values() for name in names), "text"])
_NUMBERED = re.compile(r"(negative|neg|hard_negative)_([0-9]{1,4})")


@dataclass(frozen=True)
class ColumnNames:
    """Which column of a file is what.

    Attributes:
        taken: What each column is that is read, by its name in the file.
        default_domain: The domain of rows without one; None where every row needs its own.
        is_table: Whether every row of the file has all columns.
        passed_over: Columns with a usual name that are not read, for the project's own is there.
        converts_domain: Whether a domain may be a number.
        hidden: Columns that have a name of the project's own and are not read.
    """

    taken: dict[str, str]
    default_domain: str | None = None
    is_table: bool = False
    passed_over: list[str] = field(default_factory=list)
    converts_domain: bool = False
    hidden: frozenset[str] = frozenset()

    @cached_property
    def are_own(self) -> bool:
        """Returns whether the rows are read as they are."""
        return not self.hidden and all(name == role for name, role in self.taken.items())

    @cached_property
    def has_domain(self) -> bool:
        """Returns whether a column is the domain."""
        return DOMAIN in self.taken.values()

    def describe(self) -> str:
        """Returns which columns are taken, in words."""
        words = [
            role if name == role else f"{role} from {_quoted([name])}"
            for name, role in self.taken.items()
        ]
        if not self.has_domain:
            words.append(f'one domain, "{self.default_domain}"')
        said = ", ".join(words)
        if self.passed_over:
            said += f"; not read: {_quoted(self.passed_over)}"
        return said

    def in_file(self, text: str) -> str:
        """Returns a problem of a row with the names that the file gives its columns."""
        for name, role in self.taken.items():
            text = text.replace(f'field "{role}"', f'field "{name}"')
        return text

    def named(self, record: Record) -> Record:
        """Returns a record with the project's own names, and with a domain."""
        row = record.row
        if record.problem:
            return record
        own = self.are_own
        if not own:
            row = {
                self.taken.get(name, name): value
                for name, value in row.items()
                if name not in self.hidden
            }
        if DOMAIN not in row and self.default_domain is not None:
            own, row = False, {**row, DOMAIN: self.default_domain}
        elif not self.has_domain and DOMAIN in row:
            return record._replace(
                row={},
                problem=f'has a field "{DOMAIN}", which the first rows lack; give it to all rows, '
                "or name the field with --domain-from",
            )
        if self.is_table:
            # An empty cell is an empty text, and not a missing column.
            needed = [role for role in self.taken.values() if role in (QUERY, POSITIVE, DOMAIN)]
            row = dict.fromkeys((role for role in needed if role not in row), "") | row
        if self.converts_domain and isinstance(row.get(DOMAIN), (int, float)):
            row[DOMAIN] = str(row[DOMAIN])
        return record if own and not self.is_table else record._replace(row=row, raw=None)


def choose_columns(file: DataFile, source: DataSource) -> ColumnNames:
    """Tells which columns of a file are what.

    A column that is asked for is taken; else one by the project's own name; else the one with a
    usual name, in capital or small letters.

    Args:
        file: The opened file.
        source: The columns and the domain that are asked for.

    Raises:
        UserError: A column that is asked for is not there, none is query or positive, or several
            could be.
    """
    columns = [name for name in file.columns if name]
    taken = _asked(file.path, columns, source)
    asked, passed_over = list(taken), list[str]()
    for role in USUAL:
        if any(_is(role, found) for found in taken.values()):
            continue
        free = [name for name in columns if name not in taken]
        found, over = _find(file.path, role, free, columns)
        taken |= found
        passed_over += over
    for role in (QUERY, POSITIVE):
        others = [name for name in columns if name not in taken and not is_column(name)]
        if role not in taken.values() and (file.is_table or others or asked):
            raise _no_column(file.path, role, columns, others)
    has_domain = DOMAIN in taken.values()
    replaced = {role for role in taken.values() if role not in taken}
    unread = {name for name in columns if is_column(name) and name not in taken}
    order = [QUERY, POSITIVE, NEGATIVE, DOMAIN]
    return ColumnNames(
        dict(sorted(taken.items(), key=lambda item: order.index(item[1].split("_")[0]))),
        source.domain if source.domain else None if has_domain else ONE_DOMAIN,
        file.is_table,
        passed_over,
        file.is_table or bool(source.named_columns().get(DOMAIN)),
        frozenset(replaced | (unread if file.is_table or asked else set())),
    )


def fits(columns: Collection[str], asked: Mapping[str, str]) -> bool:
    """Returns whether columns hold a query and a positive, by their names or as asked."""
    for role in (QUERY, POSITIVE):
        named = asked.get(role)
        names = [named.lower()] if named else USUAL[role]
        if not any(name.strip().lower() in names for name in columns):
            return False
    return True


def spread(record: Record) -> Iterator[Record]:
    """Yields a record, or one for each positive of a row that has a list of them."""
    positives = record.row.get(POSITIVE)
    if not isinstance(positives, list):
        yield record
        return
    if not positives:
        yield record._replace(row={}, problem=f'field "{POSITIVE}" is an empty list')
    for positive in positives:
        yield record._replace(row={**record.row, POSITIVE: positive}, raw=None)


def _asked(path: Path, columns: list[str], source: DataSource) -> dict[str, str]:
    """Returns the columns that are asked for, by their names in the file."""
    taken: dict[str, str] = {}
    for role, named in source.named_columns().items():
        fitting = [name for name in columns if name == named] or [
            name for name in columns if name.strip().lower() == named.lower()
        ]
        if not fitting:
            flag = (
                "--domain-from" if role == DOMAIN and source.domain_from else f"--columns {role}="
            )
            raise UserError(
                f'{path}: has no column "{named}", which {flag} names; its columns are '
                f"{_quoted(columns)}"
            )
        if fitting[0] in taken:
            raise UserError(f'--columns: "{named}" is named twice; give each column one meaning')
        taken[fitting[0]] = role
    return taken


def _find(
    path: Path, role: str, free: list[str], columns: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Returns the columns of a role by their usual names, and those that are passed over.

    Raises:
        UserError: Several could be meant.
    """
    families: dict[str, dict[str, str]] = {}
    for name in free:
        usual = name.strip().lower()
        if usual in USUAL[role]:
            families.setdefault(usual, {})[name] = role
        elif role == NEGATIVE and (numbered := _NUMBERED.fullmatch(usual)):
            family = families.setdefault(numbered[1], {})
            family[name] = f"{NEGATIVE}_{numbered[2]}"
    if not families:
        return {}, []
    if role not in families and len(families) > 1:
        names = [name for family in families.values() for name in family]
        raise UserError(
            f"{path}: {_quoted(names, 'and')} could each be the {role}; its columns are "
            f"{_quoted(columns)}; choose one, as with --columns {role}={shlex.quote(names[0])}"
        )
    chosen = families.pop(role) if role in families else families.popitem()[1]
    return chosen, [name for family in families.values() for name in family]


def _is(role: str, found: str) -> bool:
    return found == role or (role == NEGATIVE and found.startswith(f"{NEGATIVE}_"))


def _no_column(path: Path, role: str, columns: list[str], others: list[str]) -> UserError:
    name = shlex.quote(others[0]) if others else "NAME"
    return UserError(
        f"{path}: no column is known as the {role}; its columns are {_quoted(columns)}; name it, "
        f"as with --columns {role}={name}"
    )


def printable(name: str) -> str:
    """Replaces control characters of a name from a file, which would steer a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)


def _quoted(names: Iterable[str], last: str = "") -> str:
    quoted = [f'"{printable(name)}"' for name in names]
    if last and len(quoted) > 1:
        return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"
    return ", ".join(quoted)
