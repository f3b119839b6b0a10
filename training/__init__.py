"""Fine-tuning, from pairs to a published model.

From Python, `fine_tune(RunArguments(...), TrainingArguments(...))` does the job of `nic-train`, and
`give_advice(AdviceArguments(...))` that of `nic-advise`, `mine_negatives(MineArguments(...))` that
of `nic-mine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nic.lazy import lazy_exports

if TYPE_CHECKING:
    from training.advice.arguments import AdviceArguments
    from training.advice.pipeline import give_advice
    from training.command.arguments import TrainingArguments
    from training.command.run_arguments import RunArguments
    from training.command.search_arguments import SearchArguments
    from training.negatives.arguments import MineArguments
    from training.negatives.mine_file import mine_negatives
    from training.pipeline import fine_tune

__all__ = [
    "AdviceArguments",
    "MineArguments",
    "RunArguments",
    "SearchArguments",
    "TrainingArguments",
    "fine_tune",
    "give_advice",
    "mine_negatives",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "AdviceArguments": "training.advice.arguments",
        "RunArguments": "training.command.run_arguments",
        "SearchArguments": "training.command.search_arguments",
        "TrainingArguments": "training.command.arguments",
        "fine_tune": "training.pipeline",
        "give_advice": "training.advice.pipeline",
        "MineArguments": "training.negatives.arguments",
        "mine_negatives": "training.negatives.mine_file",
    },
)
