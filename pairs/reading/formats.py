"""Tells what a file is by its first bytes, and refuses what no reader takes, with a remedy."""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from nic.errors import UserError
from pairs.reading.packing import suffix_of

HEAD = 65_536
CHECKED = 1_000

JSONL, JSON, TABLE, PARQUET, ARROW, EXCEL = "JSONL", "JSON", "CSV", "Parquet", "Arrow", "Excel"
# What a name promises, by its suffix.
SUFFIXES = {
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".json": JSON,
    ".csv": TABLE,
    ".tsv": TABLE,
    ".parquet": PARQUET,
    ".arrow": ARROW,
    ".feather": ARROW,
    ".xlsx": EXCEL,
    ".xlsm": EXCEL,
}
TABLE_SUFFIXES = (".csv", ".tsv")
# A name that ends in .json is given to JSONL too, and one in .txt to anything.
FITS = {(JSON, JSONL)}
# Their first bytes, the longer ones first where two begin alike.
BINARY = {
    b"PAR1": PARQUET,
    b"ARROW1": ARROW,
    b"\xff\xff\xff\xff": ARROW,
}
BINARY_KINDS = (PARQUET, ARROW, EXCEL)
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CODECS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252, for it is not UTF-8",
}

_AS_TABLE = "save it as .xlsx or as CSV in UTF-8"
_UNPACK = "unpack it first, or pack it with gzip or zstd"
_ROWS = "give rows of questions and passages: JSONL, CSV, Excel (.xlsx) or Parquet"
REFUSED = {
    b"\xd0\xcf\x11\xe0": (
        "an old Excel workbook (.xls), or one with a password",
        f"{_AS_TABLE}, without a password",
    ),
    b"FEA1": ("a Feather file of version 1", "write it again with pyarrow, or as Parquet"),
    b"SQLite format 3\0": (
        "an SQLite database",
        'write its rows as CSV: sqlite3 -header -csv FILE "select ..."',
    ),
    b"%PDF-": ("a PDF", _ROWS),
    b"BZh": ("a bzip2 archive", _UNPACK),
    b"\xfd7zXZ\0": ("an xz archive", _UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", _UNPACK),
    b"version https://git-lfs": ("a Git LFS pointer and not the file", "fetch it: git lfs pull"),
}
# What may be JSON or a table.
_TEXT = re.compile(r"\s*[\w\"'\[{][^\0\ufffd]*$")
_ARRAY = re.compile(r"\s*\[\s*\{")
_SPREAD = re.compile(r"\s*\{\s*\n\s*[\"}]")
_MARKUP = re.compile(r"\s*<(?:\?xml|!doctype|html)", re.IGNORECASE)
_BARE_CR = re.compile(r"\}\s*\r\s*\{")
_DELIMITER = re.compile(r"[,;\t|]")


class Detected(NamedTuple):
    """What a file is.

    Attributes:
        kind: The format: one of the values of `SUFFIXES`.
        codec: Python's name of the encoding of a text.
        newline: What ends a line: a line feed, or a carriage return alone.
        head: The beginning of a text.
    """

    kind: str
    codec: str = ""
    newline: str = "\n"
    head: str = ""

    def encoding(self) -> str:
        """Returns the encoding in words."""
        return CODECS.get(self.codec, "")


def detect(path: Path, head: bytes, names: Collection[str]) -> Detected:
    """Tells the format of a file; what nothing tells is JSONL.

    Args:
        path: The file.
        head: Its first bytes, unpacked where it is packed.
        names: Names of columns, in small letters, by which a table is known.

    Raises:
        UserError: It is of a format that no reader takes: names it, and says what to do.
    """
    for signature, kind in BINARY.items():
        if head.startswith(signature):
            return Detected(kind)
    if head.startswith(b"PK\x03\x04") and _is_workbook(path, head):
        return Detected(EXCEL)
    codec = _codec(head)
    text = codecs.getincrementaldecoder(codec)("replace").decode(head)
    if found := _refused(head) or _refused_text(text):
        raise UserError(f"{path}: this looks like {found[0]}; {found[1]}")
    promised = SUFFIXES.get(suffix_of(path))
    if promised in BINARY_KINDS and not _TEXT.match(text):
        raise UserError(f"{path}: is no {promised} file, as its name says; write or copy it again")
    newline = "\r" if "\n" not in text and _BARE_CR.search(text) else "\n"
    kind = JSON if _ARRAY.match(text) else TABLE if _is_table(path, text, names) else JSONL
    return Detected(kind, codec, newline, text)


def contradiction(path: Path, found: str) -> str:
    """Returns what to say where the name of a file promises another format; "" where it fits."""
    promised = SUFFIXES.get(suffix_of(path), found)
    if promised == found or (promised, found) in FITS:
        return ""
    return f"{path.name}: is {found}, not {promised} as its name says; read as {found}"


def header_fields(line: str) -> list[str]:
    """Returns what may be the names of columns in the first line of a text, in small letters."""
    return [field.strip().strip("\"'").strip().lower() for field in _DELIMITER.split(line)]


def _codec(head: bytes) -> str:
    for mark, codec in MARKS.items():
        if head.startswith(mark) and (codec in ("utf-8-sig",) or b"\0" in head):
            return codec
    for codec, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(head) > 1 and not any(head[start:CHECKED:2]) and all(head[1 - start : CHECKED : 2]):
            return codec
    return "utf-8"


def _is_workbook(path: Path, head: bytes) -> bool:
    return b"xl/" in head or SUFFIXES.get(suffix_of(path)) == EXCEL


def _refused(head: bytes) -> tuple[str, str] | None:
    for signature, found in REFUSED.items():
        if head.startswith(signature):
            return found
    if head.startswith(b"PK\x03\x04"):
        if b"opendocument.spreadsheet" in head:
            return "an OpenDocument spreadsheet", _AS_TABLE
        return "a ZIP archive", _UNPACK
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    return None


def _refused_text(text: str) -> tuple[str, str] | None:
    if _SPREAD.match(text.replace("\r\n", "\n")):
        return (
            "JSON spread over several lines",
            "write one JSON object per line, or one array of objects",
        )
    if _MARKUP.match(text):
        return "an XML or HTML page", _ROWS
    return None


def _is_table(path: Path, text: str, names: Collection[str]) -> bool:
    """Knows a table by the name of the file, or by the names of two columns."""
    lines = text.splitlines()
    header = lines[0].strip() if lines else ""
    if not header or header.startswith("{"):
        return False
    if header.lower().startswith("sep=") and len(lines) > 1:
        header = lines[1].strip()
    known = set(names).intersection(header_fields(header))
    return suffix_of(path) in TABLE_SUFFIXES or len(known) >= 2
