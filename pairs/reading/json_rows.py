"""JSON: one object per line, or an array of objects; neither is held in memory."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from nic.errors import UserError, one_line
from pairs.reading.formats import Detected
from pairs.reading.packing import open_binary, packing_of
from pairs.reading.records import Block, DataFile, Place, Record, sampled_columns

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
PLAIN = ("utf-8", "utf-8-sig")
CHUNK = 1 << 16
# Bytes of lines that are parsed in one go.
BLOCK = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")


def open_jsonl(path: Path, found: Detected) -> DataFile:
    """Opens a JSONL file."""

    def blocks() -> Iterator[Block]:
        return read_blocks(path, found)

    def rows() -> Iterator[Record]:
        return read_jsonl(path, found)

    what = "JSONL" if found.newline == "\n" else "JSONL whose lines end in bare CR"
    # A byte order mark is a part of the encoding that nobody need know of.
    encoding = "UTF-8" if found.codec in PLAIN else found.encoding()
    return DataFile(
        path, what, sampled_columns(rows), rows, encoding, is_table=False, blocks=blocks
    )


def read_blocks(path: Path, found: Detected) -> Iterator[Block]:
    """Reads a JSONL file, plain or packed, some thousands of lines at a time.

    Blank lines are skipped but counted; CRLF line ends and a UTF-8 byte order mark are accepted.

    Args:
        path: The file, one JSON object per line.
        found: Its encoding and line ends.

    Yields:
        The non-blank lines.
    """
    first = 1
    with open_binary(path) as file:
        for lines in _lines_of_blocks(path, file, found):
            if first == 1:
                lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
            numbers = list(range(first, first + len(lines)))
            first += len(lines)
            if any(map(_is_blank, lines)):
                kept = [place for place, line in enumerate(lines) if not _is_blank(line)]
                numbers = [numbers[place] for place in kept]
                lines = [lines[place] for place in kept]
            if lines:
                yield _block(path, numbers, lines)


def read_jsonl(path: Path, found: Detected) -> Iterator[Record]:
    """Reads a JSONL file line by line; arguments as in `read_blocks`."""
    for block in read_blocks(path, found):
        yield from block.records()


def open_array(path: Path, found: Detected) -> DataFile:
    """Opens a file that holds one JSON array of objects."""

    def rows() -> Iterator[Record]:
        return read_array(path, found.codec)

    encoding = "UTF-8" if found.codec in PLAIN else found.encoding()
    return DataFile(path, "a JSON array", sampled_columns(rows), rows, encoding, is_table=False)


def read_array(path: Path, codec: str) -> Iterator[Record]:
    """Reads the objects of a JSON array one at a time.

    Args:
        path: The file.
        codec: Its encoding.

    Yields:
        One record per item, counted from 1.

    Raises:
        UserError: It is not valid JSON from some item on.
    """
    number = 0
    with open_binary(path) as file, io.TextIOWrapper(file, encoding=codec) as text:
        try:
            for number, item in enumerate(_items(_Ahead(text)), start=1):
                problem = "" if isinstance(item, dict) else "not a JSON object; every row is one"
                yield Record(Place(path, number, "row"), {} if problem else item, problem)
        except (ValueError, RecursionError) as error:
            what = codec.upper() if isinstance(error, UnicodeDecodeError) else "JSON"
            reason = "nested too deeply" if isinstance(error, RecursionError) else one_line(error)
            raise UserError(
                f"{path}: not valid {what} after row {number}: {reason}; correct the file, nothing "
                "was done"
            ) from error


class _Ahead:
    """The part of a text that is read and not yet taken."""

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()
        self._ahead, self._position = "", 0

    def next_sign(self) -> str:
        """Takes white space and the sign after it, and returns the latter; "" at the end."""
        while True:
            self._position = _BLANK.match(self._ahead, self._position).end()  # type: ignore[union-attr]
            if self._position < len(self._ahead):
                self._position += 1
                return self._ahead[self._position - 1]
            if not self._read(CHUNK):
                return ""

    def put_back(self) -> None:
        """Puts back the sign that was taken last."""
        self._position -= 1

    def next_value(self) -> Any:
        """Takes a value, and reads on until it is complete.

        Raises:
            ValueError: There is none.
        """
        size = CHUNK
        while True:
            try:
                value, self._position = self._decoder.raw_decode(self._ahead, self._position)
                return value
            except json.JSONDecodeError as error:
                # Twice as much each time: a long value is parsed again only a few times.
                if not self._read(size):
                    raise ValueError(error.msg) from error
                size *= 2

    def _read(self, size: int) -> bool:
        more = self._text.read(size)
        self._ahead, self._position = self._ahead[self._position :] + more, 0
        return bool(more)


def _items(ahead: _Ahead) -> Iterator[Any]:
    """Yields the items of an array as soon as they are complete.

    Raises:
        ValueError: It is not valid JSON.
    """
    ahead.next_sign()
    sign = ahead.next_sign()
    while sign != "]":
        if not sign:
            raise ValueError("the array does not end")
        ahead.put_back()
        yield ahead.next_value()
        sign = ahead.next_sign()
        if sign == ",":
            sign = ahead.next_sign()
        elif sign != "]":
            raise ValueError('a comma or "]" is missing')
    if ahead.next_sign():
        raise ValueError("there is text after the end of the array")


def _lines_of_blocks(path: Path, file: io.BufferedReader, found: Detected) -> Iterator[list[bytes]]:
    """Yields the lines of a file in UTF-8, about a mebibyte at a time."""
    if found.codec in PLAIN and found.newline == "\n" and not packing_of(path):
        while lines := file.readlines(BLOCK):
            yield lines
        return
    lines, size = [], 0
    try:
        for line in _lines(path, file, found):
            lines.append(line)
            size += len(line)
            if size >= BLOCK:
                yield lines
                lines, size = [], 0
    except Exception:
        # What stands before the damage is told first.
        if lines:
            yield lines
        raise
    if lines:
        yield lines


def _lines(path: Path, file: io.BufferedReader, found: Detected) -> Iterator[bytes]:
    """Yields the lines of a file in UTF-8.

    Raises:
        UserError: It is not in the encoding that was told.
    """
    if found.codec in PLAIN and found.newline == "\n":
        yield from file
        return
    with io.TextIOWrapper(file, encoding=found.codec, newline=found.newline) as text:
        try:
            for line in text:
                yield line.encode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not valid {found.codec.upper()} ({error.reason})") from error


def _is_blank(line: bytes) -> bool:
    return not line or line.isspace()


def _block(path: Path, numbers: list[int], lines: list[bytes]) -> Block:
    def objects() -> list[dict[str, Any]] | None:
        try:
            found = list(map(orjson.loads, lines))
        except orjson.JSONDecodeError:
            return None
        return found if all(type(row) is dict for row in found) else None

    def records() -> Iterator[Record]:
        for number, line in zip(numbers, lines, strict=True):
            raw = line.strip(b"\r\n")
            yield Record(Place(path, number), *_parse_json(raw), raw)

    return Block(Place(path, 0), numbers, objects, records)


def _parse_json(line: bytes) -> tuple[dict[str, Any], str]:
    """Returns the object of a line and an empty string, or an empty object and the problem."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return {}, f"not valid UTF-8 (byte {error.start + 1} of the line)"
    except json.JSONDecodeError as error:
        return {}, f"not valid JSON: {error.msg} (column {error.colno})"
    except ValueError as error:
        return {}, f"not valid JSON: {one_line(error)}"
    except RecursionError:
        return {}, "not valid JSON: nested too deeply"
    if not isinstance(row, dict):
        return {}, 'not a JSON object; every line needs one, such as {"field": "text"}'
    return row, ""
