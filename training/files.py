"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a name beside `path` to write to, which takes its place once all is written.

    Whatever goes wrong before, a full disk or Ctrl-C, `path` stays as it was and nothing is left.
    """
    staged = path.with_name(f"{path.stem}.incomplete{path.suffix}")
    try:
        yield staged
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def write_text_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with written_whole(path) as staged:
        staged.write_text(text, encoding="utf-8", newline="\n")
