"""Files that are packed with gzip or Zstandard, known by their first bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from nic.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# Endings that say nothing about the format of what is packed.
PACKED = (".gz", ".zst", ".zstd")


def packing_of(path: Path) -> str:
    """Returns "gzip", "zstd", or "" for a file that is not packed."""
    with path.open("rb") as file:
        start = file.read(len(ZSTD_MAGIC))
    if start.startswith(GZIP_MAGIC):
        return "gzip"
    return "zstd" if start == ZSTD_MAGIC else ""


def open_binary(path: Path) -> io.BufferedReader:
    """Opens a file for reading, unpacked where it is packed, whatever its name."""
    packing = packing_of(path)
    if packing == "gzip":
        return cast(io.BufferedReader, gzip.open(path))
    if packing == "zstd":
        # Imported here: help and JSONL need not wait for it.
        import pyarrow

        return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"))
    return path.open("rb")


def suffix_of(path: Path) -> str:
    """Returns the suffix of a name in small letters, without that of the packing."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in PACKED]
    return suffixes[-1] if suffixes else ""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns a refusal of the system, and a damaged archive, into one line.

    Raises:
        UserError: The file may not be read, or is a damaged archive.
    """
    try:
        yield
    except PermissionError as error:
        raise UserError(f"{path}: may not be read; change its permissions") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged gzip file ({error}); copy or pack it again") from error
    except OSError as error:
        if not any(word in str(error) for word in ("ZSTD", "compressed stream")):
            raise
        raise UserError(f"{path}: damaged zstd file ({error}); copy or pack it again") from error
