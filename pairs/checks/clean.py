"""A copy of a file without the flagged rows, and a list of the rows left out with the reasons."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nic.errors import UserError
from nic.files import atomic_write, atomic_write_text, check_writable
from pairs.reading.sections import section_of

if TYPE_CHECKING:
    from pairs.checks.finding import Finding
    from pairs.checks.scan import Scan

LIST_SUFFIX = ".left_out.jsonl"


def check_clean_path(path: Path) -> None:
    """Refuses a copy that would replace a file.

    Raises:
        UserError: The copy or its list exists already, or could not be written.
    """
    for target in (path, list_path(path)):
        if target.exists():
            raise UserError(f"{target}: exists; nothing is ever changed in place, give a new name")
    check_writable(path, "--write-clean")


def list_path(path: Path) -> Path:
    """Returns the file that lists the rows left out of a copy."""
    return path.with_name(path.name + LIST_SUFFIX)


def write_clean(scan: Scan, findings: list[Finding], path: Path) -> tuple[int, int]:
    """Copies the rows that no finding leaves out to a JSONL file.

    Lines of JSONL keep their bytes; rows of other formats, and those whose columns have other
    names, are written with the project's own names.

    Args:
        scan: The file.
        findings: The findings about it.
        path: The copy, gzipped if the name ends in ".gz"; the list of the rows left out is written
            beside it.

    Returns:
        The number of rows kept and of rows left out.
    """
    reasons = reasons_by_line(scan, findings)
    entries = [{**_where(scan, line), "reasons": reasons[line]} for line in sorted(reasons)]
    kept = 0
    with atomic_write(path) as staged:
        with gzip.open(staged, "wb") if path.suffix == ".gz" else staged.open("wb") as copy:
            for record in scan.files.records():
                if record.place.number not in reasons:
                    copy.write(record.jsonl() + b"\n")
                    kept += 1
        atomic_write_text(list_path(path), "".join(json.dumps(entry) + "\n" for entry in entries))
    return kept, len(reasons)


def _where(scan: Scan, number: int) -> dict[str, Any]:
    """Returns where a row stands: its line or row, and its file where there are several."""
    section = section_of(scan.sections, number)
    several = {"file": section.path.name} if len(scan.files.files) > 1 else {}
    part = {"part": section.name} if section.name else {}
    return {**several, **part, section.unit: number - section.offset}


def reasons_by_line(scan: Scan, findings: list[Finding]) -> dict[int, list[str]]:
    """Returns the keys of the findings that leave a row out, by its line number."""
    reasons: dict[int, list[str]] = {int(line): ["bad_lines"] for line in scan.bad_lines}
    for finding in findings:
        if finding.left_out is not None:
            for line in scan.lines[finding.left_out]:
                reasons.setdefault(int(line), []).append(finding.key)
    return reasons
