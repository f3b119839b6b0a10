"""A file of another format is named with the way to convert it, in one line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pandas
import pytest
from conftest import make_row

from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.readers import read_records

ROWS = [make_row(n, "hvac", query=f"Öl {n}?") for n in range(3)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
HEADER = "query,positive,negative,domain\n"
FILES: dict[str, tuple[bytes, str]] = {
    "array.jsonl": (json.dumps(ROWS).encode(), "a JSON array"),
    "pretty.json": (json.dumps(ROWS, indent=1).encode(), "a JSON array"),
    "spread.jsonl": (json.dumps(ROWS[0], indent=1).encode(), "JSON spread over several lines"),
    "cr.jsonl": (LINES.replace("\n", "\r").encode(), "JSONL whose lines end in bare CR"),
    "utf16.jsonl": (LINES.encode("utf-16"), "text in UTF-16"),
    "utf16_without_mark.jsonl": (LINES.encode("utf-16-le"), "text in UTF-16"),
    "utf32.jsonl": (LINES.encode("utf-32"), "text in UTF-32"),
    "table.csv": (HEADER.encode() + b"a,b,c,d\n", "CSV"),
    "table.txt": (b"\xef\xbb\xbf" + HEADER.encode(), "CSV"),
    "table.tsv": (HEADER.replace(",", "\t").encode(), "TSV"),
    "semicolons.csv": (HEADER.replace(",", ";").encode(), 'CSV with ";"'),
    "table.parquet": (b"PAR1\x15\x04", "a Parquet file"),
    "table.xlsx": (b"PK\x03\x04\x14\0", "an Excel workbook"),
    "files.zip": (b"PK\x03\x04\x14\0", "a ZIP archive"),
    "rows.jsonl.bz2": (b"BZh91AY", "a bzip2 archive"),
    "pointer.jsonl": (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    "login.jsonl": (b"<!DOCTYPE html><html>", "an XML or HTML page"),
    "packed.jsonl.gz": (gzip.compress(json.dumps(ROWS).encode()), "a JSON array"),
}


@pytest.mark.parametrize("name", FILES)
def test_another_format_is_named_in_one_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    content, what = FILES[name]
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_pairs(path)
    message = str(error.value)
    assert message.startswith(f"{path}: this looks like {what}")
    assert "; convert it to JSONL: " in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "name", ["array.jsonl", "pretty.json", "cr.jsonl", "utf16.jsonl", "utf16_without_mark.jsonl"]
)
def test_the_advice_gives_the_rows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_advice(tmp_path / name, FILES[name][0], monkeypatch)


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_advice_for_tables_gives_the_rows(
    separator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pandas.DataFrame(ROWS).to_csv(index=False, sep=separator)
    check_advice(tmp_path / "table.csv", table.encode("utf-8"), monkeypatch)


def check_advice(path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the code that the message gives and reads the rows from its file."""
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_pairs(path)
    monkeypatch.chdir(path.parent)
    code = str(error.value).split("convert it to JSONL: ")[1]
    exec(code, {"pandas": pandas, "pathlib": __import__("pathlib")})
    assert [
        record.row for record in read_records(path.parent / f"{path.stem}.converted.jsonl")
    ] == ROWS


def test_jsonl_by_any_name_is_no_other_format(tmp_path: Path) -> None:
    for name in ("rows.csv", "rows.txt", "rows.json"):
        path = tmp_path / name
        path.write_text("\n" + LINES, encoding="utf-8")
        assert [record.row for record in read_records(path)] == ROWS
