"""Whether bf16 gives as good a model as fp32: `python benchmarks/precision.py --data-file FILE`.

Trains once per seed in fp32 and once in bf16, on the same split, and compares the two models on the
held-out queries: a paired test by seed, and one over all seeds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evaluation.comparison import compare_all_queries
from evaluation.latency import load_average, processor_name
from evaluation.results import read_results_folder
from evaluation.retrieval.query_results import QueryResult
from nic.devices import has_bf16
from pairs.readers import DEFAULT_FILE

PROJECT = Path(__file__).resolve().parents[1]
METRIC = "recall@5"
# The clusters of another seed are other ones: its numbers begin behind those of the one before.
CLUSTERS_APART = 1_000_000


def train(seed: int, precision: str, data: str, epochs: float, folder: Path) -> list[QueryResult]:
    """Runs the training command; returns the tuned model's results on the held-out queries."""
    command = [sys.executable, "training/train.py", "--no-speed", "--probe", "none"]
    command += ["--data-file", str(Path(data).resolve()), "--epochs", str(epochs)]
    command += ["--seed", str(seed), "--precision", precision, "--output-dir", str(folder)]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    results = read_results_folder(folder.with_name(f"{folder.name}-evaluation"))
    return list(results.per_query[results.model])


def describe(name: str, fp32: Sequence[QueryResult], bf16: Sequence[QueryResult]) -> str:
    """Returns Recall@5 of both, and the difference with its interval and p."""
    group = compare_all_queries({"fp32": fp32, "bf16": bf16}, "fp32")
    exact, half = (group.estimates[model][METRIC] for model in ("fp32", "bf16"))
    found = group.differences["bf16"][METRIC]
    return (
        f"{name:9} {len(fp32):5,} queries  "
        f"fp32 {exact.value:.4f} [{exact.low:.3f}, {exact.high:.3f}]  bf16 {half.value:.4f}  "
        f"difference {found.value:+.4f} [{found.low:+.3f}, {found.high:+.3f}] p {found.p:.3f}"
    )


def main() -> None:
    """Prints a line for each seed, and one for all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-file", default=DEFAULT_FILE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=float, default=1)
    asked = parser.parse_args()
    print(f"{processor_name()}, bf16 in hardware: {has_bf16(use_cpu=True)}, load {load_average()}")
    everything: dict[str, list[QueryResult]] = {"fp32": [], "bf16": []}
    for number, seed in enumerate(asked.seeds):
        found = {}
        for precision in everything:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "model"
                found[precision] = train(seed, precision, asked.data_file, asked.epochs, out)
            everything[precision] += [
                replace(row, cluster=row.cluster + number * CLUSTERS_APART)
                for row in found[precision]
            ]
        print(describe(f"seed {seed}", found["fp32"], found["bf16"]), flush=True)
    print(describe("all seeds", everything["fp32"], everything["bf16"]))


if __name__ == "__main__":
    main()
