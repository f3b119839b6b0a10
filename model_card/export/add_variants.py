"""ONNX variants in a packaged model: built, measured, told in its card."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.retrieval.task import retrieval_task
from evaluation.retrieval_metrics.definitions import PRIMARY
from model_card.export.variants import build_variants, measure_variants, refuse_loss
from nic.errors import UserError
from nic.files import atomic_write_text
from nic.model_files import CARD
from pairs.loading import load_pairs
from pairs.split_file import load_split

BEFORE = "## Data\n"
HEADING = "## Small and fast variants"


def variant_adder(
    model: Path, data_file: Path | None, names: Sequence[str], allow_loss: bool
) -> Callable[[Path], dict[str, Any]] | None:
    """What adds variants to a folder that is being packaged.

    Args:
        model: The output folder of the training, with its `split.json`.
        data_file: The data that it was trained on: the variants are scored on its held-out queries.
        names: Which of "fp32" and "int8"; none adds nothing.
        allow_loss: Whether a variant may lose more than 0.01 Recall@5.

    Returns:
        A function of the folder that gives the facts for `metadata.json`; None without names.

    Raises:
        UserError: The data is not given.
    """
    if not names:
        return None
    if data_file is None:
        raise UserError(
            "--onnx, --int8: give the training data with --data-file; each variant is scored on "
            "its held-out queries"
        )
    pairs = load_pairs(data_file)
    task = retrieval_task(pairs, load_split(model / "split.json", pairs).reported)

    def add(folder: Path) -> dict[str, Any]:
        build_variants(folder, folder, names)
        report = measure_variants(folder, task, names)
        refuse_loss(report, allow_loss)
        facts = report.as_dict()
        card = (folder / CARD).read_text(encoding="utf-8")
        atomic_write_text(folder / CARD, insert_table(card, facts))
        return {"variants": facts}

    return add


def insert_table(card: str, report: Mapping[str, Any]) -> str:
    """Put the table of the variants before the card's section on the data, or at its end."""
    lines = [
        HEADING,
        "",
        f"{report['queries']} held-out queries against {report['corpus_size']} passages; "
        f"{report['runs']} single queries, the variants in turns, on {report['threads']} threads.",
        "",
        f"| | file | MB | {PRIMARY.title} | difference to torch | median | p95 "
        "| passages a second |",
        "|---|---|--:|--:|---|--:|--:|--:|",
        *[_row(name, found) for name, found in report["variants"].items()],
        "",
        '`onnx/` loads in sentence-transformers 5 with optimum by `backend="onnx"`, and without '
        "torch by the package `nic-encoder`.",
        "",
        "",
    ]
    table = "\n".join(lines)
    if BEFORE in card:
        return card.replace(BEFORE, table + BEFORE, 1)
    return f"{card.rstrip()}\n\n{table.rstrip()}\n"


def _row(name: str, found: Mapping[str, Any]) -> str:
    low, high = found["interval"]
    return (
        f"| {name} | `{found['file']}` | {found['megabytes']:.1f} | {found['recall_at_5']:.4f} | "
        f"{found['difference']:+.4f} \\[{low:+.4f}, {high:+.4f}\\] | "
        f"{found['latency_median']:.1f} ms ({found['speedup']:.1f} x) | "
        f"{found['latency_p95']:.1f} ms | {found['passages_per_second']:.0f} |"
    )
