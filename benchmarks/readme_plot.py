"""Draws the plot of the README from the results folder of an evaluation.

`python benchmarks/readme_plot.py models/nic-embeddings-v1.0-evaluation` after a training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from evaluation.gates import DEFAULTS, read_thresholds
from evaluation.report.plots import render_plots
from evaluation.results import read_results_folder
from evaluation.summary import summarise
from nic.files import atomic_write

PLOT = Path(__file__).resolve().parents[1] / "docs" / "images" / "recall_at_5.png"


def main() -> None:
    """Draw Recall@5 by domain, with intervals, and write it beside the documentation."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, help="results folder of an evaluation")
    results = read_results_folder(parser.parse_args().results)
    plots = render_plots(summarise(results, read_thresholds(DEFAULTS)))
    PLOT.parent.mkdir(exist_ok=True)
    with atomic_write(PLOT) as staged:
        staged.write_bytes(plots["recall_at_5"])
    print(f"{PLOT.name}: {PLOT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
