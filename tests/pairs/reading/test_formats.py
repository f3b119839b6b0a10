"""What a file is by its content: told where it is read, refused with a remedy where it is not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from conftest import make_row

from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.pair_files import PairFiles
from pairs.readers import read_records

ROWS = [make_row(n, "hvac", query=f"Öl {n}?") for n in range(3)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
TABLE = "query,positive,negative,domain\n" + "".join(
    ",".join(f'"{text}"' for text in row.values()) + "\n" for row in ROWS
)
# Read, and how.
READ: dict[str, tuple[bytes, str]] = {
    "array.json": (json.dumps(ROWS).encode(), "a JSON array, UTF-8"),
    "pretty.json": (json.dumps(ROWS, indent=1).encode(), "a JSON array, UTF-8"),
    "cr.jsonl": (LINES.replace("\n", "\r").encode(), "JSONL whose lines end in bare CR, UTF-8"),
    "utf16.jsonl": (LINES.encode("utf-16"), "JSONL, UTF-16"),
    "utf16_without_mark.jsonl": (LINES.encode("utf-16-le"), "JSONL, UTF-16"),
    "big_endian.jsonl": (LINES.encode("utf-16-be"), "JSONL, UTF-16"),
    "utf32.jsonl": (LINES.encode("utf-32"), "JSONL, UTF-32"),
    "lines.json": (LINES.encode(), "JSONL, UTF-8"),
    "lines.txt": (b"\n" + LINES.encode(), "JSONL, UTF-8"),
    "table.txt": (b"\xef\xbb\xbf" + TABLE.encode(), "CSV, UTF-8 with a byte order mark"),
    "table.csv.gz": (gzip.compress(TABLE.encode()), "CSV, UTF-8"),
}
# Read although the name says something else.
MISNAMED: dict[str, tuple[bytes, str]] = {
    "array.jsonl": (json.dumps(ROWS).encode(), "is JSON, not JSONL as its name says; read as JSON"),
    "packed.jsonl.gz": (
        gzip.compress(json.dumps(ROWS).encode()),
        "is JSON, not JSONL as its name says; read as JSON",
    ),
    "lines.csv": (LINES.encode(), "is JSONL, not CSV as its name says; read as JSONL"),
    "table.jsonl": (TABLE.encode(), "is CSV, not JSONL as its name says; read as CSV"),
}
REFUSED: dict[str, tuple[bytes, str]] = {
    "spread.jsonl": (json.dumps(ROWS[0], indent=1).encode(), "JSON spread over several lines"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook (.xls), or one with a"),
    "sheet.ods": (b"PK\x03\x04..mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an Open"),
    "files.zip": (b"PK\x03\x04\x14\0", "a ZIP archive"),
    "files.tar": (b"\0" * 257 + b"ustar", "a tar archive"),
    "manual.pdf": (b"%PDF-1.7", "a PDF"),
    "pairs.db": (b"SQLite format 3\0", "an SQLite database"),
    "rows.jsonl.bz2": (b"BZh91AY", "a bzip2 archive"),
    "rows.jsonl.xz": (b"\xfd7zXZ\0", "an xz archive"),
    "rows.7z": (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    "old.feather": (b"FEA1\0\0", "a Feather file of version 1"),
    "pointer.jsonl": (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    "login.jsonl": (b"<!DOCTYPE html><html>", "an XML or HTML page"),
}


@pytest.mark.parametrize("name", READ)
def test_a_format_is_read_by_its_content_and_named(name: str, tmp_path: Path) -> None:
    content, read_as = READ[name]
    path = tmp_path / name
    path.write_bytes(content)
    assert [record.row for record in read_records(path)] == ROWS
    files = PairFiles.open(path)
    assert files.describe() == [f"{name}: {read_as}; query, positive, negative, domain"]
    assert files.warnings() == []


@pytest.mark.parametrize("name", MISNAMED)
def test_what_its_name_does_not_say_is_read_with_a_warning(name: str, tmp_path: Path) -> None:
    content, warning = MISNAMED[name]
    path = tmp_path / name
    path.write_bytes(content)
    pairs = load_pairs(path)
    assert pairs.column("query") == [row["query"] for row in ROWS]
    assert pairs.files.warnings() == [f"{path}: {warning}"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_named_with_a_remedy_in_one_line(name: str, tmp_path: Path) -> None:
    content, what = REFUSED[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        load_pairs(path)
    message = str(error.value)
    assert message.startswith(f"{path}: this looks like {what}")
    assert "; " in message.removeprefix(f"{path}: this looks like {what}")
    assert "\n" not in message


def test_a_folder_that_is_no_data_set_is_refused_with_the_pattern_to_give(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"give its files, as \".*/\*\.jsonl\"$"):
        load_pairs(tmp_path)
