"""The order of an advice: train the query adapter, measure every way, compare, write."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from evaluation.advice import Advice, advise
from evaluation.arguments import EvaluationArguments
from evaluation.collect import load_models
from evaluation.comparison import Group, compare_with_each
from evaluation.report.sentences import describe_advice, show_estimate
from evaluation.report.tables import align
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS
from evaluation.serialization import JsonObject, to_json
from evaluation.summary import SEED
from nic.encoding import set_prompts
from nic.errors import Interrupted, UserError
from nic.files import atomic_write_text
from nic.logs import log_lines, open_run_log
from nic.model_files import SPLIT
from nic.signals import name_of, signal_of
from pairs.loading import Pairs, load_pairs
from pairs.split_file import load_split, read_as_split
from training.advice.arguments import ADAPTER, AdviceArguments
from training.advice.labels import choose_passages, write_passages
from training.advice.ways import Ways, measure_ways
from training.command.parser import parse_arguments
from training.pipeline import fine_tune

logger = logging.getLogger(__name__)

ADVICE, LABELS = "advice.json", "label_next.jsonl"
OWN = {ADVICE, LABELS, ADAPTER, f"{ADAPTER}-evaluation"}
NO_TEST = (
    "The split of {} has no test part: these queries chose its checkpoint, and the weights too; "
    "all of it is optimistically biased."
)


def give_advice(arguments: AdviceArguments) -> Advice | None:
    """Compares the ways to search, logs a table, and writes advice and passages to label.

    The output folder holds `advice.json` (figures, no text), `label_next.jsonl` (passages), and
    the query adapter as a model.

    Args:
        arguments: What to compare.

    Returns:
        The advice; None in all processes of a launcher but the first.

    Raises:
        UserError: The data, a model or the output folder do not fit.
        Interrupted: A signal stopped it.
    """
    try:
        return _give_advice(arguments)
    except (KeyboardInterrupt, Interrupted) as error:
        number = signal_of(error)
        message = f"stopped by {name_of(number)}; start anew with the same command and --force"
        raise Interrupted(message, number) from error


def _give_advice(arguments: AdviceArguments) -> Advice | None:
    folder = Path(arguments.output_dir)
    check_advice_folder(folder, arguments.force)
    refuse_trained_queries(arguments)
    run, training = parse_arguments(arguments.adapter_flags())
    if fine_tune(run, training) is None:
        return None
    with open_run_log(main_process=True):
        drawn = folder / ADAPTER / SPLIT
        pairs = load_pairs(read_as_split(drawn, arguments.source))
        split = load_split(drawn, pairs)
        names, models = load_models(
            EvaluationArguments(
                model=[str(folder / ADAPTER), *arguments.model],
                base=arguments.base_model,
                base_revision=arguments.base_revision,
                pooling=arguments.pooling,
                device=arguments.device,
            )
        )
        set_prompts(models[names.base], arguments.query_prompt, arguments.document_prompt)
        ways = measure_ways(models, names.base, pairs, split, arguments.language)
        logger.info("Comparing %d ways to search", len(ways.needs))
        with_each = compare_with_each(ways.results, SEED)
        advice = advise(with_each, ways.needs)
        assert advice is not None
        group = with_each[names.base]
        log_lines(logger, describe(advice, ways, group))
        if not split.test:
            logger.warning(NO_TEST, arguments.model[0])
        passages = choose_passages(ways.all_task, ways.all_queries, arguments.label)
        write_passages(passages, folder / LABELS)
        content = advice_content(advice, ways, group, pairs, "test" if split.test else "validation")
        atomic_write_text(folder / ADVICE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        uncovered = sum(not one.queries for one in passages)
        logger.info(
            "%s: %d passages to write queries for next, %d of them without any; it quotes the data",
            (folder / LABELS).as_posix(),
            len(passages),
            uncovered,
        )
        logger.info("Advice written to %s", (folder / ADVICE).as_posix())
    return advice


def refuse_trained_queries(arguments: AdviceArguments) -> None:
    """Refuses a further model that was trained on queries of the first one's split.

    Raises:
        UserError: It was, or it holds no split of this file.
    """
    if len(arguments.model) < 2:
        return
    first_split = Path(arguments.model[0]) / SPLIT
    pairs = load_pairs(read_as_split(first_split, arguments.source))
    first, *others = (load_split(Path(folder) / SPLIT, pairs) for folder in arguments.model)
    asked = {*first.reported, *first.validation}
    for folder, split in zip(arguments.model[1:], others, strict=True):
        if seen := asked & set(split.train):
            raise UserError(
                f"--model {folder}: was trained on {len(seen)} of the {len(asked)} rows that "
                f"compare and choose here, those of {arguments.model[0]}; train it with --split "
                f"{Path(arguments.model[0]) / SPLIT}, or compare it alone"
            )


def check_advice_folder(folder: Path, force: bool) -> None:
    """Refuses an output folder that holds something else, or an advice without `force`.

    Raises:
        UserError: It says which file is in the way.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; give another --output-dir")
    if not folder.is_dir():
        return
    if foreign := sorted(path.name for path in folder.iterdir() if path.name not in OWN):
        raise UserError(f"{folder}: holds {foreign[0]}, which no advice wrote; give another folder")
    if any(folder.iterdir()) and not force:
        raise UserError(
            f"{folder}: holds an advice, or a part of one; replace it with --force, or give another"
        )


def describe(advice: Advice, ways: Ways, group: Group) -> str:
    """Returns the table of the ways, the cheapest first, and the advice in a sentence."""
    titles = [metric.title for metric in CHECKPOINT_METRICS]
    rows = [["", "needs", "BM25's weight", *titles, "significantly better, and dearer"]]
    for way in advice.ways:
        estimates = group.estimates[way.name]
        weight = ways.weights.get(way.name)
        rows.append(
            [
                way.name,
                way.needs,
                "" if weight is None else f"{weight:g}",
                *[show_estimate(estimates[metric.key]) for metric in CHECKPOINT_METRICS],
                ", ".join(way.beaten_by) or "none",
            ]
        )
    asked = f"{group.queries} queries in {group.clusters} independent groups"
    table = align(rows, "lll" + "l" * len(titles) + "l")
    title = f"Ways to search, the cheapest first; {asked}"
    return "\n".join([title, *table, "", describe_advice(advice)])


def advice_content(advice: Advice, ways: Ways, group: Group, pairs: Pairs, part: str) -> JsonObject:
    """Returns the content of `advice.json`: figures and names, no text of the data."""
    return {
        "data": {"file": pairs.path.name, "sha256": pairs.sha256},
        "part": part,
        "queries": group.queries,
        "groups": group.clusters,
        "bm25_weights": ways.weights,
        "estimates": to_json(group)["estimates"],
        **to_json(advice),
    }
