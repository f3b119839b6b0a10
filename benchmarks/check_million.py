"""Time and memory of `nic-check` on a large generated file: `python benchmarks/check_million.py`.

A million rows by default, four per passage as in real files of pairs, each with a negative of its
own; the peak is that of the process that checks, the libraries it loads included.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
ROWS_OF_A_PASSAGE = 4
WORDS_OF_A_PASSAGE = 60
DOMAINS = ("electronics", "forklift", "hvac", "radar", "vehicle", "vehicle_civilian")


def write_rows(path: Path, rows: int, seed: int = 42, words: int = WORDS_OF_A_PASSAGE) -> None:
    """Writes pairs of made-up words; neighbouring passages are each other's negatives."""
    draw = random.Random(seed)
    letters = "abcdefghijklmnoprstuvw"
    vocabulary = ["".join(draw.choices(letters, k=draw.randint(3, 9))) for _ in range(20_000)]

    def text(length: int) -> str:
        return " ".join(draw.choices(vocabulary, k=length))

    with path.open("w", encoding="utf-8") as file:
        negative = text(words)
        for start in range(0, rows, ROWS_OF_A_PASSAGE):
            positive = text(words)
            domain = DOMAINS[start // ROWS_OF_A_PASSAGE % len(DOMAINS)]
            for _ in range(min(ROWS_OF_A_PASSAGE, rows - start)):
                row = {"query": text(6), "positive": positive, "negative": negative}
                file.write(json.dumps({**row, "domain": domain}) + "\n")
            negative = positive


def main() -> None:
    """Print size, time and peak memory for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[4_000, 1_000_000])
    for rows in parser.parse_args().rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pairs.jsonl"
            write_rows(path, rows)
            command = [sys.executable, "pairs/check.py", "--data-file", str(path)]
            start = time.perf_counter()
            subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
            seconds = time.perf_counter() - start
            size = path.stat().st_size / 2**20
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
        print(f"{rows:,} rows, {size:,.0f} MiB: {seconds:.0f} s, peak {peak:,.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
