"""`split.json`: which lines of a file are held out, so that a split can be used again."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

from nic.errors import UserError
from nic.files import atomic_write_text, load_json, read_json_object
from pairs.draws import Split, SplitBy
from pairs.loading import Pairs
from pairs.reading.source import DataSource, as_flags, is_reading

# The parts that the file lists; what is in none of them is trained on.
LISTED = ("validation", "test", "left_out")


def save_split(split: Split, pairs: Pairs, path: str | Path) -> None:
    """Writes `split.json`: data_sha256, seed, and the 1-based line numbers that are held out.

    The line numbers, as in `Pairs`, are in `validation_lines` and, where there are any, in
    `test_lines` and `left_out_lines`. A split by date says so in `split_by`. How the files are read
    is in `reading`, where that is not the default.

    Args:
        split: The split.
        pairs: The file that it was drawn on.
        path: The file to write.
    """
    content: dict[str, Any] = {"data_sha256": pairs.sha256, "seed": split.seed}
    if split.by != "passage":
        content["split_by"] = split.by
    if reading := pairs.files.source.reading():
        content["reading"] = reading
    listed = {name: rows for name, rows in split.parts().items() if name != "train"}
    if split.left_out:
        listed["left_out"] = split.left_out
    for name, rows in listed.items():
        content[f"{name}_lines"] = list(dict.fromkeys(pairs.line_numbers[row] for row in rows))
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
    _refuse_other_reading(Path(path), content["reading"], pairs.files.source)
    rows_of_line: dict[int, list[int]] = defaultdict(list)
    for row, line in enumerate(pairs.line_numbers):
        rows_of_line[line].append(row)
    lines = {name: set(content[f"{name}_lines"]) for name in LISTED}
    unknown = sorted(set().union(*lines.values()) - set(rows_of_line))
    if unknown:
        raise UserError(f"{path}: line {unknown[0]} is no row of {pairs.path}")
    for one, other in combinations(LISTED, 2):
        if both := sorted(lines[one] & lines[other]):
            says = f"stands in {one} and in {other}".replace("_", " ")
            raise UserError(f"{path}: line {both[0]} {says}")
    rows = {
        name: sorted(row for line in lines[name] for row in rows_of_line[line]) for name in LISTED
    }
    train = sorted(set(range(len(pairs.line_numbers))).difference(*rows.values()))
    if not train or not rows["validation"]:
        raise UserError(f"{path}: leaves one half empty")
    by: SplitBy = "date" if content["split_by"] == "date" else "passage"
    return Split(train, rows["validation"], content["seed"], rows["test"], rows["left_out"], by)


def read_as_split(path: Path, source: DataSource) -> DataSource:
    """Returns a source that is read as the one of a split, where nothing says how to read it.

    Args:
        path: A file that `save_split` wrote; where it is missing or damaged the source stays as it
            is, for not all who read the data need the split.
        source: What is asked for.
    """
    reading = read_json_object(path).get("reading")
    return source.read_as(reading) if is_reading(reading) and not source.reading() else source


def _refuse_other_reading(path: Path, before: dict[str, Any], source: DataSource) -> None:
    if before != source.reading():
        raise UserError(
            f"{path}: the data was read with {as_flags(before) or 'no flags for its columns'}, and "
            f"now with {as_flags(source.reading()) or 'none'}; read it as before, or draw a new "
            "split"
        )


def _read_split_file(path: Path) -> dict[str, Any]:
    try:
        content = load_json(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); --split needs it") from error
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON; --split needs a split.json") from error
    if isinstance(content, dict):
        defaults = {"test_lines": [], "left_out_lines": [], "split_by": "passage", "reading": {}}
        content = {**defaults, **content}
    wanted = {
        "data_sha256": str,
        "seed": int,
        **{f"{name}_lines": list for name in LISTED},
    }
    fits = isinstance(content, dict) and all(
        isinstance(content.get(key), kind) for key, kind in wanted.items()
    )
    lines = [line for name in LISTED for line in content[f"{name}_lines"]] if fits else [None]
    if not all(type(line) is int for line in lines) or not is_reading(content["reading"]):
        raise UserError(f"{path}: needs the fields data_sha256, seed and validation_lines")
    return content
