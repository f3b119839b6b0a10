"""Stratified train/validation split in which no passage and no query stands in both halves."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from training.errors import UserError
from training.pairs import Pairs

logger = logging.getLogger(__name__)

SmallDomains = Literal["error", "train"]


@dataclass(frozen=True)
class Split:
    """Which rows of a file are trained on and which are held out.

    Attributes:
        train: Row numbers (0-based) of the training half, ascending.
        validation: Row numbers of the validation half, ascending.
        seed: The seed that it was drawn with.
    """

    train: list[int]
    validation: list[int]
    seed: int


def connected_units(queries: Sequence[Any], positives: Sequence[Any]) -> np.ndarray:
    """Number the connected components of the query-positive graph.

    Rows that share a query or a positive, directly or over other rows, belong to one unit.

    Args:
        queries: Query of each row, its text or any number that stands for it.
        positives: Positive of each row, likewise.

    Returns:
        `(rows,)` integers: the unit of each row, numbered in the order of first appearance.
    """
    query_ids = _number(queries)
    positive_ids = _number(positives)
    offset = int(query_ids.max()) + 1
    nodes = offset + int(positive_ids.max()) + 1
    edges = (np.ones(len(query_ids), dtype=bool), (query_ids, positive_ids + offset))
    graph = coo_matrix(edges, shape=(nodes, nodes))
    labels = connected_components(graph, directed=False)[1][query_ids]
    return _number(labels.tolist())


def split_by_passage(
    pairs: Pairs, val_ratio: float, seed: int, small_domains: SmallDomains = "error"
) -> Split:
    """Draw a split of a checked file over its connected units, each domain in its share.

    Arguments and errors as in `draw_split`.
    """
    units = connected_units(pairs.column("query"), pairs.column("positive"))
    return draw_split(units, pairs.column("domain"), pairs.path, val_ratio, seed, small_domains)


def draw_split(
    units: np.ndarray,
    row_domains: Sequence[str],
    path: Path,
    val_ratio: float,
    seed: int,
    small_domains: SmallDomains = "error",
) -> Split:
    """Draw a split over units that must not be parted, each domain in its share.

    A unit belongs to the domain that most of its rows name.

    Args:
        units: `(rows,)` integers from 0 without a gap, as `connected_units` gives them.
        row_domains: Domain of each row.
        path: The file, for messages.
        val_ratio: Share of the units to hold out, in (0, 1).
        seed: Seed of the draw.
        small_domains: What to do with a domain too small to stand in both halves: "error" refuses,
            "train" puts the whole of it into training.

    Raises:
        UserError: A domain is too small, or too few units are left to hold any out.
    """
    domains = _domain_of_units(units, row_domains)
    single = {name for name, count in Counter(domains).items() if count < 2}
    drawn = [unit for unit, domain in enumerate(domains) if domain not in single]
    held_out = _draw(drawn, [domains[unit] for unit in drawn], val_ratio, seed, path)
    small = single | _in_one_half_only(domains, held_out)
    if small and small_domains == "error":
        raise UserError(
            f"{path}: too few separate passages to stand in both halves: "
            f"{', '.join(sorted(small))}; add pairs about other passages, raise --val-ratio, or "
            "put these domains whole into training with --small-domains train"
        )
    held_out = {unit for unit in held_out if domains[unit] not in small}
    in_validation = np.isin(units, list(held_out))
    return Split(
        np.flatnonzero(~in_validation).tolist(), np.flatnonzero(in_validation).tolist(), seed
    )


def load_or_draw_split(
    pairs: Pairs,
    saved: str | Path | None,
    val_ratio: float,
    seed: int,
    small_domains: SmallDomains,
) -> Split:
    """Use a saved split again, or draw a new one."""
    if saved:
        return load_split(saved, pairs)
    return split_by_passage(pairs, val_ratio, seed, small_domains)


def check_fills_a_batch(rows: int, batch_size: int) -> None:
    """Refuse a training half of which no batch can be made, since incomplete ones are dropped.

    Raises:
        UserError: The rows are fewer than a batch.
    """
    if rows < batch_size:
        raise UserError(
            f"{rows} training pairs do not fill one batch of {batch_size}, and incomplete batches "
            "are dropped; use a smaller --batch-size or more pairs"
        )


def log_split(counts: dict[str, Any]) -> None:
    """Write the runbook's line, then what the split keeps apart and what it does not."""
    train, validation = counts["train_pairs"], counts["validation_pairs"]
    share = 100 * validation / (train + validation)
    logger.info("Train/Val split: %d/%d (%.1f%% val)", train, validation, share)
    for name, halves in counts["domains"].items():
        logger.info("  %-20s: %d/%d", name, halves["train"], halves["validation"])
    logger.info(
        "Shared by both halves: %d passages, %d queries; %d of %d validation passages also occur "
        "as training negatives",
        counts["shared_passages"],
        counts["shared_queries"],
        counts["validation_positives_among_train_negatives"],
        counts["validation_passages"],
    )
    if counts["shared_passages"] or counts["shared_queries"]:
        logger.warning("the given split leaks: what both halves share makes every figure too high")


def save_split(split: Split, pairs: Pairs, path: Path) -> None:
    """Write `split.json`: data_sha256, seed, validation_lines (1-based line numbers)."""
    content = {
        "data_sha256": pairs.sha256,
        "seed": split.seed,
        "validation_lines": [pairs.line_numbers[row] for row in split.validation],
    }
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def load_split(path: str | Path, pairs: Pairs) -> Split:
    """Read a `split.json` and apply it to the file that it was drawn on.

    Raises:
        UserError: The file is missing or damaged, belongs to other data, or leaves a half empty.
    """
    content = _read_split_file(Path(path))
    if content["data_sha256"] != pairs.sha256:
        raise UserError(
            f"{path}: was drawn on another file than {pairs.path} (their SHA-256 differ); "
            "give the file it was drawn on, or draw a new split"
        )
    row_of_line = {line: row for row, line in enumerate(pairs.line_numbers)}
    lines = set(content["validation_lines"])
    unknown = sorted(lines - set(row_of_line))
    if unknown:
        raise UserError(f"{path}: line {unknown[0]} is no row of {pairs.path}")
    validation = sorted(row_of_line[line] for line in lines)
    train = sorted(set(range(len(pairs.line_numbers))) - set(validation))
    if not train or not validation:
        raise UserError(f"{path}: leaves one half empty")
    return Split(train, validation, content["seed"])


def describe_split(split: Split, pairs: Pairs) -> dict[str, Any]:
    """Counts that tell a reader what the split is worth.

    Returns:
        train and validation pairs, the same by domain, the shared passages and queries (0 for a
        split of ours), and how many validation positives also occur as training negatives.
    """
    queries, positives = pairs.column("query"), pairs.column("positive")
    negatives, domains = pairs.column("negative"), pairs.column("domain")

    def both(column: list[str]) -> int:
        return len({column[i] for i in split.train} & {column[i] for i in split.validation})

    validation_positives = {positives[i] for i in split.validation}
    train_counts = Counter(domains[i] for i in split.train)
    validation_counts = Counter(domains[i] for i in split.validation)
    return {
        "train_pairs": len(split.train),
        "validation_pairs": len(split.validation),
        "train_passages": len({positives[i] for i in split.train}),
        "validation_passages": len(validation_positives),
        "shared_queries": both(queries),
        "shared_passages": both(positives),
        "validation_positives_among_train_negatives": len(
            validation_positives & {negatives[i] for i in split.train}
        ),
        "domains": {
            name: {"train": train_counts[name], "validation": validation_counts[name]}
            for name in sorted(set(domains))
        },
    }


def _number(values: Sequence[Any]) -> np.ndarray:
    """Number equal values alike, in the order of first appearance."""
    numbers: dict[Any, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values])


def _domain_of_units(units: np.ndarray, domains: Sequence[str]) -> list[str]:
    """The most frequent domain of each unit; of equally frequent ones the first by name."""
    names = sorted(set(domains))
    number = {name: n for n, name in enumerate(names)}
    cells = units * len(names) + np.array([number[domain] for domain in domains])
    cells, counts = np.unique(cells, return_counts=True)
    unit, domain = np.divmod(cells, len(names))
    order = np.lexsort((domain, -counts, unit))
    first = np.unique(unit[order], return_index=True)[1]
    return [names[n] for n in domain[order][first]]


def _in_one_half_only(domains: list[str], held_out: set[int]) -> set[str]:
    validation = {domains[unit] for unit in held_out}
    train = {domain for unit, domain in enumerate(domains) if unit not in held_out}
    return validation ^ train


def _draw(units: list[int], domains: list[str], ratio: float, seed: int, path: Path) -> set[int]:
    """Hold out a share of the units by `Dataset.train_test_split`, stratified by domain."""
    names = sorted(set(domains))
    held_out = min(max(round(len(units) * ratio), len(names)), len(units) - len(names))
    if not names or held_out < len(names):
        raise UserError(f"{path}: too few separate passages to hold any out; add more pairs")
    features = Features({"unit": Value("int64"), "domain": ClassLabel(names=names)})
    table = Dataset.from_dict({"unit": units, "domain": domains}, features=features)
    halves = table.train_test_split(test_size=held_out, stratify_by_column="domain", seed=seed)
    return set(halves["test"]["unit"])


def _read_split_file(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); --split needs it") from error
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON; --split needs a split.json") from error
    wanted = {"data_sha256": str, "seed": int, "validation_lines": list}
    fits = isinstance(content, dict) and all(
        isinstance(content.get(key), kind) for key, kind in wanted.items()
    )
    if not fits or not all(isinstance(line, int) for line in content["validation_lines"]):
        raise UserError(f"{path}: needs the fields data_sha256, seed and validation_lines")
    return content
