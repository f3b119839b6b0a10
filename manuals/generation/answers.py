"""The answers of a language model in a file, so that none is asked for twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nic.errors import UserError
from nic.files import parse_json


class AnswerFile:
    """One JSON object a line, appended and synchronised at once.

    A process that is killed loses the answer it waits for, and no other.

    Args:
        path: The file; it need not be there.

    Raises:
        UserError: It holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Any] = {}
        self._whole = 0
        if path.exists():
            self._read()

    def get(self, key: str) -> Any:
        """Returns the answer of a key; None where there is none."""
        return self._known.get(key)

    def add(self, key: str, answer: Any) -> None:
        """Adds an answer, which must not be None."""
        line = json.dumps({"key": key, "answer": answer}, ensure_ascii=False) + "\n"
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            # What a killed process left of a line is written over.
            file.truncate(self._whole)
            file.seek(self._whole)
            file.write(line.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
            self._whole = file.tell()
        self._known[key] = answer

    def _read(self) -> None:
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    return
                try:
                    row = parse_json(line)
                    self._known[row["key"]] = row["answer"]
                except (ValueError, KeyError, TypeError) as error:
                    raise UserError(
                        f"{self.path}: is no file of answers; move it away, or change --output"
                    ) from error
                self._whole += len(line)


def key_of(parts: Mapping[str, Any]) -> str:
    """Returns the key of a question: the SHA-256 of everything that the answer depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
