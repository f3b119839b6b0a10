"""The forgetting probe: queries of other topics, which show what fine-tuning has lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evaluation.defaults import GENERAL_PROBE, NO_PROBE
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from pairs.loading import load_pairs

GENERAL = Path(__file__).with_name("probe_data") / "general.jsonl"


@dataclass(frozen=True)
class ProbeData:
    """The data of a forgetting probe.

    Attributes:
        file: File name, without its folder.
        sha256: SHA-256 of its bytes.
        pairs: Number of its pairs.
    """

    file: str
    sha256: str
    pairs: int


@dataclass(frozen=True)
class Probe:
    """A file of pairs whose queries are all asked.

    Attributes:
        task: Its queries against its own passages.
        data: What the report says of the file.
    """

    task: RetrievalTask
    data: ProbeData


def load_probe(named: str) -> Probe | None:
    """Reads a probe; None where none is asked for.

    Args:
        named: "general" for the one that ships with the project, "none", or a JSONL file of pairs.

    Raises:
        UserError: The file is not what it should be.
    """
    if named == NO_PROBE:
        return None
    pairs = load_pairs(GENERAL if named == GENERAL_PROBE else named)
    task = retrieval_task(pairs, range(len(pairs.dataset)))
    return Probe(task, ProbeData(pairs.path.name, pairs.sha256, len(pairs)))
