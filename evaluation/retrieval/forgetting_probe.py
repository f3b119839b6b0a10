"""The forgetting probe: other queries than those of the task, to see what tuning has lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluation.retrieval.task import RetrievalTask, retrieval_task
from pairs.loading import load_pairs

GENERAL = Path(__file__).with_name("probe_data") / "general.jsonl"
# What `--probe` takes in place of a file.
DEFAULT, NONE = "general", "none"


@dataclass(frozen=True)
class Probe:
    """A file of pairs whose queries are all asked.

    Attributes:
        task: Its queries against its own passages.
        data: Its name, SHA-256 and number of pairs.
    """

    task: RetrievalTask
    data: dict[str, str | int]


def load_probe(named: str) -> Probe | None:
    """Read a probe.

    Args:
        named: "general" for the one that ships with the project, "none", or a JSONL file of pairs.

    Raises:
        UserError: The file is not what it should be.
    """
    if named == NONE:
        return None
    pairs = load_pairs(GENERAL if named == DEFAULT else named)
    task = retrieval_task(pairs, range(len(pairs.dataset)))
    return Probe(task, {"file": pairs.path.name, "sha256": pairs.sha256, "pairs": len(pairs)})
