"""Pairs: everything between a user's files and a checked, split data set.

From Python:

    from pairs import CheckArguments, check_pairs, load_pairs, save_split, split_pairs

    report = check_pairs(CheckArguments(data_file="my_pairs.jsonl"))
    pairs = load_pairs("my_pairs.jsonl")
    split = split_pairs(pairs, val_ratio=0.1)
    save_split(split, pairs, "split.json")

Other rooms may also use `pairs.columns` (names of the columns, check of a row), `pairs.readers`
(rows of any file with their places), `pairs.prepare` (all of this for a training),
`pairs.split_counts`, `pairs.split.connected_units` and `pairs.checks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nic.lazy import lazy_exports

if TYPE_CHECKING:
    from pairs.arguments import CheckArguments
    from pairs.checks.report import CheckReport
    from pairs.checks.run import check_pairs
    from pairs.loading import Pairs, load_pairs
    from pairs.split import Split, split_pairs
    from pairs.split_file import load_split, save_split

__all__ = [
    "CheckArguments",
    "CheckReport",
    "Pairs",
    "Split",
    "check_pairs",
    "load_pairs",
    "load_split",
    "save_split",
    "split_pairs",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "CheckArguments": "pairs.arguments",
        "CheckReport": "pairs.checks.report",
        "Pairs": "pairs.loading",
        "Split": "pairs.split",
        "check_pairs": "pairs.checks.run",
        "load_pairs": "pairs.loading",
        "load_split": "pairs.split_file",
        "save_split": "pairs.split_file",
        "split_pairs": "pairs.split",
    },
)
