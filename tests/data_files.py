"""Writers of the same rows in every format that is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
from datasets import Dataset, DatasetDict
from pyarrow import feather, parquet

Rows = Sequence[dict[str, Any]]
WriteRows = Callable[[Rows, Path], Path]


def columns_of(rows: Rows) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def delimited(rows: Rows, delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns_of(rows), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def lines(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def zstd(content: bytes) -> bytes:
    packed: bytes = pyarrow.compress(content, codec="zstd", asbytes=True)
    return packed


def write_bytes(name: str, encode: Callable[[Rows], bytes]) -> WriteRows:
    def write(rows: Rows, folder: Path) -> Path:
        path = folder / name
        path.write_bytes(encode(rows))
        return path

    return write


def table(rows: Rows) -> pyarrow.Table:
    names = columns_of(rows)
    return pyarrow.Table.from_pylist([{name: row.get(name) for name in names} for row in rows])


def write_parquet(rows: Rows, folder: Path) -> Path:
    path = folder / "pairs.parquet"
    parquet.write_table(table(rows), path, row_group_size=7)
    return path


def write_feather(rows: Rows, folder: Path) -> Path:
    path = folder / "pairs.feather"
    feather.write_feather(table(rows), str(path))
    return path


def write_stream(rows: Rows, folder: Path) -> Path:
    path = folder / "pairs.arrow"
    content = table(rows)
    with (
        pyarrow.OSFile(str(path), "wb") as file,
        pyarrow.ipc.new_stream(file, content.schema) as to,
    ):
        to.write_table(content)
    return path


def write_workbook(rows: Rows, folder: Path, sheets: Sequence[str] = ("Q&A",)) -> Path:
    book = openpyxl.Workbook()
    notes = book.active
    notes.title = "notes"
    notes.append(["made for", "a test"])
    for name in sheets:
        sheet = book.create_sheet(name)
        columns = columns_of(rows)
        sheet.append(columns)
        for row in rows:
            sheet.append([row.get(column) for column in columns])
    path = folder / "pairs.xlsx"
    book.save(path)
    return path


def write_dataset(rows: Rows, folder: Path) -> Path:
    path = folder / "saved"
    Dataset(table(rows)).save_to_disk(str(path))
    return path


def write_splits(parts: Mapping[str, Rows], folder: Path) -> Path:
    path = folder / "splits"
    DatasetDict({name: Dataset(table(rows)) for name, rows in parts.items()}).save_to_disk(
        str(path)
    )
    return path


def write_beir(parts: Mapping[str, Rows], folder: Path, more: Sequence[str] = ()) -> Path:
    """Writes queries, passages and judgements; negatives are judged with 0."""
    path = folder / "beir"
    (path / "qrels").mkdir(parents=True)
    queries: dict[str, dict[str, Any]] = {}
    passages: dict[str, str] = {}
    for part, rows in parts.items():
        judged = ["query-id\tcorpus-id\tscore"]
        for row in rows:
            query = queries.setdefault(
                row["query"],
                {"_id": f"q{len(queries)}", "text": row["query"]}
                | {"metadata": {"machine": row["domain"]}},
            )
            for text, score in ((row["positive"], 1), (row["negative"], 0)):
                id_ = passages.setdefault(text, f"d{len(passages)}")
                judged.append(f"{query['_id']}\t{id_}\t{score}")
        (path / "qrels" / f"{part}.tsv").write_text("\n".join(judged) + "\n", encoding="utf-8")
    for text in more:
        passages.setdefault(text, f"d{len(passages)}")
    corpus = []
    for text, id_ in passages.items():
        title, _, rest = text.partition(" ")
        corpus.append({"_id": id_, "title": title, "text": rest})
    (path / "corpus.jsonl").write_text(lines(corpus), encoding="utf-8")
    (path / "queries.jsonl").write_text(lines(list(queries.values())), encoding="utf-8")
    return path


FORMATS: dict[str, WriteRows] = {
    "jsonl": write_bytes("pairs.jsonl", lambda rows: lines(rows).encode()),
    "jsonl.gz": write_bytes("pairs.jsonl.zst", lambda rows: zstd(lines(rows).encode())),
    "utf16 jsonl": write_bytes("pairs.jsonl", lambda rows: lines(rows).encode("utf-16")),
    "json": write_bytes("pairs.json", lambda rows: json.dumps(rows, indent=1).encode()),
    "csv": write_bytes("pairs.csv", lambda rows: delimited(rows).encode()),
    "csv.zst": write_bytes("pairs.csv.zst", lambda rows: zstd(delimited(rows).encode())),
    "semicolons": write_bytes("pairs.csv", lambda rows: delimited(rows, ";").encode("utf-8-sig")),
    "bars": write_bytes("pairs.txt", lambda rows: delimited(rows, "|").encode()),
    "tsv": write_bytes("pairs.tsv", lambda rows: delimited(rows, "\t").encode("utf-16")),
    "windows-1252": write_bytes("pairs.csv", lambda rows: delimited(rows, ";").encode("cp1252")),
    "parquet": write_parquet,
    "feather": write_feather,
    "arrow stream": write_stream,
    "excel": write_workbook,
    "dataset": write_dataset,
    "splits": lambda rows, folder: write_splits({"some": rows[:9], "others": rows[9:]}, folder),
}
