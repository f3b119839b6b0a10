"""From the command line of an evaluation to its evidence."""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from evaluation.distractors import read_distractors
from evaluation.evidence import Evidence
from evaluation.gather import (
    all_results,
    loads_and_encodes,
    score_lexical,
    score_models,
    score_probe,
    time_models,
)
from evaluation.probe import load_probe
from evaluation.tables import short_names
from evaluation.task import RetrievalTask, add_distractors, retrieval_task
from evaluation.texts import Texts
from training.base_model import find_model, load_model
from training.errors import UserError
from training.pairs import Pairs, load_pairs
from training.run_log import on_terminal
from training.split import load_split

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """The rows whose queries are asked.

    Attributes:
        rows: Row numbers.
        part: "all", "test" or "validation".
        chose_checkpoint: Whether these queries chose the checkpoint of the model under test.
    """

    rows: list[int]
    part: str
    chose_checkpoint: bool | None


def collect(arguments: argparse.Namespace) -> tuple[Evidence, Texts] | None:
    """Run the models on what the command line asks.

    Returns:
        The evidence and the texts behind its ids; None in all processes but the first.

    Raises:
        UserError: A file or a model is not what it should be.
    """
    pairs = load_pairs(arguments.data_file)
    asked = choose_rows(arguments, pairs)
    task = build_task(pairs, asked.rows, arguments.corpus, arguments.extra_corpus)
    probe = load_probe(arguments.probe)
    names, models = load_models(arguments)
    results, scorers = score_models(models, task, arguments.batch_size, on_terminal())
    on_probe = {name: models[name] for name in dict.fromkeys([names.model, names.base])}
    probe_results = score_probe(on_probe, probe, arguments.batch_size, on_terminal())
    if not results:
        return None
    lexical = score_lexical(task, names.model, scorers[names.model])
    evidence = Evidence(
        model=names.model,
        base=names.base,
        data=describe_asked(pairs, asked),
        task=task.describe(),
        results=all_results(names.model, names.base, results, lexical),
        chose_checkpoint=asked.chose_checkpoint,
        probe=probe_results or None,
        probe_data=probe.data if probe else None,
        speed=None if arguments.no_speed else time_models(on_probe, task),
        loads=loads_and_encodes(Path(names.location)),
        history=training_history(names.location),
    )
    return evidence, Texts.of(task)


def choose_rows(arguments: argparse.Namespace, pairs: Pairs) -> Asked:
    """The rows whose queries are asked.

    Raises:
        UserError: Nothing says which, or the split is of another file.
    """
    beside_model = Path(arguments.model[0]) / "split.json"
    if arguments.all:
        return Asked(list(range(len(pairs))), "all", True if beside_model.is_file() else None)
    if not arguments.split and not beside_model.is_file():
        raise UserError(
            f"which queries to ask? {arguments.model[0]} holds no split.json; give one with "
            "--split, or --all for every query of the file"
        )
    split = load_split(arguments.split or beside_model, pairs)
    part = "test" if split.test else "validation"
    return Asked(split.reported, part, not split.test if beside_model.is_file() else None)


def build_task(
    pairs: Pairs, rows: list[int], scope: Any, extra_corpus: Path | None
) -> RetrievalTask:
    """The task of some rows, with the distractors of a file where one is given."""
    task = retrieval_task(pairs, rows, scope)
    return add_distractors(task, read_distractors(extra_corpus)) if extra_corpus else task


@dataclass(frozen=True)
class Names:
    """How the report calls the two models that matter.

    Attributes:
        model: Name of the model under test.
        base: Name of the model to compare with.
        location: Where the model under test is loaded from.
    """

    model: str
    base: str
    location: str


def load_models(
    arguments: argparse.Namespace,
) -> tuple[Names, dict[str, SentenceTransformer]]:
    """Load every model that was named, and the base model.

    Returns:
        The names, and the models by name with the one under test first.
    """
    models: dict[str, SentenceTransformer] = {}
    device = None if arguments.device == "auto" else arguments.device
    asked = list(dict.fromkeys([*arguments.model, arguments.base]))
    sources = {name: find_model(name) for name in asked}
    labels = short_names(sources)
    for name, source in sources.items():
        logger.info("Model %s from %s", source.name, source.origin)
        models[labels[name]] = load_model(source, device)
    first = arguments.model[0]
    return Names(labels[first], labels[arguments.base], sources[first].location), models


def describe_asked(pairs: Pairs, asked: Asked) -> dict[str, Any]:
    """The data by its name and hash, and what was asked of it."""
    return {
        "file": pairs.path.name,
        "sha256": pairs.sha256,
        "part": asked.part,
        "rows_asked": len(asked.rows),
    }


def training_history(location: str | Path) -> list[dict[str, Any]] | None:
    """The Trainer's log in a model's `metadata.json`, where it has one."""
    try:
        content = json.loads((Path(location) / "metadata.json").read_text(encoding="utf-8"))
        history = content["training"]["history"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return list(history)


def find_texts(evidence: Evidence, data_file: Path, extra_corpus: Path | None) -> Texts | None:
    """The texts of an earlier evaluation, where the file that it was made on is at hand."""
    if not data_file.is_file():
        logger.warning("%s is not there: the report shows ids in place of texts", data_file)
        return None
    pairs = load_pairs(data_file)
    if pairs.sha256 != evidence.data["sha256"]:
        logger.warning(
            "%s is not the file of this evaluation (their SHA-256 differ): the report shows ids "
            "in place of texts; give it with --data-file",
            data_file,
        )
        return None
    task = build_task(pairs, list(range(len(pairs))), "all", extra_corpus)
    texts = Texts.of(task)
    asked = {row.query_id for row in evidence.results[evidence.model]}
    if not asked <= set(texts.queries):
        raise UserError(f"{data_file}: lacks queries of the evaluation")
    return texts
