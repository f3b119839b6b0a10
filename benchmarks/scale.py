"""Time and memory of load, split and check by size: `python benchmarks/scale.py --rows 10000`.

Each size runs in a process of its own, which prints one JSON line. Processor time tells how work
grows on a machine that does other things too. `peak_mib` is the peak of the process, mapped files
and the libraries included; `held_mib` is the peak without mapped files, which the system can drop,
and `held_bytes_a_pair` what the pairs add to that (both on Linux alone).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TypeVar

import torch
from check_million import PROJECT, write_rows
from datasets import Dataset
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler

from nic.models import find_model
from pairs.checks.report import build_report
from pairs.checks.scan import scan_pairs
from pairs.checks.tokens import load_token_counter
from pairs.columns import POSITIVE, QUERY
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_counts import describe_split

MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WORDS = {"short": 12, "long": 60}
T = TypeVar("T")


def measure(path: Path, texts: str, rows: int) -> None:
    """Prints one JSON line for one file."""
    counter = load_token_counter(find_model(MODEL))
    held = Held()
    wall: dict[str, float] = {}
    busy: dict[str, float] = {}

    def timed(step: str, work: Callable[[], T]) -> T:
        start, used = time.perf_counter(), time.process_time()
        found = work()
        wall[step] = round(time.perf_counter() - start, 2)
        busy[step] = round(time.process_time() - used, 2)
        return found

    pairs = timed("load", lambda: load_pairs(path))
    split = timed("split", lambda: split_pairs(pairs))
    timed("counts", lambda: describe_split(split, pairs))
    scan = timed("scan", lambda: scan_pairs(pairs, counter))
    timed("findings", lambda: build_report(scan, split, 0.1, 32, 42))
    timed("first batch", lambda: first_batch(pairs.dataset, split.train))
    line = {
        "rows": rows,
        "texts": texts,
        "file_mib": round(path.stat().st_size / 2**20),
        "seconds": wall,
        "processor_seconds": busy,
        "pairs_a_second": round(rows / sum(wall.values())),
        "pairs_a_processor_second": round(rows / sum(busy.values())),
        "peak_mib": round(peak_bytes() / 2**20),
        "held_mib": round(held.peak() / 2**20),
        "held_bytes_a_pair": round((held.peak() - held.before) / rows),
    }
    print(json.dumps(line), flush=True)


def first_batch(pairs: Dataset, rows: list[int]) -> Dataset:
    """Returns the first batch of a training: shuffled, no text twice."""
    data = pairs.select(rows).select_columns([QUERY, POSITIVE])
    sampler = NoDuplicatesBatchSampler(
        data, batch_size=32, drop_last=True, generator=torch.Generator(), seed=42
    )
    return data.select(next(iter(sampler)))


def peak_bytes() -> int:
    """Returns the most memory that this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 2**10


class Held:
    """Watches the memory of this process that is no file's, fifty times a second."""

    def __init__(self) -> None:
        self.before = self._peak = self._now()
        Thread(target=self._watch, daemon=True).start()

    def peak(self) -> int:
        """Returns the most bytes since the beginning; 0 where the system does not tell."""
        return self._peak

    def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, self._now())
            time.sleep(0.02)

    def _now(self) -> int:
        status = Path("/proc/self/status")
        lines = status.read_text().splitlines() if status.is_file() else []
        return sum(int(line.split()[1]) * 2**10 for line in lines if line.startswith("RssAnon"))


def main() -> None:
    """Writes a file for each size and measures it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--texts", nargs="+", choices=WORDS, default=list(WORDS))
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.file:
        measure(given.file, given.texts[0], given.rows[0])
        return
    for texts in given.texts:
        for rows in given.rows:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "pairs.jsonl"
                write_rows(path, rows, words=WORDS[texts])
                command = [sys.executable, "benchmarks/scale.py", "--file", str(path)]
                command += ["--rows", str(rows), "--texts", texts]
                subprocess.run(command, cwd=PROJECT, check=True)


if __name__ == "__main__":
    main()
