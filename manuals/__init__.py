"""Manuals: from documents, work orders and a local language model to pairs to train on.

From Python:

    from manuals import MakeArguments, make_pairs

    report = make_pairs(MakeArguments(manuals="manuals", output="pairs.jsonl"))

Other rooms may also use `manuals.passages`, `manuals.made_pairs` and
`manuals.pipeline.passages_of`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nic.lazy import lazy_exports

if TYPE_CHECKING:
    from manuals.arguments import MakeArguments
    from manuals.make_report import MakeReport
    from manuals.pipeline import make_pairs

__all__ = ["MakeArguments", "MakeReport", "make_pairs"]

__getattr__ = lazy_exports(
    __name__,
    {
        "MakeArguments": "manuals.arguments",
        "MakeReport": "manuals.make_report",
        "make_pairs": "manuals.pipeline",
    },
)
