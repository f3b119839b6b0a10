"""The ONNX variants of a model: built, evaluated on the same queries as torch, timed beside it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.retrieval.query_results import metric_values, score_task
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import RetrievalTask
from evaluation.retrieval_metrics.definitions import PRIMARY
from evaluation.significance import percentile_interval, resampled_means, sum_by_cluster
from model_card.export.onnx_export import FP32, INT8, export_onnx, require_onnx
from model_card.export.quantize import quantize_int8, synthetic_inputs
from model_card.export.report import Variant, VariantReport
from nic.encoding import COSINE
from nic.errors import UserError
from nic.models import WEIGHTS, find_model, load_model

TORCH = "torch"
FILES = {TORCH: WEIGHTS, "fp32": FP32, "int8": INT8, "bf16": FP32}
VARIANTS = ("fp32", "int8")
ALLOWED_LOSS = 0.01
RUNS = 200
WARM_UP = 20
BATCH = 32
BATCHES = 8
Encoder = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True)
class Encoders:
    """How a variant encodes.

    Attributes:
        query: Encodes queries, `(texts, dim)`, of unit length where the model compares by cosine.
        document: Encodes passages, likewise.
    """

    query: Encoder
    document: Encoder


def build_variants(
    model_folder: Path, target: Path, names: Sequence[str] = VARIANTS
) -> dict[str, Path]:
    """Writes the ONNX files of a model.

    Args:
        model_folder: The torch model.
        target: The folder to write `onnx/...` into; it may be the model's own.
        names: Which of "fp32" and "int8".

    Returns:
        The file of each variant.

    Raises:
        UserError: The extra `onnx` is missing, or the model cannot be exported.
    """
    files = {name: target / FILES[name] for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        exported = export_onnx(model_folder, files.get("fp32", Path(scratch) / "model.onnx"))
        if "int8" in files:
            length = load_model(find_model(str(model_folder)), "cpu").max_seq_length
            samples = synthetic_inputs(model_folder / "tokenizer.json", length)
            quantize_int8(exported, files["int8"], samples)
    return files


def measure_variants(
    folder: Path, task: RetrievalTask, names: Sequence[str] = VARIANTS, runs: int = RUNS
) -> VariantReport:
    """Evaluates and times the variants in a folder beside its torch model.

    Args:
        folder: A model with its `onnx` folder.
        task: The held-out queries and their corpus.
        names: Which of "fp32", "int8" and "bf16", the fp32 file in OpenVINO.
        runs: Single queries to time.

    Raises:
        UserError: The extra `onnx` is missing.
        EncoderError: The extra `openvino` is, for "bf16".
    """
    encoders, similarity = open_encoders(folder, names)
    embeddings = {
        name: (encode.query(task.queries), encode.document(task.corpus))
        for name, encode in encoders.items()
    }
    recalls = {name: recall_by_query(*both, task, similarity) for name, both in embeddings.items()}
    queries = {name: encode.query for name, encode in encoders.items()}
    passages = {name: encode.document for name, encode in encoders.items()}
    single = time_in_turns(queries, [[query] for query in islice(cycle(task.queries), runs)])
    batches = [
        list(islice(cycle(task.corpus), n, n + BATCH)) for n in range(0, BATCH * BATCHES, BATCH)
    ]
    batched = time_in_turns(passages, batches)
    variants = {}
    for name in encoders:
        low, high = difference_interval(recalls[name], recalls[TORCH], task.clusters)
        median = float(np.median(single[name]))
        variants[name] = Variant(
            file=FILES[name],
            megabytes=round((folder / FILES[name]).stat().st_size / 1e6, 1),
            recall_at_5=float(recalls[name].mean()),
            difference=float((recalls[name] - recalls[TORCH]).mean()),
            interval=(low, high),
            cosine=mean_cosine(embeddings[name][0], embeddings[TORCH][0]),
            latency_median=1e3 * median,
            latency_p95=1e3 * float(np.quantile(single[name], 0.95)),
            speedup=float(np.median(single[TORCH])) / median,
            passages_per_second=BATCH * BATCHES / sum(batched[name]),
        )
    threads = torch.get_num_threads()
    return VariantReport(variants, len(task.queries), len(task.corpus), runs, threads)


def installed_variants() -> list[str]:
    """Returns "fp32" and "int8", and "bf16" where the extra `openvino` is installed."""
    return [*VARIANTS, *(["bf16"] if find_spec("openvino") else [])]


def refuse_loss(report: VariantReport, allow_loss: bool = False) -> None:
    """Refuses variants whose Recall@5 is clearly below that of the torch model.

    Raises:
        UserError: A variant loses more than 0.01 Recall@5, and that is not allowed.
    """
    for name, variant in report.variants.items():
        if variant.difference < -ALLOWED_LOSS and not allow_loss:
            low, high = variant.interval
            raise UserError(
                f"{variant.file}: {PRIMARY.title} {variant.recall_at_5:.4f} is "
                f"{-variant.difference:.4f} below torch's (95 % interval of the difference "
                f"{low:+.4f} to {high:+.4f}), more than {ALLOWED_LOSS}; package it "
                f"without {name}, or with --allow-loss"
            )


def open_encoders(folder: Path, names: Sequence[str]) -> tuple[dict[str, Encoders], str]:
    """Returns the torch model and its variants, each with as many threads as torch.

    Returns:
        The encoders by name, and the similarity of the model.
    """
    require_onnx()
    from nic_encoder import OnnxEncoder

    model = load_model(find_model(str(folder)), "cpu")

    similarity = str(model.similarity_fn_name)
    options = {
        "batch_size": BATCH,
        "normalize_embeddings": similarity == COSINE,
        "show_progress_bar": False,
    }
    found = {
        TORCH: Encoders(
            lambda texts: model.encode_query(list(texts), **options),
            lambda texts: model.encode_document(list(texts), **options),
        )
    }
    threads = torch.get_num_threads()
    for name in names:
        variant = OnnxEncoder(folder, variant=name, threads=threads)
        found[name] = Encoders(variant.encode_query, variant.encode_document)
    return found, similarity


def mean_cosine(ones: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Returns the mean cosine between the rows of two matrices of one shape."""
    lengths = np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1)
    return float(((ones * others).sum(axis=1) / lengths).mean())


def recall_by_query(
    queries: NDArray[np.float32],
    corpus: NDArray[np.float32],
    task: RetrievalTask,
    similarity: str = COSINE,
) -> NDArray[np.float64]:
    """Returns the primary metric of each query, by the similarity of the model."""
    scorer = DenseScorer(torch.from_numpy(queries), torch.from_numpy(corpus), similarity)
    recalls: NDArray[np.float64] = metric_values(score_task(scorer, task), [PRIMARY])[:, 0]
    return recalls


def difference_interval(
    per_query_a: NDArray[np.float64],
    per_query_b: NDArray[np.float64],
    clusters: Sequence[int] | NDArray[Any],
) -> tuple[float, float]:
    """Returns the 95 % interval of the mean of a - b, by resampling whole clusters of queries."""
    differences = np.asarray(per_query_a) - np.asarray(per_query_b)
    data = sum_by_cluster(differences[:, None], clusters)
    low, high = percentile_interval(resampled_means(data), data.effective_clusters)
    return float(low[0]), float(high[0])


def time_in_turns(
    encoders: Mapping[str, Encoder], inputs: Sequence[Sequence[str]]
) -> dict[str, list[float]]:
    """Returns the seconds of each input; encoders take turns, so that noise affects all alike."""
    for texts in islice(cycle(inputs), min(WARM_UP, len(inputs))):
        for encode in encoders.values():
            encode(texts)
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for texts in inputs:
        for name, encode in encoders.items():
            start = time.perf_counter()
            encode(texts)
            seconds[name].append(time.perf_counter() - start)
    return seconds
