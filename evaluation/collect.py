"""Runs the models of an evaluation and collects the result of each query, before averaging."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer
from sentence_transformers.util.distributed import distributed_evaluation

from evaluation.arguments import EvaluationArguments
from evaluation.dimensions import Dimension, measure_dimensions, score_truncated
from evaluation.exports import Rankings
from evaluation.known_passages import queries_about_known
from evaluation.latency import SpeedReport, measure_speed
from evaluation.mined_negatives import TrainedNegatives
from evaluation.mixing import MixingCurve
from evaluation.report.tables import short_names
from evaluation.report.texts import Texts
from evaluation.results import DataDescription, EvaluationResults, LogEntry
from evaluation.retrieval.baselines import BM25, BM25Scorer, FusionScorer, fusion_name
from evaluation.retrieval.distractors import read_distractors
from evaluation.retrieval.evaluator import embed_task
from evaluation.retrieval.forgetting_probe import Probe, load_probe
from evaluation.retrieval.query_results import QueryResult, Results, score_task
from evaluation.retrieval.ranking import DenseScorer, Scorer
from evaluation.retrieval.task import RetrievalTask, Scope, add_distractors, retrieval_task
from evaluation.serialization import T, from_json
from evaluation.trials import Search
from nic.encoding import Encoding, check_prompts, fill_prompts
from nic.errors import UserError
from nic.files import read_json_object, sha256_of
from nic.logs import on_terminal
from nic.model_files import METADATA, SPLIT
from nic.model_loading import loading_notes
from nic.models import ModelSource, fetch_model, find_model, load_model, pooling_not_needed
from nic.query_adapter import shares_passages
from pairs.draws import Split
from pairs.loading import Pairs, load_pairs
from pairs.pair_files import log_reading
from pairs.reading.source import DataSource
from pairs.split_file import load_split, read_as_split

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QuerySelection:
    """The rows whose queries are asked.

    Attributes:
        rows: Row numbers.
        part: "all", "test", "validation" or "cross-validation".
        chose_checkpoint: Whether these queries chose the checkpoint of the model under test.
        folds: Number of models of a cross-validation; 0 for one model.
        split: The split that they belong to; None for every row, or for several models.
    """

    rows: list[int]
    part: str
    chose_checkpoint: bool | None
    folds: int = 0
    split: Split | None = None


def collect(arguments: EvaluationArguments) -> tuple[EvaluationResults, Rankings] | None:
    """Runs the models on the queries that the arguments select.

    Returns:
        The results and the scores behind them; None in all processes but the first.

    Raises:
        UserError: A file or a model is not what it should be.
    """
    pairs = load_pairs(find_source(arguments))
    log_reading(pairs.files)
    asked = choose_rows(arguments, pairs)
    task = build_task(pairs, asked.rows, arguments.corpus, arguments.extra_corpus)
    probe = load_probe(str(arguments.probe))
    names, models = load_models(arguments)
    found, scorers = score_models(models, task, arguments.batch_size, on_terminal())
    on_probe = {name: models[name] for name in dict.fromkeys([names.model, names.base])}
    probe_results = score_probe(on_probe, probe, arguments.batch_size, on_terminal())
    if not found:
        return None
    fused = {name: scorers[name] for name in (names.model, names.base)}
    lexical = lexical_scorers(task, fused, arguments.language)
    results = EvaluationResults(
        model=names.model,
        base=names.base,
        data=describe_selection(pairs, asked),
        task=task.describe(),
        per_query=all_results(names.model, names.base, found, score_all(lexical, task)),
        chose_checkpoint=asked.chose_checkpoint,
        probe=probe_results or None,
        probe_data=probe.data if probe else None,
        speed=time_models(on_probe, task) if arguments.speed else None,
        loads=loads_and_encodes(Path(names.location)),
        history=metadata_fact(names.location, "training", "history", list[LogEntry]),
        best_step=metadata_fact(names.location, "training", "best_step", int),
        encodings=describe_encodings(models),
        dimensions=measure_shorter(names, scorers, found, task),
        mixing=metadata_fact(names.location, "evaluation", "mixing", MixingCurve),
        keeps_passages=shares_passages(models[names.model], models[names.base]),
        search=metadata_fact(names.location, "evaluation", "search", Search),
        known=queries_about_known(task, pairs, asked.split) if asked.split else [],
        negatives=metadata_fact(names.location, "training", "negatives", TrainedNegatives),
    )
    return results, Rankings(task, {**scorers, **lexical})


def find_source(arguments: EvaluationArguments) -> DataSource:
    """Returns the data, read as that of the split where nothing says how to read it."""
    return read_as_split(
        Path(arguments.split) if arguments.split else Path(arguments.model[0]) / SPLIT,
        arguments.source,
    )


def choose_rows(arguments: EvaluationArguments, pairs: Pairs) -> QuerySelection:
    """Returns the rows whose queries are asked.

    Raises:
        UserError: Nothing says which, or the split is of another file.
    """
    beside_model = Path(arguments.model[0]) / "split.json"
    if arguments.all_queries:
        # Of another file it is not known what the model has seen.
        same_data = read_json_object(beside_model).get("data_sha256") == pairs.sha256
        return QuerySelection(list(range(len(pairs))), "all", True if same_data else None)
    if not arguments.split and not beside_model.is_file():
        raise UserError(
            f"which queries to ask? {arguments.model[0]} holds no split.json; give one with "
            "--split, or --all for every query of the file"
        )
    if not arguments.split:
        _refuse_other_split(beside_model)
    split = load_split(Path(arguments.split) if arguments.split else beside_model, pairs)
    part = "test" if split.test else "validation"
    chose = not split.test if beside_model.is_file() else None
    return QuerySelection(split.reported, part, chose, split=split)


def _refuse_other_split(path: Path) -> None:
    """Refuses a split beside a model that is not the one it was trained with.

    Raises:
        UserError: Its bytes are not those whose hash the metadata has.
    """
    trained = metadata_fact(str(path.parent), "data", "split_sha256", str)
    if trained and sha256_of(path) != trained:
        raise UserError(
            f"{path}: was changed since the training, so its queries may be ones that the model "
            "was trained on; give the split on purpose with --split, or ask all with --all"
        )


def build_task(
    pairs: Pairs, rows: list[int], scope: Scope, extra_corpus: str | Path | None
) -> RetrievalTask:
    """Returns the task of some rows, with the distractors of a file where one is given."""
    task = retrieval_task(pairs, rows, scope)
    return add_distractors(task, read_distractors(Path(extra_corpus))) if extra_corpus else task


@dataclass(frozen=True)
class Names:
    """The names by which a report calls the model under test and its base.

    Attributes:
        model: Name of the model under test.
        base: Name of the model to compare with.
        location: Where the model under test is loaded from.
    """

    model: str
    base: str
    location: str


def load_models(
    arguments: EvaluationArguments,
) -> tuple[Names, dict[str, SentenceTransformer]]:
    """Loads every model that was named, and the base model.

    Returns:
        The names, and the models by name with the one under test first.
    """
    models: dict[str, SentenceTransformer] = {}
    device = None if arguments.device == "auto" else arguments.device
    sources = find_sources(arguments)
    labels = short_names(sources)
    for name, source in sources.items():
        logger.info("Model %s from %s", source.name, source.origin)
        model = models[labels[name]] = load_model(source, device)
        for note in loading_notes(source.name, Path(source.location), model):
            logger.info("%s", note)
    fill_prompts(models.values(), arguments.query_prompt, arguments.document_prompt)
    log_encodings(models)
    first = list(sources)[0]
    base = at_revision(arguments.base, arguments.base_revision)
    return Names(labels[first], labels[base], sources[first].location), models


def measure_shorter(
    names: Names, scorers: Mapping[str, DenseScorer], found: Results, task: RetrievalTask
) -> list[Dimension]:
    """Returns what model and base find with the lengths of embedding that were trained, if any."""
    dimensions = metadata_fact(names.location, "training", "matryoshka", list[int])
    if not dimensions:
        return []
    both = {name: scorers[name] for name in (names.model, names.base)}
    results = {**found, **score_truncated(both, task, dimensions)}
    return measure_dimensions(results, names.model, names.base, dimensions)


def log_encodings(models: Mapping[str, SentenceTransformer]) -> None:
    """Logs prompts and similarity of each model that has prompts or does not compare by cosine.

    Raises:
        UserError: A prompt leaves no room for a text.
    """
    for name, model in models.items():
        check_prompts(model, name)
        if (encoding := Encoding.of(model)).is_special:
            logger.info("Encoding of %s: %s", name, encoding)


def find_sources(arguments: EvaluationArguments) -> dict[str, ModelSource]:
    """Returns where each model comes from, by its name and revision; the base is the last.

    Raises:
        UserError: One is no model, or `pooling` is given and none of them needs it.
    """
    asked = [(name, arguments.model_revision) for name in arguments.model]
    asked.append((arguments.base, arguments.base_revision))
    sources = {
        at_revision(name, revision): fetch_model(find_model(str(name), revision, arguments.pooling))
        for name, revision in asked
    }
    if arguments.pooling and not any(source.pooling for source in sources.values()):
        raise pooling_not_needed(arguments.pooling, ", ".join(sources))
    return sources


def at_revision(name: str | Path, revision: str | None) -> str:
    """Returns the name of a model with the revision that was asked for, if one was."""
    return f"{name}@{revision}" if revision else str(name)


def describe_selection(pairs: Pairs, asked: QuerySelection) -> DataDescription:
    """Returns the data by its name and hash, and the part of it that is asked."""
    return DataDescription(
        pairs.path.name,
        pairs.sha256,
        asked.part,
        len(asked.rows),
        asked.folds,
        int(pairs.made[asked.rows].sum()),
        asked.split.by if asked.split else "passage",
    )


def describe_encodings(models: Mapping[str, SentenceTransformer]) -> dict[str, Encoding]:
    """Returns the prompts and the similarity of each model."""
    return {name: Encoding.of(model) for name, model in models.items()}


def metadata_fact(location: str, part: str, name: str, kind: type[T]) -> T | None:
    """Returns a fact of a model's `metadata.json`; None where it has none.

    Args:
        location: Folder of the model.
        part: Part of the metadata, such as "training".
        name: Name of the fact in it.
        kind: Its type.
    """
    try:
        return from_json(kind, read_json_object(Path(location) / METADATA)[part][name])
    except (ValueError, KeyError, TypeError):
        return None


def find_texts(results: EvaluationResults, arguments: EvaluationArguments) -> Texts | None:
    """Returns the texts of an earlier evaluation, or None if its data file is not at hand."""
    source = arguments.source
    data_file = source.path
    if not source.is_there():
        logger.warning("%s is not there: the report shows ids in place of texts", data_file)
        return None
    pairs = load_pairs(source)
    if pairs.sha256 != results.data.sha256:
        logger.warning(
            "%s is not the file of this evaluation (their SHA-256 differ): the report shows ids "
            "in place of texts; give it with --data-file",
            data_file,
        )
        return None
    task = build_task(pairs, list(range(len(pairs))), "all", arguments.extra_corpus)
    texts = Texts.of(task)
    asked = {row.query_id for row in results.per_query[results.model]}
    if not asked <= set(texts.queries):
        raise UserError(f"{data_file}: lacks queries of the evaluation")
    return texts


def score_lexical(
    task: RetrievalTask, models: Mapping[str, Scorer], language: str | None = None
) -> Results:
    """Returns the results of BM25, and of BM25 fused with each model.

    Args:
        task: The task.
        models: The scores of models by name.
        language: ISO 639 code of the texts' language, for BM25; None tells it from the corpus.
    """
    return score_all(lexical_scorers(task, models, language), task)


def lexical_scorers(
    task: RetrievalTask, models: Mapping[str, Scorer], language: str | None = None
) -> dict[str, Scorer]:
    """Returns the scores of BM25 and of its fusions, as in `score_lexical`."""
    lexical = BM25Scorer.of(task, language)
    return {
        BM25: lexical,
        **{fusion_name(name): FusionScorer(dense, lexical) for name, dense in models.items()},
    }


def score_all(scorers: Mapping[str, Scorer], task: RetrievalTask) -> Results:
    """Returns the results of BM25 and its fusions by name."""
    logger.info("Ranking %d queries by BM25", len(task.queries))
    return {name: score_task(scorer, task) for name, scorer in scorers.items()}


def score_models(
    models: Mapping[str, SentenceTransformer], task: RetrievalTask, batch_size: int, progress: bool
) -> tuple[Results, dict[str, DenseScorer]]:
    """Returns the results of each model; the processes of a launcher share the encoding.

    Returns:
        Results and scores by model in the first process, nothing in the others.
    """
    results: Results = {}
    scorers: dict[str, DenseScorer] = {}
    for name, model in models.items():
        with distributed_evaluation(model) as first_process:
            if first_process:
                logger.info(
                    "Encoding %d queries and %d passages with %s",
                    len(task.queries),
                    len(task.corpus),
                    name,
                )
                scorers[name] = embed_task(model, task, batch_size, progress)
                results[name] = score_task(scorers[name], task)
    return results, scorers


def score_probe(
    models: Mapping[str, SentenceTransformer], probe: Probe | None, batch_size: int, progress: bool
) -> Results:
    """Returns the results of each model on the forgetting probe; empty without one."""
    if probe is None:
        return {}
    logger.info("Asking the forgetting probe: %d everyday queries", len(probe.task.queries))
    return score_models(models, probe.task, batch_size, progress)[0]


def time_models(models: Mapping[str, SentenceTransformer], task: RetrievalTask) -> SpeedReport:
    """Returns the speed of the models on the CPU, wherever they were before."""
    logger.info("Measuring the speed of %s on the CPU, in turns", " and ".join(models))
    devices = {name: model.device for name, model in models.items()}
    for model in models.values():
        model.to("cpu")
    report = measure_speed(models, task.queries, task.corpus)
    for name, model in models.items():
        model.to(devices[name])
    return report


def loads_and_encodes(folder: Path) -> bool:
    """Returns whether `SentenceTransformer(folder)` loads and encodes a text to a finite vector."""
    logger.info("Loading %s as its users do", folder.name)
    try:
        vector = SentenceTransformer(str(folder), device="cpu").encode_query("Does it load?")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        return False
    return vector.ndim == 1 and bool(np.isfinite(vector).all())


def all_results(
    model: str, base: str, found: Mapping[str, list[QueryResult]], lexical: Results
) -> Results:
    """Returns results in the order of a report: under test, base, other models, baselines."""
    order = dict.fromkeys([model, base, *found])
    return {name: found[name] for name in order} | lexical
