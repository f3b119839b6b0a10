"""Parquet, Arrow, and data sets that `datasets` saved to a folder or finds on the Hub."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nic.errors import UserError, one_line
from nic.files import sha256_of
from pairs.reading.packing import packing_of
from pairs.reading.records import DataFile, Place, Record

if TYPE_CHECKING:
    from datasets import Dataset

BATCH = 1_000
# Names of splits, and the part of a training that each is.
PARTS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
DATASET_MARKS = ("dataset_dict.json", "dataset_info.json")
Batches = Callable[[], Iterable[list[dict[str, Any]]]]


def open_parquet(path: Path) -> DataFile:
    """Opens a Parquet file.

    Raises:
        UserError: It is damaged, or packed.
    """
    from pyarrow import parquet

    def batches() -> Iterator[list[dict[str, Any]]]:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH):
                yield batch.to_pylist()

    _refuse_packed(path, "Parquet")
    try:
        columns = list(parquet.read_schema(path).names)
    except (OSError, ValueError) as error:
        raise _damaged(path, "Parquet", error) from error
    return _table(path, "Parquet", columns, batches)


def open_arrow(path: Path) -> DataFile:
    """Opens an Arrow or Feather file, or a stream of Arrow batches as `datasets` writes them.

    Raises:
        UserError: It is damaged, or packed.
    """
    from pyarrow import ipc, memory_map

    def batches() -> Iterator[list[dict[str, Any]]]:
        with memory_map(str(path)) as file:
            if streamed:
                found: Iterable[Any] = ipc.open_stream(file)
            else:
                reader = ipc.open_file(file)
                found = (reader.get_batch(n) for n in range(reader.num_record_batches))
            for batch in found:
                for start in range(0, batch.num_rows, BATCH):
                    yield batch.slice(start, BATCH).to_pylist()

    _refuse_packed(path, "Arrow")
    with path.open("rb") as start:
        streamed = not start.read(6).startswith(b"ARROW1")
    try:
        with memory_map(str(path)) as file:
            schema = (ipc.open_stream if streamed else ipc.open_file)(file).schema
    except (OSError, ValueError) as error:
        raise _damaged(path, "Arrow", error) from error
    return _table(path, "Arrow", list(schema.names), batches)


def is_saved_dataset(folder: Path) -> bool:
    """Returns whether `datasets` saved a data set to a folder."""
    return any((folder / name).is_file() for name in DATASET_MARKS)


def open_saved_dataset(folder: Path) -> DataFile:
    """Opens a folder that `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote.

    Raises:
        UserError: It is damaged.
    """
    from datasets import load_from_disk

    try:
        found = load_from_disk(str(folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, "data set", error) from error
    splits = dict(found) if isinstance(found, dict) else {"": found}
    files = sorted(path for path in folder.rglob("*.arrow") if path.is_file())
    return open_splits(
        folder, "a data set saved to disk", splits, lambda: hash_files(folder, files)
    )


def open_splits(
    path: Path, title: str, splits: Mapping[str, Dataset], digest: Callable[[], str] | None = None
) -> DataFile:
    """Opens the splits of a data set as one table; each row knows its split.

    Args:
        path: What to call it in messages.
        title: What it is, in words.
        splits: The splits by name; one without a name is no split.
        digest: Returns the hash of its content; None hashes the rows.
    """

    def rows() -> Iterator[Record]:
        offset = 0
        for name, split in splits.items():
            section, part = f'split "{name}"' if name else "", PARTS.get(name.lower(), "")
            for number, row in enumerate(chain.from_iterable(_batches_of(split)), start=1):
                yield _record(Place(path, number, "row", section, 0, offset, part), row)
            offset += len(split)

    columns = list(dict.fromkeys(name for split in splits.values() for name in split.column_names))
    names = ", ".join(f"{name} {len(split):,}" for name, split in splits.items() if name)
    what = f"{title} ({names})" if names else title
    return DataFile(
        path,
        what,
        columns,
        rows,
        has_split=any(name.lower() in PARTS for name in splits),
        digest=digest or (lambda: _hash_rows(rows)),
    )


def hash_files(folder: Path, files: Iterable[Path]) -> str:
    """Returns one SHA-256 of several files: that of the lines that `sha256sum` writes of them.

    Args:
        folder: The folder from which the files are named.
        files: The files, in their order.
    """
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{sha256_of(file)}  {file.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def _hash_rows(rows: Callable[[], Iterator[Record]]) -> str:
    digest = hashlib.sha256()
    for record in rows():
        place = [record.place.section, record.place.line]
        digest.update(json.dumps([place, record.row], sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _table(path: Path, title: str, columns: list[str], batches: Batches) -> DataFile:
    def rows() -> Iterator[Record]:
        try:
            for number, row in enumerate(chain.from_iterable(batches()), start=1):
                yield _record(Place(path, number, "row"), row)
        except (OSError, ValueError) as error:
            raise _damaged(path, title, error) from error

    return DataFile(path, title, columns, rows)


def _batches_of(split: Dataset) -> Iterator[list[dict[str, Any]]]:
    for batch in split.with_format("arrow").iter(BATCH):
        yield batch.to_pylist()


def _record(place: Place, row: dict[str, Any]) -> Record:
    """A null stands for nothing, as an empty cell of other tables."""
    return Record(place, {name: value for name, value in row.items() if value is not None})


def _refuse_packed(path: Path, title: str) -> None:
    if packing := packing_of(path):
        raise UserError(
            f"{path}: a {title} file packed with {packing}; unpack it, {title} is compressed itself"
        )


def _damaged(path: Path, title: str, error: Exception) -> UserError:
    return UserError(f"{path}: damaged {title} ({one_line(error, 200)}); write or copy it again")
