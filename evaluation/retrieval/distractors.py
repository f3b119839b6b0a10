"""Extra passages that answer no query: `--extra-corpus FILE.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path

from pairs.readers import read_lines, refuse_problems

FIELD = "text"


def read_distractors(path: Path) -> dict[str, str]:
    """Read passages, one JSON object with a "text" a line; further fields are ignored.

    Returns:
        Id by text: "x17" for the text that stands first in line 17.

    Raises:
        UserError: The file cannot be read, holds none, or any line of it is wrong.
    """
    found: dict[str, str] = {}
    problems: list[str] = []
    for number, line in read_lines(path, "--extra-corpus"):
        try:
            text = json.loads(line.decode("utf-8"))[FIELD].strip()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            text = ""
        if text:
            found.setdefault(text, f"x{number}")
        else:
            problems.append(f'{path}:{number}: not a JSON object with a non-empty "{FIELD}"')
    refuse_problems(path, problems, len(found), "passages")
    return found
