"""The facts of a card, made by hand."""

from __future__ import annotations

from typing import Any

from conftest import make_evaluation

from evaluation.gates import describe_gates, read_thresholds
from evaluation.serialization import to_json
from evaluation.summary import summarise
from model_card.card.metadata import describe_evaluation, describe_metrics

VARIANTS: dict[str, Any] = {
    "queries": 10,
    "corpus_size": 20,
    "runs": 5,
    "threads": 2,
    "variants": {
        "int8": {
            "file": "onnx/model_quantized.onnx",
            "megabytes": 22.9,
            "recall_at_5": 0.8818,
            "difference": -0.0091,
            "interval": [-0.0273, 0.0091],
            "cosine": 0.99,
            "latency_median": 2.0,
            "speedup": 4.76,
            "latency_p95": 3.0,
            "passages_per_second": 100.0,
        }
    },
}


def make_metadata(*domains: str, **changes: Any) -> dict[str, Any]:
    """The `metadata.json` of a training on two domains, without the hashes of the files."""
    one, other = domains or ("forklift", "vehicle_civilian")
    summary = summarise(make_evaluation((one, other), **changes), read_thresholds())
    counts = {"train": 450, "validation": 50}
    split: dict[str, Any] = {
        "train_pairs": 900,
        "validation_pairs": 100,
        "shared_passages": 0,
        "shared_queries": 0,
        "domains": {name: counts for name in (one, other)},
    }
    freezing = {"asked": 10, "frozen_layers": 4, "layers": 6}
    freezing |= {"trainable_parameters": 3_548_928, "parameters": 22_713_216}
    return {
        "model": {
            "name": "nic-embeddings-v1.0",
            "embedding_dimension": 384,
            "max_seq_length": 256,
            "similarity": "cosine",
        },
        "base_model": {
            "name": "sentence-transformers/all-MiniLM-L6-v2",
            "origin": "the Hub's cache",
            "weights_sha256": None,
        },
        "data": {
            "sha256": "ab" * 32,
            "pairs": 1000,
            "queries": 990,
            "positives": 400,
            "negatives": 380,
            "split": split,
            "check": {"findings": {"empty_queries": 12, "duplicate_rows": 0}},
        },
        "training": {
            "command": ["--data-file", "pairs.jsonl", "--epochs", "5"],
            "loss": "MultipleNegativesRankingLoss",
            "scale": 20.0,
            "epochs": 5.0,
            "batch_size": 32,
            "learning_rate": 2e-5,
            "schedule": "cosine, restarted every epoch",
            "freezing": freezing,
            "seed": 42,
            "steps": 140,
            "best_step": 112,
        },
        "metrics": describe_metrics(summary),
        "evaluation": describe_evaluation(summary),
        "gates": to_json(describe_gates(summary.gates)),
        "figures": ["recall_at_5.png", "rank_change.png"],
        "environment": {"device": "cpu", "packages": {"torch": "2.13.0", "datasets": "5.2.0"}},
    }
