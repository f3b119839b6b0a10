"""Names the format of a file that is not JSONL, and says how to convert it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from nic.errors import UserError

HEAD = 65_536
CHECKED = 1_000

_PANDAS = 'pandas.{reader}({name}{options}).to_json({out}, orient="records", lines=True)'
_ANY = "write one JSON object per line in UTF-8"


def _pandas(reader: str, options: str = "") -> str:
    return _PANDAS.replace("{reader}", reader).replace("{options}", options)


_UNPACK = "unpack it first, or pack it with gzip"
_TEXT = ", dtype=str, keep_default_na=False"
_CSV = _pandas("read_csv", _TEXT)
_JSON = _pandas("read_json", ", dtype=False")
_EXCEL = _pandas("read_excel", _TEXT)
_UTF = 'pathlib.Path({out}).write_text(pathlib.Path({name}).read_text("{code}"), "utf-8")'
# First bytes of binary formats.
SIGNATURES: dict[bytes, tuple[str, str]] = {
    b"PAR1": ("a Parquet file", _pandas("read_parquet")),
    b"ARROW1": ("an Arrow or Feather file", _pandas("read_feather")),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook (.xls)", _EXCEL),
    b"SQLite format 3\0": ("an SQLite database", _ANY),
    b"%PDF-": ("a PDF", _ANY),
    b"\xff\xfe\0\0": ("text in UTF-32", _UTF.replace("{code}", "utf-32")),
    b"\0\0\xfe\xff": ("text in UTF-32", _UTF.replace("{code}", "utf-32")),
    b"\xff\xfe": ("text in UTF-16", _UTF.replace("{code}", "utf-16")),
    b"\xfe\xff": ("text in UTF-16", _UTF.replace("{code}", "utf-16")),
    b"BZh": ("a bzip2 archive", _UNPACK),
    b"\xfd7zXZ\0": ("an xz archive", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a Zstandard archive", _UNPACK),
    b"7z\xbc\xaf": ("a 7z archive", _UNPACK),
    b"version https://git-lfs": ("a Git LFS pointer and not the file", "fetch it: git lfs pull"),
}
WIDE_TEXT = ("text in UTF-16", "text in UTF-32")
_ARRAY = re.compile(rb"\s*\[\s*\{")
_SPREAD = re.compile(rb"\s*\{\s*\n\s*[\"}]")
_MARKUP = re.compile(rb"\s*<(?:\?xml|!doctype|html)", re.IGNORECASE)
_DELIMITER = re.compile(r"[,;\t|]")
COLUMN_NAMES = frozenset("query positive negative domain text anchor question answer".split())
TABLES = {".csv": "CSV", ".tsv": "TSV"}


def refuse_other_format(path: Path, head: bytes) -> None:
    """Refuses a file whose beginning is that of another format than JSONL.

    Args:
        path: The file.
        head: Its first bytes, unpacked where it is gzipped.

    Raises:
        UserError: It names the format and the way to convert the file.
    """
    if found := _binary(path, head) or _text(path, head.removeprefix(b"\xef\xbb\xbf")):
        what, how = found
        for field, name in (("{name}", path.name), ("{out}", f"{path.stem}.converted.jsonl")):
            how = how.replace(field, json.dumps(name, ensure_ascii=False))
        raise UserError(f"{path}: this looks like {what}; convert it to JSONL: {how}")


def _binary(path: Path, head: bytes) -> tuple[str, str] | None:
    for signature, found in SIGNATURES.items():
        if head.startswith(signature) and (found[0] not in WIDE_TEXT or b"\0" in head):
            return found
    if head.startswith(b"PK\x03\x04"):
        is_workbook = b"xl/" in head or path.suffix.lower() in (".xlsx", ".xlsm")
        return ("an Excel workbook", _EXCEL) if is_workbook else ("a ZIP archive", _UNPACK)
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    for code, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if len(head) > 1 and not any(head[start:CHECKED:2]) and all(head[1 - start : CHECKED : 2]):
            return "text in UTF-16", _UTF.replace("{code}", code)
    return None


def _text(path: Path, head: bytes) -> tuple[str, str] | None:
    if _ARRAY.match(head):
        return "a JSON array", _JSON
    if _SPREAD.match(head.replace(b"\r\n", b"\n")):
        return "JSON spread over several lines", _ANY
    if _MARKUP.match(head):
        return "an XML or HTML page", _ANY
    if b"\n" not in head and re.search(rb"\}\s*\r\s*\{", head):
        return "JSONL whose lines end in bare CR", _UTF.replace("{code}", "utf-8")
    return _table(path, head.splitlines()[0] if head else b"")


def _table(path: Path, header: bytes) -> tuple[str, str] | None:
    """Recognises CSV and its kind by the names of its columns, or by the name of the file."""
    text = header.decode("utf-8", "replace").strip()
    if not text or text.startswith("{"):
        return None
    fields = [field.strip().strip("\"'").lower() for field in _DELIMITER.split(text)]
    named = TABLES.get(path.suffix.lower())
    if not named and len(COLUMN_NAMES.intersection(fields)) < 2:
        return None
    delimiters = _DELIMITER.findall(text)
    delimiter = max(set(delimiters), key=delimiters.count) if delimiters else ","
    if delimiter == ",":
        return "CSV", _CSV
    separator = json.dumps(delimiter)
    kind = "TSV" if delimiter == "\t" else f"CSV with {separator}"
    return kind, _pandas("read_csv", f", sep={separator}{_TEXT}")
