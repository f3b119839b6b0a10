"""`metadata.json`: the facts that reproduce a result, and that the card is rendered from."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer

from evaluation.serialization import report_to_json, to_json
from evaluation.summary import EvaluationSummary
from model_card.card.licensing import base_terms, read_terms
from nic.files import atomic_write_text, sha256_of
from nic.model_files import LICENSE_FILES, METADATA
from nic.models import WEIGHTS, ModelSource
from pairs.languages import tell_language
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
    """Returns the name, the sizes and the modules of a model."""
    return {
        "name": name,
        "embedding_dimension": model.get_embedding_dimension(),
        "max_seq_length": _known_length(model),
        "similarity": str(model.similarity_fn_name),
        "prompts": dict(model.prompts),
        "default_prompt_name": model.default_prompt_name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "modules": [type(module).__name__ for module in model],
    }


def describe_base_model(source: ModelSource) -> dict[str, Any]:
    """Returns the model that training started from, its weights' SHA-256 and what it states."""
    weights = Path(source.location) / WEIGHTS
    digest = sha256_of(weights) if weights.is_file() else None
    identity = {
        "name": source.name,
        "origin": source.origin,
        "revision": source.revision,
        "commit": source.commit,
        "weights_sha256": digest,
    }
    return {**identity, **asdict(base_terms(source))}


def describe_terms(license: str | None, language: str | None, folder: Path) -> dict[str, Any]:
    """Returns what the publisher states, and the licence files in the folder of the model.

    Args:
        license: Identifier of a licence; None states none.
        language: Codes of languages, separated by commas; None states none.
        folder: Folder of the model.

    Raises:
        UserError: A licence or a language is not an identifier that hubs accept.
    """
    files = sorted(path.name for path in folder.glob(LICENSE_FILES) if path.is_file())
    terms = read_terms(license, language)
    return {"license": terms.license, "language": terms.language, "license_files": files}


def describe_data(pairs: Pairs, split: dict[str, Any], findings: dict[str, Any]) -> dict[str, Any]:
    """Returns the hash and the counts of the data; of its text only the names of the domains."""
    positives = set(pairs.comparable("positive"))
    negatives = {text for row in pairs.comparable_negatives() for text in row}
    return {
        "file": pairs.path.name,
        "sha256": pairs.sha256,
        "reading": pairs.files.as_dicts(),
        "pairs": len(pairs.dataset),
        "queries": len(set(pairs.comparable("query"))),
        "positives": len(positives),
        "negatives": len(negatives),
        "passages": len(positives | negatives),
        "language": tell_language([*pairs.column("query"), *pairs.column("positive")]),
        "split": split,
        "check": findings,
    }


def describe_environment(device: torch.device) -> dict[str, Any]:
    """Returns the versions of the packages, the device and the commit of this project."""
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
    """Returns the metrics of both models, and the size of the corpus that both rank."""
    names = {"base": summary.results.base, "tuned": summary.results.model}
    both = {key: report_to_json(summary.reports[name]) for key, name in names.items()}
    corpus_size = {report.pop("corpus_size") for report in both.values()}
    return {**both, "corpus_size": corpus_size.pop()}


def describe_evaluation(summary: EvaluationSummary) -> dict[str, Any]:
    """Returns intervals, differences, forgetting and speed, and what was asked; no text."""
    return to_json(summary.published())


def git_commit() -> str | None:
    """Returns the commit of this checkout; None outside of a checkout or without git."""
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
    """Writes `metadata.json` into the folder of a model, atomically."""
    content = json.dumps(facts, indent=2, ensure_ascii=False)
    atomic_write_text(folder / METADATA, content + "\n")


def _known_length(model: SentenceTransformer) -> int | None:
    """Returns the longest input in tokens; None for a model that reads texts of any length."""
    length = model.max_seq_length
    return int(length) if length is not None and math.isfinite(length) else None


def _versions(packages: Iterable[str]) -> Iterable[tuple[str, str]]:
    for package in packages:
        yield package, version(package)
