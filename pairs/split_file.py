"""`split.json`: which lines of a file are held out, so that a split can be used again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nic.errors import UserError
from nic.files import atomic_write_text
from pairs.loading import Pairs
from pairs.split import Split


def save_split(split: Split, pairs: Pairs, path: str | Path) -> None:
    """Writes `split.json`: data_sha256, seed, and the 1-based line numbers that are held out.

    The line numbers are in `validation_lines` and, where there is a test part, in `test_lines`.

    Args:
        split: The split.
        pairs: The file that it was drawn on.
        path: The file to write.
    """
    content: dict[str, Any] = {"data_sha256": pairs.sha256, "seed": split.seed}
    for name, rows in split.parts().items():
        if name != "train":
            content[f"{name}_lines"] = [pairs.line_numbers[row] for row in rows]
    atomic_write_text(Path(path), json.dumps(content) + "\n")


def load_split(path: str | Path, pairs: Pairs) -> Split:
    """Reads a `split.json` and applies it to the file that it was drawn on.

    Args:
        path: A file that `save_split` wrote.
        pairs: The checked file, from `load_pairs`; its SHA-256 must be the one in `split.json`.

    Raises:
        UserError: The file is missing or damaged, belongs to other data, or leaves a part empty.
    """
    content = _read_split_file(Path(path))
    if content["data_sha256"] != pairs.sha256:
        raise UserError(
            f"{path}: was drawn on another file than {pairs.path} (their SHA-256 differ); "
            "give the file it was drawn on, or draw a new split"
        )
    row_of_line = {line: row for row, line in enumerate(pairs.line_numbers)}
    validation_lines, test_lines = set(content["validation_lines"]), set(content["test_lines"])
    unknown = sorted((validation_lines | test_lines) - set(row_of_line))
    if unknown:
        raise UserError(f"{path}: line {unknown[0]} is no row of {pairs.path}")
    if both := sorted(validation_lines & test_lines):
        raise UserError(f"{path}: line {both[0]} stands in validation and in test")
    validation = sorted(row_of_line[line] for line in validation_lines)
    test = sorted(row_of_line[line] for line in test_lines)
    train = sorted(set(range(len(pairs.line_numbers))) - {*validation, *test})
    if not train or not validation:
        raise UserError(f"{path}: leaves one half empty")
    return Split(train, validation, content["seed"], test)


def _read_split_file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); --split needs it") from error
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON; --split needs a split.json") from error
    if isinstance(content, dict):
        content.setdefault("test_lines", [])
    wanted = {"data_sha256": str, "seed": int, "validation_lines": list, "test_lines": list}
    fits = isinstance(content, dict) and all(
        isinstance(content.get(key), kind) for key, kind in wanted.items()
    )
    lines = [*content["validation_lines"], *content["test_lines"]] if fits else [None]
    if not all(isinstance(line, int) for line in lines):
        raise UserError(f"{path}: needs the fields data_sha256, seed and validation_lines")
    return content
