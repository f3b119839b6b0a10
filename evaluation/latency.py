"""Latency and throughput of models on this machine, in turns so that noise hits all alike."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from nic.chunked_model import ChunkedSentenceTransformer
from nic.encoding import DOCUMENT, QUERY

WARM_UP = 20
RUNS = 200
BATCHES = (1, 8, 32, 128)
TEXTS_A_BATCH_SIZE = 64
CORPUS_TEXTS = 128
CORPUS_BATCH = 64
Clock = Callable[[], float]


@dataclass(frozen=True)
class Latency:
    """Wall time of encoding one query, in milliseconds."""

    median: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Throughput:
    """Texts and tokens per second.

    Attributes:
        batch: Texts encoded at a time.
        texts: Number of texts that were encoded.
        sentences_per_second: Texts per second of wall time.
        tokens_per_second: Tokens per second, with the prompt, padding not counted.
    """

    batch: int
    texts: int
    sentences_per_second: float
    tokens_per_second: float


@dataclass(frozen=True)
class Speed:
    """Speed of one model.

    Attributes:
        latency: Of one query at a time.
        queries: Throughput of queries by batch size.
        corpus: Throughput of passages.
    """

    latency: Latency
    queries: list[Throughput]
    corpus: Throughput


@dataclass(frozen=True)
class Machine:
    """The machine that speeds were measured on.

    Attributes:
        processor: Name of the processor.
        cores: Number of its logical cores, None where the system does not tell.
        threads: Threads that PyTorch used.
        device: Device that the models were on.
        load_average_before: Load average before the measurement, None where the system has none.
        load_average_after: The same after it.
    """

    processor: str
    cores: int | None
    threads: int
    device: str
    load_average_before: float | None
    load_average_after: float | None


@dataclass(frozen=True)
class SpeedReport:
    """Speeds of several models, and the machine they were measured on.

    Attributes:
        models: By name.
        runs: Timed runs of one query for each model.
        machine: The machine.
    """

    models: dict[str, Speed]
    runs: int
    machine: Machine


def measure_speed(
    models: Mapping[str, SentenceTransformer],
    queries: Sequence[str],
    passages: Sequence[str],
    runs: int = RUNS,
    clock: Clock = time.perf_counter,
) -> SpeedReport:
    """Times each model: one query at a time, queries in batches, passages.

    The models take turns (A B, B A, A B), each with the same text, and a warm-up is not counted.

    Args:
        models: The models by name, on the device to measure.
        queries: Queries; `runs` of them are spread over all lengths.
        passages: Passages; at most 128 are encoded.
        runs: Timed runs of one query for each model.
        clock: Gives seconds.
    """
    with _as_the_library_runs(models):
        return _measure_speed(models, queries, passages, runs, clock)


def _measure_speed(
    models: Mapping[str, SentenceTransformer],
    queries: Sequence[str],
    passages: Sequence[str],
    runs: int,
    clock: Clock,
) -> SpeedReport:
    before = load_average()
    latencies = time_single_queries(models, spread_by_length(queries, runs), clock)
    speeds = {}
    by_batch = [
        time_batches(models, spread_by_length(queries, max(size, TEXTS_A_BATCH_SIZE)), size, clock)
        for size in BATCHES
    ]
    sample = spread_by_length(passages, min(CORPUS_TEXTS, len(passages)))
    corpus = time_batches(models, sample, CORPUS_BATCH, clock, DOCUMENT)
    for name in models:
        throughputs = [of_model[name] for of_model in by_batch]
        speeds[name] = Speed(latencies[name], throughputs, corpus[name])
    device = str(next(iter(models.values())).device)
    return SpeedReport(speeds, runs, describe_machine(device, before))


def spread_by_length(texts: Sequence[str], count: int) -> list[str]:
    """Returns texts at even distances from the shortest to the longest, repeated if too few."""
    ordered = sorted(texts, key=lambda text: (len(text), text))
    if len(ordered) <= count:
        return list(islice(cycle(ordered), count))
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int)
    return [ordered[place] for place in places]


def time_single_queries(
    models: Mapping[str, SentenceTransformer], queries: Sequence[str], clock: Clock
) -> dict[str, Latency]:
    """Times the encoding of each query by itself, the models in turns."""
    for query in islice(cycle(queries), WARM_UP):
        for model in models.values():
            model.encode_query(query, show_progress_bar=False)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number, query in enumerate(queries):
        for name in _turn(list(models), number):
            start = clock()
            models[name].encode_query(query, show_progress_bar=False)
            seconds[name].append(clock() - start)
    return {name: _latency(times) for name, times in seconds.items()}


def time_batches(
    models: Mapping[str, SentenceTransformer],
    texts: Sequence[str],
    batch: int,
    clock: Clock,
    kind: str = QUERY,
) -> dict[str, Throughput]:
    """Times the encoding of texts in batches, the models in turns with each batch.

    Args:
        models: The models by name.
        texts: Queries or passages.
        batch: Texts encoded at a time.
        clock: Gives seconds.
        kind: "query" or "document": which prompt the texts get.
    """
    seconds = dict.fromkeys(models, 0.0)
    for number, start in enumerate(range(0, len(texts), batch)):
        chunk = list(texts[start : start + batch])
        for name in _turn(list(models), number):
            began = clock()
            encode = getattr(models[name], f"encode_{kind}")
            encode(chunk, batch_size=batch, show_progress_bar=False)
            seconds[name] += clock() - began
    return {
        name: Throughput(
            batch=batch,
            texts=len(texts),
            sentences_per_second=len(texts) / seconds[name],
            tokens_per_second=_tokens(model, texts, kind) / seconds[name],
        )
        for name, model in models.items()
    }


def describe_machine(device: str, load_before: float | None) -> Machine:
    """Returns what the speed was measured on, and how busy it was."""
    return Machine(
        processor=processor_name(),
        cores=os.cpu_count(),
        threads=torch.get_num_threads(),
        device=device,
        load_average_before=load_before,
        load_average_after=load_average(),
    )


def load_average() -> float | None:
    """Returns the load average of the last minute; None where the system has none."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def processor_name() -> str:
    """Returns the name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.lower().startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@contextmanager
def _as_the_library_runs(models: Mapping[str, SentenceTransformer]) -> Iterator[None]:
    """Runs batches as they run where the model is used, not in the chunks of an evaluation."""
    chunked = [m for m in models.values() if isinstance(m, ChunkedSentenceTransformer)]
    try:
        for model in chunked:
            model.chunking = False
        yield
    finally:
        for model in chunked:
            model.chunking = True


def _turn(names: list[str], number: int) -> list[str]:
    """The order of one turn: each model is first equally often, so none gains by its place."""
    shift = number % len(names)
    return names[shift:] + names[:shift]


def _latency(seconds: Sequence[float]) -> Latency:
    median, p95, p99 = np.percentile(np.array(seconds) * 1000, [50, 95, 99])
    return Latency(float(median), float(p95), float(p99))


def _tokens(model: SentenceTransformer, texts: Sequence[str], kind: str) -> int:
    batch = model.preprocess(list(texts), prompt=model.prompts.get(kind))
    # Without a mask, as of a StaticEmbedding, no place is padding.
    return int(batch.get("attention_mask", torch.ones_like(batch["input_ids"])).sum())
