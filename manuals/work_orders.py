"""Work orders: what people wrote, with the procedure or page that they then used."""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from manuals.made_pairs import pair_row
from manuals.passages import Passage
from nic.errors import UserError
from pairs.columns import ORIGIN
from pairs.dates import as_date
from pairs.reading.opening import Hints, open_file
from pairs.reading.packing import readable
from pairs.reading.records import DataFile, Record
from pairs.reading.source import DataSource
from pairs.words import folded, is_blank

logger = logging.getLogger(__name__)

# "plant.pdf p. 12", "plant.pdf, page 12", "plant.pdf Seite 12", "plant.pdf:12".
PAGE = re.compile(
    r"^(?P<document>.+?)[\s,;:#]*(?:p(?:age|\.)?|s(?:eite|\.)?|:)\s*(?P<page>\d+)$", re.I
)
# "4.2.1" or "4.2.1 Replacing the filter", as a heading or a reference begins with it.
NUMBER = re.compile(
    r"^\W*(?:(?:section|chapter|kapitel|abschnitt)\s+)?(\d+(?:\.\d+)+|\d+)(?=\W|$)", re.I
)
FLAG = "--work-orders"
COLUMN_FLAGS = "--text-column, --reference-column and --date-column"


@dataclass(frozen=True)
class Columns:
    """The columns of a file of work orders.

    Attributes:
        text: What was written: the query.
        reference: The procedure or page that was used, or its very text.
        date: When it was written; None where no column says so.
    """

    text: str
    reference: str
    date: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of all that are read."""
        return [name for name in (self.text, self.reference, self.date) if name is not None]


@dataclass(frozen=True)
class WorkOrder:
    """An order and a passage that it refers to.

    Attributes:
        text: What was written.
        passage: The passage.
        date: When it was written, as the file has it; None where no column says so.
        origin: What the row of a file says of where it comes from.
    """

    text: str
    passage: Passage
    date: str | None
    origin: str = "work order"

    def row(self) -> dict[str, Any]:
        """Returns the row of a file of pairs; people asked it, so that it may be held out."""
        dated = {} if self.date is None else {"date": self.date}
        return pair_row(self.text, self.passage, {ORIGIN: self.origin, **dated})


@dataclass(frozen=True)
class WorkOrders:
    """The work orders of a file.

    Attributes:
        pairs: One entry for each order and passage that it refers to.
        orders: Number of orders with a passage.
        left_out: Number of the others, by reason.
        unresolved: The first references that fit no passage, each once.
    """

    pairs: list[WorkOrder]
    orders: int
    left_out: dict[str, int] = field(default_factory=dict)
    unresolved: list[str] = field(default_factory=list)


def read_work_orders(
    source: DataSource, columns: Columns, passages: Sequence[Passage], domain: str
) -> WorkOrders:
    """Reads files of work orders and finds the passages that they refer to.

    A reference is the title of a heading, its number ("4.2.1"), a document with a page
    ("plant.pdf p. 12"), a document alone, or, where there are no manuals, the text itself. It
    stands for every passage there.

    Args:
        source: Files of any format that is read.
        columns: Their columns.
        passages: The passages of the manuals; none where references are texts.
        domain: Domain of the pairs where there are no manuals.

    Raises:
        UserError: A file cannot be read, lacks a column, or has a date in another form than that
            of ISO 8601.
    """
    find = _Places(passages).find if passages else _text_itself(domain)
    left_out: Counter[str] = Counter()
    unresolved: dict[str, None] = {}
    pairs: list[WorkOrder] = []
    orders = 0
    for record in _read(source, columns):
        text, reference = (_text(record.row, name) for name in (columns.text, columns.reference))
        when = None if columns.date is None else _date(record, columns.date)
        if is_blank(text):
            left_out["no text"] += 1
        elif is_blank(reference):
            left_out["no reference"] += 1
        elif when == "":
            left_out["no date"] += 1
        elif found := find(reference):
            orders += 1
            pairs += [WorkOrder(text.strip(), passage, when) for passage in found]
        else:
            left_out["reference fits no passage"] += 1
            unresolved.setdefault(reference.strip())
    return WorkOrders(pairs, orders, dict(left_out), list(unresolved)[:10])


class _Places:
    """Finds passages by what a reference names."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._by_title: dict[str, list[Passage]] = defaultdict(list)
        self._by_number: dict[str, list[Passage]] = defaultdict(list)
        self._by_page: dict[tuple[str, int], list[Passage]] = defaultdict(list)
        self._by_document: dict[str, list[Passage]] = defaultdict(list)
        for passage in passages:
            for title in passage.heading:
                self._by_title[folded(title)].append(passage)
                if found := NUMBER.match(title):
                    self._by_number[found[1]].append(passage)
                    bare = title[found.end() :].strip(" .:-\t")
                    self._by_title[folded(bare)].append(passage)
            for name in _names(passage.document):
                self._by_document[name].append(passage)
                if passage.page is not None:
                    self._by_page[name, passage.page].append(passage)

    def find(self, reference: str) -> list[Passage]:
        """Returns the passages of a reference, each once; none where it names nothing."""
        text = reference.strip()
        found = self._by_title.get(folded(text), [])
        if not found and (page := PAGE.match(text)):
            key = (folded(page["document"]), int(page["page"]))
            found = self._by_page.get(key, [])
        if not found and (number := NUMBER.match(text)):
            found = self._by_number.get(number[1], [])
        found = found or self._by_document.get(folded(text), [])
        return list(dict.fromkeys(found))


def _names(document: str) -> set[str]:
    """The names by which a document is called: with and without its folder and its suffix."""
    path = PurePosixPath(document)
    return {folded(str(name)) for name in (path, path.name, path.with_suffix(""), path.stem)}


def _text_itself(domain: str) -> Callable[[str], list[Passage]]:
    return lambda reference: [Passage(reference.strip(), "", domain)]


def _read(source: DataSource, columns: Columns) -> Iterator[Record]:
    """Yields the rows of all files.

    Raises:
        UserError: As `read_work_orders`.
    """
    hints = Hints(
        {name.lower() for name in columns.names},
        lambda names: set(columns.names) <= set(names),
        source.sheet,
        COLUMN_FLAGS,
    )
    for path in source.paths(FLAG):
        file = open_file(path, hints)
        _check_columns(file, columns)
        if source.sheet is not None and "sheet" not in file.format:
            raise UserError(f"--sheet {source.sheet}: {path} is no workbook; leave it out")
        logger.info("%s; work orders", file.describe())
        with readable(path):
            for record in file.rows():
                if record.problem:
                    raise UserError(f"{record.place}: {record.problem}")
                yield record


def _check_columns(file: DataFile, columns: Columns) -> None:
    for name in columns.names:
        if name not in file.columns:
            raise UserError(
                f'{file.path}: no column "{name}"; the columns are: {", ".join(file.columns)}; '
                f"name them with {COLUMN_FLAGS}"
            )


def _text(row: Mapping[str, Any], name: str) -> str:
    """Returns a cell as text; an empty one stands in no row of some formats."""
    value = row.get(name)
    return "" if value is None else str(value)


def _date(record: Record, name: str) -> str:
    """Returns the date of a row in the form of ISO 8601; "" for none.

    Raises:
        UserError: It has another form.
    """
    value = record.row.get(name)
    if value is None or is_blank(str(value)):
        return ""
    if as_date(value) is None:
        raise UserError(
            f'{record.place}: column "{name}" holds "{value}", which is no date such as '
            "2025-03-31; write dates in this form, or leave --date-column out"
        )
    return value.strip() if isinstance(value, str) else value.isoformat()
