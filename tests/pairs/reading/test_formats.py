"""What a file is by its content: told where it is read, refused with a remedy where it is not."""

from __future__ import annotations

import gzip
import json
import re
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
    "cr.csv": (TABLE.replace("\n", "\r").encode(), "CSV whose lines end in bare CR, UTF-8"),
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
    assert pairs.files.warnings() == [f"{name}: {warning}"]


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


@pytest.mark.parametrize("content", [b"", b"\xfe\x00\x81junk\n", b"\0\0"])
@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.xlsx"])
def test_a_name_that_promises_what_is_not_there_is_one_line(
    name: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        load_pairs(tmp_path / name)
    assert re.fullmatch(
        r".*: is no (Parquet|Arrow|Excel) file, as its name says; write or copy it again",
        str(error.value),
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.parquet", b"PAR1junk"), ("a.arrow", b"ARROW1\0\0junk"), ("a.xlsx", b"PK\3\4xl/junk")],
)
def test_a_damaged_file_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"damaged .*; (write or copy it|save it) again") as error:
        load_pairs(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b'query,positive,negative\n"a,b\n', "row 1 .line 2.: unexpected end of data; a"),
        ("a.csv", b"query,positive,negative\na,b,c,d\n", "row 1 .line 2.: has 4 fields, the hea"),
        ("a.csv", b"query,query,positive\na,b,c\n", 'two columns are named "query"; rename one'),
        ("a.csv", "query;positive\n\u00e4;\n".encode() + b"\xff;\n", "line 3 is not valid UTF-8"),
        ("a.csv", b"query,positive,negative\n", "holds no pairs; add at least one row"),
        ("a.csv", b"", "holds no pairs; add at least one row"),
        ("a.json", b'[{"query": "a"', "not valid JSON after row 0: Expecting ',' delimiter; corr"),
        (
            "a.json",
            b'[{"query": 1}, {"query" 2}]',
            "not valid JSON after row 1: Expecting ':' delimiter",
        ),
        (
            "a.json",
            b'[{"query": 1} {"query": 2}]',
            'not valid JSON after row 1: a comma or "]" is missing',
        ),
        (
            "a.json",
            b'[{"query": 1}] []',
            "not valid JSON after row 1: there is text after the end of",
        ),
        ("a.json", b'[{"a": ' + b"9" * 5000 + b"}]", "not valid JSON after row 0: Exceeds the lim"),
        (
            "a.json",
            b'[{"a": ' + b"[" * 90000 + b"}]",
            "not valid JSON after row 0: nested too deep",
        ),
        ("a.jsonl", b'{"a": ' + b"9" * 5000 + b"}", "a.jsonl:1: not valid JSON: Exceeds the limit"),
    ],
)
def test_what_is_wrong_in_a_text_is_said_with_its_place(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load_pairs(tmp_path / name)


def test_an_array_longer_than_a_chunk_is_read_item_by_item(tmp_path: Path) -> None:
    sizes = (0, 70_000, 1, 200_000, 65_530, 2)
    rows: list[dict[str, object]] = [{"a": "x" * size, "n": [size, {}]} for size in sizes]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows, indent=3), encoding="utf-8")
    assert [record.row for record in read_records(path)] == rows


def test_a_folder_that_is_no_data_set_is_refused_with_the_pattern_to_give(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"give its files, as \".*/\*\.jsonl\"$"):
        load_pairs(tmp_path)
