"""Trainings by the command, for benchmarks that compare recipes or precisions."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evaluation.results import EvaluationResults, read_results_folder
from evaluation.retrieval.query_results import QueryResult
from nic.files import read_json_object

PROJECT = Path(__file__).resolve().parents[1]
# The clusters of another seed are other ones: its numbers begin behind those of the one before.
CLUSTERS_APART = 1_000_000


@dataclass(frozen=True)
class TrainingRun:
    """What a run of the training command left.

    Attributes:
        results: The evaluation of its model and of the base.
        training: The part "training" of its metadata.
    """

    results: EvaluationResults
    training: dict[str, Any]

    @property
    def tuned(self) -> Sequence[QueryResult]:
        """The results of the tuned model on the held-out queries."""
        return self.results.per_query[self.results.model]


def train(flags: Mapping[str, Any]) -> TrainingRun:
    """Runs the training command in a folder of its own, without the latency.

    Args:
        flags: The flags by name, some with a list of values; paths are absolute.

    Raises:
        RuntimeError: The command failed; the message is its last line.
    """
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "model"
        command = [sys.executable, "training/train.py", "--no-speed", "--output-dir", str(folder)]
        for name, value in flags.items():
            values = value if isinstance(value, list) else [value]
            command += [f"--{name}", *map(str, values)]
        ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
        if ended.returncode:
            raise RuntimeError(ended.stderr.strip().splitlines()[-1])
        results = read_results_folder(folder.with_name(f"{folder.name}-evaluation"))
        return TrainingRun(results, read_json_object(folder / "metadata.json")["training"])


def pool_seeds(by_seed: Sequence[Sequence[QueryResult]]) -> list[QueryResult]:
    """Returns the results of several seeds as one list, each seed with clusters of its own."""
    return [
        replace(row, cluster=row.cluster + number * CLUSTERS_APART)
        for number, rows in enumerate(by_seed)
        for row in rows
    ]
