"""Columns of texts that grow by batches: in memory while they are small, else in mapped files."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice, zip_longest

import pyarrow as pa
from datasets import Dataset
from datasets.fingerprint import generate_random_fingerprint

from pairs.columns import DOMAIN, POSITIVE, QUERY, negative_column

# Query, positive, negatives and domain.
Row = tuple[str, str, Sequence[str], str]

ROWS_AT_A_TIME = 10_000
# Bytes of texts above which they are moved to a temporary file.
MOST_IN_MEMORY = 256 * 2**20


def text_dataset(tables: Iterable[pa.Table], most_in_memory: int = MOST_IN_MEMORY) -> Dataset:
    """Returns tables as a dataset of strings: query, positive, negative, negative_2, ..., domain.

    A row with fewer negatives than another has None in the further columns; where no row has any
    there is no such column.

    Args:
        tables: The tables, as of `tables_of`, which are read once.
        most_in_memory: Bytes of texts that are held in memory. More are written to a temporary
            file, which the dataset maps and which is gone when the process ends.

    Raises:
        OSError: The folder of temporary files is full.
    """
    held: list[pa.Table] = []
    mapped: list[pa.Table] = []
    size = 0
    for table in tables:
        held.append(table)
        size += table.nbytes
        if size > most_in_memory:
            mapped.append(_mapped(_joined(held)))
            held.clear()
            size = 0
    # Its content would be hashed for a fingerprint; nothing is cached by it.
    return Dataset(_joined([*mapped, *held]), fingerprint=generate_random_fingerprint())


def tables_of(rows: Iterable[Row]) -> Iterator[pa.Table]:
    """Yields rows as tables of strings, 10,000 at a time."""
    remaining = iter(rows)
    while batch := list(islice(remaining, ROWS_AT_A_TIME)):
        queries, positives, negatives, domains = zip(*batch, strict=True)
        wrong = {negative_column(n): texts for n, texts in enumerate(zip_longest(*negatives), 1)}
        yield table_of({QUERY: queries, POSITIVE: positives, **wrong, DOMAIN: domains})


def table_of(columns: Mapping[str, Sequence[str | None]]) -> pa.Table:
    """Returns columns as a table of strings."""
    return pa.table({name: pa.array(texts, pa.string()) for name, texts in columns.items()})


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Returns the tables as one without copying texts; a column that one lacks is None there."""
    if not tables:
        return pa.table({name: pa.array([], pa.string()) for name in (QUERY, POSITIVE, DOMAIN)})
    joined = pa.concat_tables(tables, promote_options="default")
    return joined.select([*(name for name in joined.column_names if name != DOMAIN), DOMAIN])


def _mapped(table: pa.Table) -> pa.Table:
    """Moves a table to a temporary file."""
    number, path = tempfile.mkstemp(suffix=".arrow")
    try:
        with os.fdopen(number, "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        return pa.ipc.open_file(pa.memory_map(path)).read_all()
    finally:
        _delete(path)


def _delete(path: str) -> None:
    """Deletes a file that may be mapped, which Windows allows only once it is no longer."""
    try:
        os.unlink(path)
    except PermissionError:
        atexit.register(_delete_quietly, path)


def _delete_quietly(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
