"""Result files: figures of several models on one task, written with `evaluate.save`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import evaluate

from evaluation.domain_evaluator import RetrievalReport
from training.errors import UserError
from training.files import written_whole
from training.pairs import Pairs


def check_output(path: str | None) -> None:
    """Refuse a result file that could not be written, before anything is computed.

    Raises:
        UserError: Its name does not end in .json, or its folder is not there.
    """
    if path is None:
        return
    if Path(path).suffix != ".json":
        raise UserError(f"{path}: give a file name that ends in .json with --output")
    if not Path(path).parent.is_dir():
        raise UserError(f"{Path(path).parent}: no such folder; create it, or change --output")


def write_results(
    reports: Mapping[str, RetrievalReport], pairs: Pairs, rows: int, path: Path
) -> None:
    """Write the figures of each model, whole or not at all.

    `evaluate.save` adds time, commit and versions; the interpreter's path, which it adds too, is
    left out, for it names a folder of this machine.
    """
    with written_whole(path) as staged:
        evaluate.save(
            staged,
            data={"file": pairs.path.name, "sha256": pairs.sha256, "rows_asked": rows},
            models={name: report.as_dict() for name, report in reports.items()},
        )
        content = json.loads(staged.read_text(encoding="utf-8"))
        del content["_interpreter_path"]
        staged.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
