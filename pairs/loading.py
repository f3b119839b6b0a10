"""A file of pairs in memory: a checked `datasets.Dataset` and the place of each row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, Value

from nic.files import sha256_of
from pairs.columns import COLUMNS, TEXT_COLUMNS, domain_of, read_pair_records
from pairs.readers import refuse_problems
from pairs.words import comparable


@dataclass(frozen=True)
class Pairs:
    """The checked content of one file of pairs.

    Attributes:
        dataset: Columns query, positive, negative, domain, all non-empty strings.
        line_numbers: 1-based line number in the file of each row of `dataset`.
        extras: The further fields of each row, which the training ignores.
        path: The file.
        sha256: SHA-256 of the file's bytes on disk.
    """

    dataset: Dataset
    line_numbers: list[int]
    extras: list[dict[str, Any]]
    path: Path
    sha256: str

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self.line_numbers)

    def column(self, name: str) -> list[str]:
        """Returns all values of one column, in the order of the file."""
        return list(self.dataset[name])

    def comparable(self, name: str) -> list[str]:
        """Returns the form in which the texts of one column are compared (`words.comparable`).

        Texts of equal form, such as the composed and decomposed spelling of one passage, are one
        text for the split, the corpus and the relevant passages.
        """
        return [comparable(text) for text in self.dataset[name]]


def load_pairs(path: str | Path) -> Pairs:
    """Reads and checks a file of (query, positive, negative, domain) rows.

    A UTF-8 byte order mark, CRLF line ends, blank lines and gzip are accepted; texts lose the
    white space around them. Names of domains are brought to Unicode's composed form (NFC).

    Args:
        path: A JSONL file, one JSON object per line.

    Returns:
        The rows with the line numbers they come from.

    Raises:
        UserError: The file cannot be read, holds no row, or any line of it is wrong; the first 20
            problems are listed with file and line, then their number.
    """
    path = Path(path)
    rows: list[dict[str, Any]] = []
    line_numbers: list[int] = []
    problems: list[str] = []
    for place, row, problem, _ in read_pair_records(path):
        if problem:
            problems.append(f"{place}: {problem}")
        else:
            rows.append(row)
            line_numbers.append(place.line)
    refuse_problems(path, problems, len(rows))
    columns = {name: [row[name].strip() for row in rows] for name in TEXT_COLUMNS}
    columns["domain"] = [domain_of(row) for row in rows]
    extras = [{key: row[key] for key in row if key not in COLUMNS} for row in rows]
    features = Features({name: Value("string") for name in COLUMNS})
    dataset = Dataset.from_dict(columns, features=features)
    return Pairs(dataset, line_numbers, extras, path, sha256_of(path))
