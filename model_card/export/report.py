"""The measurements of the ONNX variants of a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Variant:
    """Measurements of one variant of a model, compared with torch in the same run.

    Attributes:
        file: Its file in the folder of the model.
        megabytes: Size of that file, in 10^6 bytes.
        recall_at_5: Mean over the queries, in [0, 1].
        difference: Its Recall@5 minus that of torch.
        interval: 95 % interval of the difference.
        cosine: Mean cosine between its embeddings of the queries and those of torch.
        latency_median: Wall time of one query, in milliseconds.
        latency_p95: The same, 95th percentile.
        speedup: Median latency of torch divided by its own.
        passages_per_second: Throughput of passages, in batches of 32.
    """

    file: str
    megabytes: float
    recall_at_5: float
    difference: float
    interval: tuple[float, float]
    cosine: float
    latency_median: float
    latency_p95: float
    speedup: float
    passages_per_second: float


@dataclass(frozen=True)
class VariantReport:
    """Measurements of all variants, torch first.

    Attributes:
        variants: By name: "torch", "fp32", "int8".
        queries: Queries that were scored.
        corpus_size: Passages that each query was ranked against.
        runs: Number of single queries that were timed.
        threads: Number of threads of each variant.
    """

    variants: dict[str, Variant]
    queries: int
    corpus_size: int
    runs: int
    threads: int

    def as_dict(self) -> dict[str, Any]:
        """Returns the form in `metadata.json`, under "variants"."""
        return asdict(self)
