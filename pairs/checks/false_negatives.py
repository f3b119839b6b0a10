"""False negatives: relevant passages that training would treat as irrelevant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import hypergeom

from pairs.checks.scan import Scan
from pairs.columns import read_pair_records, texts_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

ROWS_AT_A_TIME = 4096
LINES_NAMED = 20


@dataclass(frozen=True)
class InBatch:
    """Expected share of rows that have a false negative in their batch.

    Attributes:
        batch_size: Rows of a batch, drawn at random.
        same_positive: Share of rows that share the batch with a row of the same positive, in
            [0, 1]. The trainer's no_duplicates sampler prevents this.
        near_positive: Share of rows that share the batch with a row of a near-duplicate positive,
            in [0, 1]. No sampler prevents this.
    """

    batch_size: int
    same_positive: float
    near_positive: float


@dataclass(frozen=True)
class Suspects:
    """Rows with a negative that a model ranks above their positive.

    Attributes:
        model: The model's name.
        margin: Difference in the model's similarity from which on a row counts.
        rows: Number of such rows.
        lines: 1-based lines of the twenty rows with the largest difference, largest first.
    """

    model: str
    margin: float
    rows: int
    lines: list[int]


def in_batch(scan: Scan, batch_size: int) -> InBatch:
    """Returns the expected false negatives of a batch drawn from the file without replacement."""
    groups = scan.passages.groups[scan.positives]
    same = np.bincount(scan.positives)[scan.positives] - 1
    near = np.bincount(groups)[groups] - 1 - same
    return InBatch(
        batch_size, share_with_a_mate(same, batch_size), share_with_a_mate(near, batch_size)
    )


def share_with_a_mate(others: np.ndarray, batch_size: int) -> float:
    """Returns the mean probability that a row's batch holds one of its `others` (hypergeometric).

    Args:
        others: `(rows,)` number of other rows of the file that count for each row.
        batch_size: Rows of a batch; at most the whole file is drawn.
    """
    rows = len(others)
    drawn = min(batch_size, rows) - 1
    different, position = np.unique(others, return_inverse=True)
    return float(hypergeom.sf(0, rows - 1, different, drawn)[position].mean())


def find_suspects(
    scan: Scan, model: SentenceTransformer, name: str, margin: float, batch_size: int
) -> Suspects:
    """Finds rows with a negative that a model ranks above the positive; reads the file once more.

    Args:
        scan: The file.
        model: Encodes the texts.
        name: The model's name for the report.
        margin: Similarity, as the model compares, by which a negative is above the positive.
        batch_size: Texts per forward pass.
    """
    excess = np.concatenate([_excess(model, block, batch_size) for block in _text_blocks(scan)])
    suspicious = np.flatnonzero(excess > margin)
    worst = suspicious[np.argsort(-excess[suspicious], kind="stable")][:LINES_NAMED]
    return Suspects(name, margin, len(suspicious), [int(line) for line in scan.lines[worst]])


def _excess(
    model: SentenceTransformer, rows: list[tuple[str, str, list[str]]], batch_size: int
) -> np.ndarray:
    """Returns `(rows,)` similarity of query and nearest negative minus that of the positive.

    It is minus infinity in rows without a negative.
    """

    def embed(encode: Callable[..., np.ndarray], *columns: Sequence[str]) -> list[np.ndarray]:
        texts = list(dict.fromkeys(text for column in columns for text in column))
        vectors = encode(texts, batch_size=batch_size, show_progress_bar=False)
        number = {text: n for n, text in enumerate(texts)}
        return [vectors[[number[text] for text in column]] for column in columns]

    found = np.full(len(rows), -np.inf)
    with_negatives = [number for number, (_, _, negatives) in enumerate(rows) if negatives]
    if not with_negatives:
        return found
    chosen = [rows[number] for number in with_negatives]
    queries, positives, negatives = zip(*chosen, strict=True)
    counts = np.array([len(of_row) for of_row in negatives])
    row = np.repeat(np.arange(len(chosen)), counts)
    (query,) = embed(model.encode_query, queries)
    positive, negative = embed(model.encode_document, positives, list(chain(*negatives)))
    similarity = model.similarity_pairwise
    excess = np.asarray(similarity(query[row], negative) - similarity(query, positive)[row])
    found[with_negatives] = np.maximum.reduceat(excess, np.cumsum(counts) - counts)
    return found


def _text_blocks(scan: Scan) -> Iterator[list[tuple[str, str, list[str]]]]:
    block: list[tuple[str, str, list[str]]] = []
    for _, row, problem, _ in read_pair_records(scan.files):
        if problem:
            continue
        block.append(texts_of(row))
        if len(block) == ROWS_AT_A_TIME:
            yield block
            block = []
    if block:
        yield block
