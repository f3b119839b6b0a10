"""How much time the frozen cache saves: `python benchmarks/frozen_cache.py`.

Training steps and evaluations with the cache filled and without it, side by side: the two take
turns, and the results are medians of the turns' ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import retrieval_task
from nic.models import MINILM, find_model, load_model
from pairs.columns import TEXT_COLUMNS
from pairs.loading import load_pairs
from pairs.split import split_pairs
from training.loop.freezing import encoder_layers, freeze
from training.loop.frozen_cache import GIB, FrozenCache

DATA = Path(__file__).resolve().parents[1] / "data" / "finetuning" / "training_pairs.jsonl"
FROZEN_LAYERS = 4


def seconds(work: Callable[[SentenceTransformer], object], model: SentenceTransformer) -> float:
    """Returns the wall time of some work on a model, in seconds."""
    start = time.perf_counter()
    work(model)
    return time.perf_counter() - start


def prepare(cached: bool) -> SentenceTransformer:
    """Returns the base model with its bottom four layers frozen."""
    model = load_model(find_model(MINILM), "cpu")
    freeze(model, FROZEN_LAYERS)
    if cached:
        embeddings, layers = encoder_layers(model)
        FrozenCache(embeddings, layers[:FROZEN_LAYERS], model.tokenizer.pad_token_id, 4 * GIB)
    return model


def training_steps(model: SentenceTransformer, batches: list[dict[str, list[str]]]) -> None:
    """One optimizer step a batch."""
    loss = MultipleNegativesRankingLoss(model)
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(free, lr=2e-5)
    model.train()
    for batch in batches:
        features = [model.preprocess(batch[column]) for column in TEXT_COLUMNS]
        loss(features, torch.tensor([])).backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-file", default=str(DATA))
    parser.add_argument("--batches", type=int, default=4, help="batches of 32 rows a turn")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    pairs = load_pairs(arguments.data_file)
    rows = pairs.dataset.shuffle(seed=42).select(range(32 * arguments.batches))
    batches = [rows[n : n + 32] for n in range(0, len(rows), 32)]
    task = retrieval_task(pairs, split_pairs(pairs, 0.1, seed=42).validation)
    evaluator = DomainRetrievalEvaluator(task)
    plain, cached = prepare(cached=False), prepare(cached=True)
    evaluator.evaluate(cached)
    for batch in batches:
        cached.encode([text for column in TEXT_COLUMNS for text in batch[column]])
    work: dict[str, Callable[[SentenceTransformer], object]] = {
        f"{arguments.batches} training steps": lambda model: training_steps(model, batches),
        "one evaluation": evaluator.evaluate,
    }
    for name, call in work.items():
        turns = [(seconds(call, plain), seconds(call, cached)) for _ in range(arguments.turns)]
        ratios = [without / with_ for without, with_ in turns]
        print(
            f"{name}: {statistics.median(a for a, _ in turns):.2f} s without, "
            f"{statistics.median(b for _, b in turns):.2f} s with the cache; "
            f"median ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
