"""Texts as numbers: equal texts have one number, so that rows are compared without their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pairs.words import comparable


@dataclass(frozen=True)
class TextNumbers:
    """The texts of rows as numbers, from 0 in the order of first appearance.

    Attributes:
        queries: `(rows,)` number of each query.
        positives: `(rows,)` number of each positive among the passages.
        negatives: `(negative columns, rows)` number of each negative among the passages; -1 where
            a row has none.
        passages: Number of different passages.
    """

    queries: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray
    passages: int


def number_texts(
    queries: pa.ChunkedArray, positives: pa.ChunkedArray, negatives: Sequence[pa.ChunkedArray]
) -> TextNumbers:
    """Numbers texts; those that are equal in their comparable form have one number."""
    (of_queries,), _ = _numbers([queries])
    (of_positives, *of_negatives), passages = _numbers([positives, *negatives])
    rows = np.array(of_negatives, np.int64).reshape(len(negatives), len(positives))
    return TextNumbers(of_queries, of_positives, rows, passages)


def different(numbers: np.ndarray) -> np.ndarray:
    """Returns the different ones of numbers from 0 on, ascending, without sorting them."""
    return np.flatnonzero(np.bincount(numbers))


def shared_texts(column: pa.ChunkedArray) -> list[str]:
    """Returns the values of a column; equal ones are one object in memory."""
    encoded = column.dictionary_encode()
    texts = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    texts.append(None)
    numbers = (_indices(chunk).tolist() for chunk in encoded.chunks)
    return [texts[number] for chunk in numbers for number in chunk]


def _numbers(columns: Sequence[pa.ChunkedArray]) -> tuple[list[np.ndarray], int]:
    """Returns the numbers of the texts of each column, and how many different texts there are."""
    chunks = [_comparable(chunk) for column in columns for chunk in column.chunks]
    encoded = pa.chunked_array(chunks, pa.string()).dictionary_encode()
    numbers = np.concatenate([np.empty(0, np.int64), *map(_indices, encoded.chunks)])
    different = len(encoded.chunk(0).dictionary) if encoded.num_chunks else 0
    return np.split(numbers, np.cumsum([len(column) for column in columns[:-1]])), different


def _comparable(texts: pa.StringArray) -> pa.StringArray:
    """Returns the comparable form of texts that have no white space around them."""
    if pc.all(pc.string_is_ascii(texts)).as_py() is not False:
        return texts
    return pa.array([text and comparable(text) for text in texts.to_pylist()], pa.string())


def _indices(chunk: pa.DictionaryArray) -> np.ndarray:
    """Returns the place of each value in the dictionary; -1 for none."""
    return chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
