"""The other processes of a run: whether one of them has ended, and which of them speaks for all."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

LOST_ADVICE = (
    "another process of this run has ended, and so this one ends too; training goes on from its "
    "newest checkpoint with the same command and --resume"
)
# Of messages of gloo, and of the library whose first process failed in an evaluation.
_LOST = ("by peer", "gloo", "Distributed evaluator")
# A launcher ends the other processes sooner, once the first one has failed.
WAIT_SECONDS = 2.0


def lost_process(error: BaseException) -> bool:
    """Whether an exception means that another process of the run is gone."""
    if not isinstance(error, RuntimeError):
        return False
    return type(error).__name__.startswith("Dist") or any(part in str(error) for part in _LOST)


def speaks_first() -> bool:
    """Whether no other process of the run has said yet why it ends; True without any others."""
    # Looked up, not imported: an error of the command line need not wait for PyTorch.
    distributed: Any = sys.modules.get("torch.distributed")
    if distributed and distributed.is_available() and distributed.is_initialized():
        try:
            store = distributed.distributed_c10d._get_default_store()
            return int(store.add("nic/said", 1)) == 1
        except RuntimeError:
            # Whoever held the store is gone.
            return True
    if os.environ.get("RANK", "0") != "0":
        time.sleep(WAIT_SECONDS)
    return True
