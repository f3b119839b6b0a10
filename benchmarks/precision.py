"""Whether bf16 gives as good a model as fp32: `python benchmarks/precision.py --data-file FILE`.

Trains once per seed in fp32 and once in bf16, on the same split, and compares the two models on the
held-out queries: a paired test by seed, and one over all seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from training_runs import pool_seeds, train

from evaluation.comparison import compare_all_queries
from evaluation.latency import load_average, processor_name
from evaluation.retrieval.query_results import QueryResult
from nic.devices import has_bf16
from pairs.readers import DEFAULT_FILE

METRIC = "recall@5"


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
    everything: dict[str, list[Sequence[QueryResult]]] = {"fp32": [], "bf16": []}
    for seed in asked.seeds:
        for precision, found in everything.items():
            flags = {"data-file": Path(asked.data_file).resolve(), "epochs": asked.epochs}
            run = train({**flags, "seed": seed, "precision": precision, "probe": "none"})
            found.append(run.tuned)
        latest = {precision: found[-1] for precision, found in everything.items()}
        print(describe(f"seed {seed}", latest["fp32"], latest["bf16"]), flush=True)
    print(describe("all seeds", *(pool_seeds(found) for found in everything.values())))


if __name__ == "__main__":
    main()
