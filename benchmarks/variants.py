r"""How small, fast and good the ONNX variants are: `python benchmarks/variants.py --model FOLDER`.

Exports and quantises the model into a scratch folder, scores torch, fp32, int8 and, with the extra
`openvino`, bf16 on the same queries, and times them in turns. `--all` asks every query of the file
and not the held-out ones.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import torch

from evaluation.latency import load_average, processor_name
from evaluation.retrieval.task import retrieval_task
from model_card.export.variants import (
    RUNS,
    TORCH,
    VariantReport,
    build_variants,
    installed_variants,
    measure_variants,
)
from nic.models import MINILM, find_model
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_file import load_split

DATA = Path(__file__).resolve().parents[1] / "data" / "finetuning" / "training_pairs.jsonl"
NOT_COPIED = shutil.ignore_patterns("checkpoint-*", "eval", "onnx", "openvino", "*.log")


def measure(arguments: argparse.Namespace) -> VariantReport:
    """Build the variants beside a copy of the model, and measure them."""
    pairs = load_pairs(arguments.data_file)
    source = Path(find_model(arguments.model).location)
    split_file = Path(arguments.split) if arguments.split else source / "split.json"
    if arguments.all:
        rows = list(range(len(pairs.dataset)))
    elif split_file.is_file():
        rows = load_split(split_file, pairs).reported
    else:
        rows = split_pairs(pairs, 0.1, seed=42).validation
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(source, Path(scratch) / "model", ignore=NOT_COPIED))
        build_variants(folder, folder)
        task = retrieval_task(pairs, rows)
        return measure_variants(folder, task, installed_variants(), arguments.runs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=MINILM, help="folder or name")
    parser.add_argument("--data-file", default=str(DATA))
    parser.add_argument("--split", help="split.json; default: the model's own, else drawn anew")
    parser.add_argument("--all", action="store_true", help="ask every query of the file")
    parser.add_argument("--runs", type=int, default=RUNS, help="single queries to time")
    parser.add_argument("--threads", type=int, default=1, help="threads of each variant")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{processor_name()}, load average {load_average()}")
    report = measure(arguments)
    torch_rate = report.variants[TORCH].passages_per_second
    print(
        f"{report.queries} queries against {report.corpus_size} passages; "
        f"{report.runs} single queries timed on {report.threads} threads"
    )
    for name, variant in report.variants.items():
        low, high = variant.interval
        print(
            f"{name:6}{variant.megabytes:6.1f} MB  Recall@5 {variant.recall_at_5:.4f} "
            f"({variant.difference:+.4f}, {low:+.4f} to {high:+.4f})  cosine {variant.cosine:.4f}  "
            f"median {variant.latency_median:6.2f} ms ({variant.speedup:.2f} x), "
            f"p95 {variant.latency_p95:6.2f} ms  {variant.passages_per_second:.0f} passages/s "
            f"({variant.passages_per_second / torch_rate:.2f} x)"
        )


if __name__ == "__main__":
    main()
