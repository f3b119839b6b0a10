"""How much memory a step of a large batch takes: `python benchmarks/large_batch.py --data-file F`.

One optimizer step of MiniLM on the CPU for each case, in a process of its own, with four frozen
layers whose outputs are not kept. Rows are made of the file's queries and passages: the first words
of a passage are the positive, later words of the next one the negative, so that all texts differ.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

# Loss and rows of a batch.
CASES = (("mnrl", 256), ("cached_mnrl", 256), ("cached_mnrl", 4096))
WORDS = 20


def make_rows(data_file: str, count: int) -> dict[str, list[str]]:
    """Returns as many rows as asked for, in which no text stands twice.

    Raises:
        SystemExit: The file has too few different queries and passages.
    """
    from pairs.loading import load_pairs

    pairs = load_pairs(data_file)
    rows: dict[str, list[str]] = {"query": [], "positive": [], "negative": []}
    seen: set[str] = set()
    passages = pairs.column("positive")
    for query, passage, other in zip(
        pairs.column("query"), passages, passages[1:] + passages[:1], strict=True
    ):
        texts = [query, " ".join(passage.split()[:WORDS]), " ".join(other.split()[WORDS:][:WORDS])]
        if all(texts) and len(set(texts)) == len(texts) and seen.isdisjoint(texts):
            seen |= set(texts)
            for column, text in zip(rows.values(), texts, strict=True):
                column.append(text)
        if len(rows["query"]) == count:
            return rows
    sys.exit(f"{data_file}: gives {len(rows['query'])} rows without equal texts, not {count}")


def peak() -> float:
    """Returns the largest memory of this process so far, in GiB."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (1 << 30 if sys.platform == "darwin" else 1 << 20)


def step(rows: dict[str, list[str]], key: str, batch: int, connection: Connection) -> None:
    """Trains one step, and sends its seconds and the peak of the memory before and after it."""
    from datasets import Dataset

    from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
    from nic.models import MINILM, find_model, load_model
    from training.command.parser import parse_arguments
    from training.frozen.freezing import FreezeLayersCallback
    from training.loop.losses import build_loss
    from training.loop.trainer import build_trainer, set_dropout

    with tempfile.TemporaryDirectory() as folder:
        given = ["--output-dir", folder, "--device", "cpu", "--precision", "fp32", "--loss", key]
        given += ["--batch-size", str(batch), "--max_steps", "1", "--eval_strategy", "no"]
        run, arguments = parse_arguments([*given, "--save_strategy", "no"])
        model: Any = load_model(find_model(MINILM), "cpu")
        set_dropout(model, 0.0)
        loss = build_loss(model, key, vars(run))
        # It is not called.
        evaluator = DomainRetrievalEvaluator.__new__(DomainRetrievalEvaluator)
        data = Dataset.from_dict({name: column[:batch] for name, column in rows.items()})
        freezing = FreezeLayersCallback(run.freeze_layers)
        trainer = build_trainer(model, arguments, data, loss, evaluator, [freezing])
        model.encode(rows["query"][:64])
        before, started = peak(), time.perf_counter()
        trainer.train()
        connection.send((trainer.state.global_step, time.perf_counter() - started, before, peak()))


def main(words: Sequence[str] | None = None) -> None:
    """Prints one line for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-file", required=True, help="pairs with long passages")
    parser.add_argument("--largest", type=int, default=4096, help="rows of the largest batch")
    given = parser.parse_args(words)
    cases = [(key, batch) for key, batch in CASES if batch <= given.largest]
    rows = make_rows(given.data_file, max(batch for _, batch in cases))
    context = multiprocessing.get_context("spawn")
    print(f"{'loss':12} {'rows':>5} {'seconds':>8} {'GiB before':>11} {'GiB peak':>9}")
    for key, batch in cases:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=step, args=(rows, key, batch, sender))
        process.start()
        # Where the process ends without a word, the system has no memory left.
        sender.close()
        steps, seconds, before, after = receiver.recv()
        process.join()
        assert steps == 1
        print(f"{key:12} {batch:5} {seconds:8.1f} {before:11.2f} {after:9.2f}", flush=True)


if __name__ == "__main__":
    main()
