"""Extra passages that answer no query: `--extra-corpus FILE.jsonl`."""

from __future__ import annotations

from pathlib import Path

from pairs.readers import read_records, refuse_problems
from pairs.words import is_blank

FIELD = "text"


def read_distractors(path: Path) -> dict[str, str]:
    """Reads passages, one JSON object with a "text" per line; further fields are ignored.

    Returns:
        Id by text: "x17" for the text that stands first in line 17.

    Raises:
        UserError: The file cannot be read, holds none, or any line of it is wrong.
    """
    found: dict[str, str] = {}
    problems: list[str] = []
    for place, row, _, _ in read_records(path, "--extra-corpus"):
        text = row.get(FIELD)
        if isinstance(text, str) and not is_blank(text):
            found.setdefault(text.strip(), f"x{place.line}")
        else:
            problems.append(f'{place}: not a JSON object with a non-empty "{FIELD}"')
    refuse_problems(path, problems, len(found), "passages")
    return found
