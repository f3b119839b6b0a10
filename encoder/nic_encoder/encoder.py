"""`OnnxEncoder`: texts to embeddings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from nic_encoder.cache import find_folder
from nic_encoder.config import ModelConfig, read_config
from nic_encoder.errors import EncoderError
from nic_encoder.pooling import pool
from nic_encoder.sessions import default_threads, open_session

TOKENIZER = "tokenizer.json"
TOKENIZED_AT_A_TIME = 1024
SHORTEST = 1e-12
Embeddings = NDArray[np.float32]


class OnnxEncoder:
    """A sentence-embedding model in onnxruntime or OpenVINO, on the CPU.

    Args:
        folder_or_repo: The model's folder, or its repository's name in the Hub's cache.
        revision: Branch, tag or commit of a repository.
        variant: "int8", small and fast for single queries; "fp32", equal to the torch model up to
            rounding; or "bf16", the fp32 file in OpenVINO (the extra `openvino`), fast for many
            passages on processors with AVX512-BF16 or AMX, and in fp32 on others.
        cache: The Hub's cache; None takes HF_HUB_CACHE, HF_HOME/hub, or the usual place.
        threads: Threads that one call works with; None takes OMP_NUM_THREADS, as torch does, or
            else one for each core.

    Attributes:
        folder: Where the model was read from.
        config: Its steps.
        dimension: Length of an embedding.
        precision: What products are computed in: "int8", "fp32" or "bf16".

    Raises:
        EncoderError: The model is not there, not whole, or has steps that this encoder has not.
    """

    def __init__(
        self,
        folder_or_repo: str | Path,
        revision: str = "main",
        variant: str = "int8",
        cache: str | Path | None = None,
        threads: int | None = None,
    ) -> None:
        self.folder = find_folder(folder_or_repo, revision, cache)
        self.config = read_config(self.folder)
        self._tokenizer, self._pad_id = _load_tokenizer(self.folder / TOKENIZER, self.config)
        threads = default_threads() if threads is None else threads
        self._session = open_session(self.folder, variant, threads)
        self.precision = self._session.precision
        self._chunk_tokens = self._session.chunk_tokens * (threads or _available_cores())
        self._width = _embedding_width(self.config, self._session.width)
        self.dimension = min(self._width, self.config.truncate_dim or self._width)

    def encode_query(
        self, texts: str | Sequence[str], batch_size: int = 32, normalize: bool | None = None
    ) -> Embeddings:
        """Encode queries, with the prompt and the layers that are theirs; otherwise as `encode`."""
        if isinstance(texts, str):
            return self.encode_query([texts], batch_size, normalize)[0]
        embeddings = self._encode(texts, batch_size, self.config.query_prompt)
        for dense in self.config.query_dense:
            embeddings = dense(embeddings)
        if self.config.query_normalize:
            embeddings = _unit_length(embeddings)
        adapted = bool(self.config.query_dense)
        is_unit_length = self.config.query_normalize if adapted else self.config.normalize
        return self._finish(embeddings, normalize, is_unit_length)

    def encode_document(
        self, texts: str | Sequence[str], batch_size: int = 32, normalize: bool | None = None
    ) -> Embeddings:
        """Encode passages, with the model's prompt for them; otherwise as `encode`."""
        return self.encode(texts, batch_size, normalize, self.config.document_prompt)

    def similarity(self, ones: Embeddings, others: Embeddings) -> Embeddings:
        """Compare embeddings as the model does; a distance has a negative sign.

        Args:
            ones: `(n, dim)` embeddings.
            others: `(m, dim)` embeddings.

        Returns:
            `(n, m)` similarities; the higher, the nearer.
        """
        kind = self.config.similarity
        if kind == "cosine":
            return _unit_length(ones) @ _unit_length(others).T
        if kind == "dot":
            return ones @ others.T
        order = 2 if kind == "euclidean" else 1
        distances = [np.linalg.norm(others - one, ord=order, axis=1) for one in ones]
        return -np.asarray(distances, dtype=np.float32).reshape(len(ones), len(others))

    def encode(
        self,
        texts: str | Sequence[str],
        batch_size: int = 32,
        normalize: bool | None = None,
        prompt: str | None = None,
    ) -> Embeddings:
        """Encode texts; longer ones than `config.max_seq_length` are cut.

        Use `encode_query` and `encode_document` for retrieval.

        Args:
            texts: Texts, or one text.
            batch_size: Texts encoded at a time, at most; fewer where they are long.
            normalize: Bring each embedding to unit length, whether or not the model itself does;
                None does it where the model compares by cosine.
            prompt: What to put before each text; None takes the model's default prompt.

        Returns:
            `(n, dim)` embeddings in the order of `texts`, or `(dim,)` for one text.

        Raises:
            TypeError: Something is no string.
            EncoderError: The batch size is below 1, or a text is no valid Unicode.
        """
        if isinstance(texts, str):
            return self.encode([texts], batch_size, normalize, prompt)[0]
        prompt = self.config.default_prompt if prompt is None else prompt
        embeddings = self._encode(texts, batch_size, prompt)
        return self._finish(embeddings, normalize, self.config.normalize)

    def _encode(self, texts: Sequence[str], batch_size: int, prompt: str) -> Embeddings:
        """Embed texts with a prompt, all numbers of an embedding."""
        if batch_size < 1:
            raise EncoderError(f"batch_size {batch_size}: must be 1 or more")
        checked = [prompt + text for text in _check_texts(texts)]
        skipped = 0 if self.config.include_prompt else self._prompt_length(prompt)
        embeddings = np.empty((len(checked), self._width), dtype=np.float32)
        order = sorted(range(len(checked)), key=lambda n: -len(checked[n]))
        for start in range(0, len(order), TOKENIZED_AT_A_TIME):
            some = order[start : start + TOKENIZED_AT_A_TIME]
            encodings = self._tokenizer.encode_batch([checked[n] for n in some])
            lengths = [len(encoding) for encoding in encodings]
            for chunk in _chunks(lengths, batch_size, self._chunk_tokens):
                rows = [some[place] for place in chunk]
                embeddings[rows] = self._encode_chunk([encodings[n] for n in chunk], skipped)
        return embeddings

    def _finish(
        self, embeddings: Embeddings, normalize: bool | None, is_unit_length: bool
    ) -> Embeddings:
        """Cut embeddings to the numbers that are kept, and bring them to unit length if asked."""
        if normalize is None:
            normalize = self.config.similarity == "cosine"
        cut = embeddings[:, : self.config.truncate_dim]
        keeps_length = is_unit_length and not self.config.truncate_dim
        return _unit_length(cut) if normalize and not keeps_length else cut

    def _prompt_length(self, prompt: str) -> int:
        """Tokens of a prompt, with the special ones before it and without the one after it."""
        if not prompt:
            return 0
        encoding = self._tokenizer.encode(prompt)
        return len(encoding.ids) - encoding.special_tokens_mask[-1]

    def _encode_chunk(self, encodings: list[Encoding], skipped: int) -> Embeddings:
        """Embed a chunk; the first `skipped` tokens of each text do not count in the pooling."""
        features = {
            "input_ids": _pad([e.ids for e in encodings], self._pad_id),
            "attention_mask": _pad([e.attention_mask for e in encodings]),
            "token_type_ids": _pad([e.type_ids for e in encodings]),
        }
        feed = {name: features[name] for name in self._session.inputs}
        vectors = self._session.run(feed)
        mask = features["attention_mask"]
        mask[:, :skipped] = 0
        embeddings = pool(vectors, mask, self.config.pooling)
        for dense in self.config.dense:
            embeddings = dense(embeddings)
        if self.config.normalize:
            embeddings = _unit_length(embeddings)
        return embeddings


def _chunks(lengths: Sequence[int], texts: int, tokens: int) -> Iterator[list[int]]:
    """Yield the places of texts, the longest first, in chunks.

    Args:
        lengths: Tokens of each text.
        texts: Most texts of a chunk.
        tokens: Most tokens of a chunk, with its padding; a longer text is a chunk by itself.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    start = 0
    while start < len(order):
        fitting = tokens // max(lengths[order[start]], 1)
        size = max(1, min(texts, fitting))
        yield order[start : start + size]
        start += size


def _pad(rows: Sequence[Sequence[int]], value: int = 0) -> NDArray[np.int64]:
    """Fill up rows at their end to the length of the longest."""
    padded = np.full((len(rows), max(map(len, rows))), value, dtype=np.int64)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded


def _available_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _embedding_width(config: ModelConfig, width: int) -> int:
    """Length of an embedding before it is cut, of an encoder whose token vectors have a width."""
    return len(config.dense[-1].bias) if config.dense else width * len(config.pooling)


def _unit_length(vectors: Embeddings) -> Embeddings:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, SHORTEST), dtype=np.float32)


def _check_texts(texts: Iterable[Any]) -> list[str]:
    if isinstance(texts, (bytes, dict)) or not isinstance(texts, Iterable):
        raise TypeError(f"texts must be a string or strings, not {type(texts).__name__}")
    checked = list(texts)
    for number, text in enumerate(checked):
        if not isinstance(text, str):
            raise TypeError(f"text {number} must be a string, not {type(text).__name__}")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise EncoderError(f"text {number} is no valid Unicode: {error.reason}") from error
    return checked


def _load_tokenizer(path: Path, config: ModelConfig) -> tuple[Tokenizer, int]:
    """The tokenizer, and the id that fills up short texts."""
    if not path.is_file():
        raise EncoderError(f"{path}: missing; the model is not whole")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises Exception itself
        raise EncoderError(f"{path}: damaged ({error})") from error
    pad_id = tokenizer.token_to_id(config.pad_token)
    if pad_id is None:
        raise EncoderError(f'{path}: holds no token "{config.pad_token}" to fill up with')
    # A file may fix both at other lengths: MiniLM's own cuts at 128 tokens and fills up to 128.
    tokenizer.enable_truncation(config.max_seq_length, direction=config.truncation_side)
    tokenizer.no_padding()
    return tokenizer, pad_id
