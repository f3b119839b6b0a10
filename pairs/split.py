"""Stratified train/validation/test split in which no passage and no query stands in two parts."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nic.errors import UserError
from pairs.loading import Pairs

logger = logging.getLogger(__name__)

SmallDomains = Literal["error", "train"]
# The parts as the log names them.
SHORT = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """Which rows of a file are trained on and which are held out.

    Attributes:
        train: Row numbers (0-based) that are trained on, ascending.
        validation: Row numbers that choose the checkpoint, ascending.
        seed: The seed that it was drawn with.
        test: Row numbers that nothing sees before the final evaluation, ascending; empty where
            none were asked for.
    """

    train: list[int]
    validation: list[int]
    seed: int
    test: list[int] = field(default_factory=list)

    @property
    def reported(self) -> list[int]:
        """Rows whose queries the report asks: the test part, or validation where there is none."""
        return self.test or self.validation

    def parts(self) -> dict[str, list[int]]:
        """The rows by the name of their part, without a test part that is empty."""
        parts = {"train": self.train, "validation": self.validation}
        return parts | ({"test": self.test} if self.test else {})


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
    pairs: Pairs,
    val_ratio: float,
    seed: int,
    small_domains: SmallDomains = "error",
    test_ratio: float = 0.0,
) -> Split:
    """Draw a split of a checked file over its connected units, each domain in its share.

    Arguments and errors as in `draw_split`.
    """
    units = connected_units(pairs.column("query"), pairs.column("positive"))
    domains = pairs.column("domain")
    return draw_split(units, domains, pairs.path, val_ratio, seed, small_domains, test_ratio)


def draw_split(
    units: np.ndarray,
    row_domains: Sequence[str],
    path: Path,
    val_ratio: float,
    seed: int,
    small_domains: SmallDomains = "error",
    test_ratio: float = 0.0,
) -> Split:
    """Draw a split over units that must not be parted, each domain in its share.

    A unit belongs to the domain that most of its rows name. The test part is drawn first, so that
    a run with another `val_ratio` keeps it.

    Args:
        units: `(rows,)` integers from 0 without a gap, as `connected_units` gives them.
        row_domains: Domain of each row.
        path: The file, for messages.
        val_ratio: Share of the units to hold out for validation, in (0, 1).
        seed: Seed of the draw.
        small_domains: What to do with a domain too small to stand in every part: "error" refuses,
            "train" puts the whole of it into training.
        test_ratio: Share of the units to hold out for the final evaluation; 0 for none.

    Raises:
        UserError: A domain is too small, or too few units are left to hold any out.
    """
    domains = _domain_of_units(units, row_domains)
    test = _hold_out(set(range(len(domains))), domains, test_ratio, seed, path)
    rest = set(range(len(domains))) - test
    validation = _hold_out(rest, domains, val_ratio / (1 - test_ratio), seed, path)
    held_out = [validation, test] if test_ratio else [validation]
    small = _not_in_every_part(domains, [rest - validation, *held_out])
    if small and small_domains == "error":
        every = "every part" if test_ratio else "both halves"
        flags = "--val-ratio or --test-ratio" if test_ratio else "--val-ratio"
        raise UserError(
            f"{path}: too few separate passages to stand in {every}: "
            f"{', '.join(sorted(small))}; add pairs about other passages, raise {flags}, or "
            "put these domains whole into training with --small-domains train"
        )
    parts = [[unit for unit in part if domains[unit] not in small] for part in (validation, test)]
    validation_rows, test_rows = (np.isin(units, part) for part in parts)
    return Split(
        np.flatnonzero(~(validation_rows | test_rows)).tolist(),
        np.flatnonzero(validation_rows).tolist(),
        seed,
        np.flatnonzero(test_rows).tolist(),
    )


def load_or_draw_split(
    pairs: Pairs,
    saved: str | Path | None,
    val_ratio: float,
    seed: int,
    small_domains: SmallDomains,
    test_ratio: float = 0.0,
) -> Split:
    """Use a saved split again, or draw a new one."""
    if saved:
        return load_split(saved, pairs)
    return split_by_passage(pairs, val_ratio, seed, small_domains, test_ratio)


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
    sizes = [counts[f"{name}_pairs"] for name in _part_names(counts)]
    short = SHORT[: len(sizes)]
    held_out = zip(sizes[1:], short[1:], strict=True)
    shares = [f"{100 * size / sum(sizes):.1f}% {name}" for size, name in held_out]
    names = "/".join(name.capitalize() for name in short)
    logger.info("%s split: %s (%s)", names, "/".join(map(str, sizes)), ", ".join(shares))
    for name, parts in counts["domains"].items():
        logger.info("  %-20s: %s", name, "/".join(map(str, parts.values())))
    logger.info(
        "Shared by %s: %d passages, %d queries; %s passages also occur as training negatives",
        "both halves" if len(sizes) == 2 else "the parts",
        counts["shared_passages"],
        counts["shared_queries"],
        " and ".join(
            f"{counts[f'{part}_positives_among_train_negatives']} of "
            f"{counts[f'{part}_passages']} {part}"
            for part in _part_names(counts)[1:]
        ),
    )
    if counts["shared_passages"] or counts["shared_queries"]:
        logger.warning("the given split leaks: what its parts share makes every figure too high")


def save_split(split: Split, pairs: Pairs, path: Path) -> None:
    """Write `split.json`: data_sha256, seed, and the 1-based line numbers that are held out.

    They stand in `validation_lines` and, where there is a test part, in `test_lines`.
    """
    content: dict[str, Any] = {"data_sha256": pairs.sha256, "seed": split.seed}
    for name, rows in split.parts().items():
        if name != "train":
            content[f"{name}_lines"] = [pairs.line_numbers[row] for row in rows]
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def load_split(path: str | Path, pairs: Pairs) -> Split:
    """Read a `split.json` and apply it to the file that it was drawn on.

    Raises:
        UserError: The file is missing or damaged, belongs to other data, or leaves a part empty.
    """
    content = _read_split_file(Path(path))
    if content["data_sha256"] != pairs.sha256:
        raise UserError(
            f"{path}: was drawn on another file than {pairs.path} (their SHA-256 differ); "
            "give the file it was drawn on, or draw a new split"
        )
    row_of_line = {line: row for row, line in enumerate(pairs.line_numbers)}
    validation_lines, test_lines = set(content["validation_lines"]), set(content["test_lines"])
    unknown = sorted((validation_lines | test_lines) - set(row_of_line))
    if unknown:
        raise UserError(f"{path}: line {unknown[0]} is no row of {pairs.path}")
    if both := sorted(validation_lines & test_lines):
        raise UserError(f"{path}: line {both[0]} stands in validation and in test")
    validation = sorted(row_of_line[line] for line in validation_lines)
    test = sorted(row_of_line[line] for line in test_lines)
    train = sorted(set(range(len(pairs.line_numbers))) - {*validation, *test})
    if not train or not validation:
        raise UserError(f"{path}: leaves one half empty")
    return Split(train, validation, content["seed"], test)


def describe_split(split: Split, pairs: Pairs) -> dict[str, Any]:
    """Counts that tell a reader what the split is worth.

    Returns:
        Pairs and passages of each part, the pairs by domain, the passages and queries that stand
        in more than one part (0 for a split of ours), and how many of a held-out part's positives
        also occur as training negatives.
    """
    queries, positives = pairs.column("query"), pairs.column("positive")
    negatives, domains = pairs.column("negative"), pairs.column("domain")
    parts = split.parts()
    of_part = {name: Counter(domains[row] for row in rows) for name, rows in parts.items()}
    passages = {name: {positives[row] for row in rows} for name, rows in parts.items()}
    train_negatives = {negatives[row] for row in split.train}
    return {
        **{f"{name}_pairs": len(rows) for name, rows in parts.items()},
        **{f"{name}_passages": len(texts) for name, texts in passages.items()},
        "shared_queries": _shared(queries, parts),
        "shared_passages": _shared(positives, parts),
        **{
            f"{name}_positives_among_train_negatives": len(texts & train_negatives)
            for name, texts in passages.items()
            if name != "train"
        },
        "domains": {
            domain: {name: counts[domain] for name, counts in of_part.items()}
            for domain in sorted(set(domains))
        },
    }


def _part_names(counts: dict[str, Any]) -> list[str]:
    return [name for name in ("train", "validation", "test") if f"{name}_pairs" in counts]


def _shared(column: Sequence[str], parts: dict[str, list[int]]) -> int:
    """Number of texts that stand in more than one part."""
    found = Counter(text for rows in parts.values() for text in {column[row] for row in rows})
    return sum(count > 1 for count in found.values())


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


def _not_in_every_part(domains: list[str], parts: Sequence[set[int]]) -> set[str]:
    found = [{domains[unit] for unit in part} for part in parts]
    return {name for name in set(domains) if not all(name in part for part in found)}


def _hold_out(units: set[int], domains: list[str], ratio: float, seed: int, path: Path) -> set[int]:
    """Draw a share of the units; a domain with a single one of them is left out of the draw."""
    if not ratio:
        return set()
    counts = Counter(domains[unit] for unit in units)
    drawn = [unit for unit in sorted(units) if counts[domains[unit]] > 1]
    return _draw(drawn, [domains[unit] for unit in drawn], ratio, seed, path)


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
    if isinstance(content, dict):
        content.setdefault("test_lines", [])
    wanted = {"data_sha256": str, "seed": int, "validation_lines": list, "test_lines": list}
    fits = isinstance(content, dict) and all(
        isinstance(content.get(key), kind) for key, kind in wanted.items()
    )
    lines = [*content["validation_lines"], *content["test_lines"]] if fits else [None]
    if not all(isinstance(line, int) for line in lines):
        raise UserError(f"{path}: needs the fields data_sha256, seed and validation_lines")
    return content
