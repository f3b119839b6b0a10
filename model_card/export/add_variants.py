"""ONNX variants in a packaged model: built and measured while it is packaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from evaluation.retrieval.task import retrieval_task
from model_card.export.exportable import require_exportable
from model_card.export.onnx_export import require_onnx
from model_card.export.variants import build_variants, measure_variants, refuse_loss
from nic.errors import UserError
from nic.model_files import SPLIT
from nic.models import find_model, load_model
from pairs.loading import load_pairs
from pairs.reading.source import Data, DataSource
from pairs.split_file import load_split, read_as_split


def variant_adder(
    model: Path, data_file: Data | None, names: Sequence[str], allow_loss: bool
) -> Callable[[Path], dict[str, Any]] | None:
    """Returns a function that adds variants to a folder that is being packaged.

    Args:
        model: The output folder of the training, with its `split.json`.
        data_file: The data that it was trained on: the variants are scored on its held-out queries.
        names: Which of "fp32" and "int8"; none adds nothing.
        allow_loss: Whether a variant may lose more than 0.01 Recall@5.

    Returns:
        A function of the folder that gives the facts for `metadata.json`; None without names.

    Raises:
        UserError: The data is not given, the extra `onnx` is missing, or the model has no ONNX
            variant.
    """
    if not names:
        return None
    if data_file is None:
        raise UserError(
            "--onnx, --int8: give the training data with --data-file; each variant is scored on "
            "its held-out queries"
        )
    require_onnx()
    require_exportable(load_model(find_model(str(model)), "cpu"), str(model))
    pairs = load_pairs(read_as_split(model / SPLIT, DataSource.of(data_file)))
    task = retrieval_task(pairs, load_split(model / SPLIT, pairs).reported)

    def add(folder: Path) -> dict[str, Any]:
        build_variants(folder, folder, names)
        report = measure_variants(folder, task, names)
        refuse_loss(report, allow_loss)
        return {"variants": report.as_dict()}

    return add
