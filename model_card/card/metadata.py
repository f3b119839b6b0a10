"""`metadata.json`: everything that a reader needs to redo a result."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from evaluation.serialization import report_to_json, to_json
from evaluation.summary import EvaluationSummary
from nic.files import atomic_write_text, sha256_of
from nic.model_files import METADATA
from nic.models import WEIGHTS, ModelSource
from pairs.loading import Pairs

PACKAGES = (
    "accelerate",
    "datasets",
    "evaluate",
    "huggingface-hub",
    "nic-embeddings",
    "numpy",
    "sentence-transformers",
    "tokenizers",
    "torch",
    "transformers",
)


def describe_model(model: SentenceTransformer, name: str) -> dict[str, Any]:
    """What a user of the model has to know."""
    return {
        "name": name,
        "embedding_dimension": model.get_embedding_dimension(),
        "max_seq_length": model.max_seq_length,
        "similarity": str(model.similarity_fn_name),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "modules": [type(module).__name__ for module in model],
    }


def describe_base_model(source: ModelSource) -> dict[str, Any]:
    """The model that training started from, with the SHA-256 of its weights where known."""
    weights = Path(source.location) / WEIGHTS
    digest = sha256_of(weights) if weights.is_file() else None
    return {"name": source.name, "origin": source.origin, "weights_sha256": digest}


def describe_data(pairs: Pairs, split: dict[str, Any], findings: dict[str, Any]) -> dict[str, Any]:
    """The data by its hash and counts; none of its text but the names of the domains."""
    passages = set(pairs.column("positive")) | set(pairs.column("negative"))
    return {
        "file": pairs.path.name,
        "sha256": pairs.sha256,
        "pairs": len(pairs.dataset),
        "queries": len(set(pairs.column("query"))),
        "positives": len(set(pairs.column("positive"))),
        "negatives": len(set(pairs.column("negative"))),
        "passages": len(passages),
        "split": split,
        "check": findings,
    }


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Versions, device and the commit of this project."""
    return {
        "python": platform.python_version(),
        "packages": dict(_versions(PACKAGES)),
        "system": platform.system(),
        "machine": platform.machine(),
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "cpu_count": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "git_commit": git_commit(),
    }


def describe_metrics(summary: EvaluationSummary) -> dict[str, Any]:
    """The figures of both models and the size of the corpus that both were ranked against."""
    names = {"base": summary.results.base, "tuned": summary.results.model}
    both = {key: report_to_json(summary.reports[name]) for key, name in names.items()}
    corpus_size = {report.pop("corpus_size") for report in both.values()}
    return {**both, "corpus_size": corpus_size.pop()}


def describe_evaluation(summary: EvaluationSummary) -> dict[str, Any]:
    """Returns intervals, differences, forgetting and speed, and what was asked; no text."""
    return to_json(summary.published())


def git_commit() -> str | None:
    """The commit of the checkout that this runs from; None outside of one or without git."""
    project = Path(__file__).resolve().parents[2]
    if not (project / ".git").exists():
        return None
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=project,
            capture_output=True,
            check=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def write_metadata(facts: dict[str, Any], folder: Path) -> None:
    """Write `metadata.json` into a model folder, whole or not at all."""
    content = json.dumps(facts, indent=2, ensure_ascii=False)
    atomic_write_text(folder / METADATA, content + "\n")


def _versions(packages: Iterable[str]) -> Iterable[tuple[str, str]]:
    for package in packages:
        yield package, version(package)
