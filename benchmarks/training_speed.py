"""How fast a training step is: `python benchmarks/training_speed.py --data-file FILE --steps N`.

This project against plain scripts with the trainer of sentence-transformers, on the same rows, loss
and frozen layers. Each runs in a process of its own. They take turns of some steps (A B C D,
A B C D, ...), so that a busy machine slows all of them alike, and ratios are those of a turn.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

DATA = Path(__file__).resolve().parents[1] / "data" / "finetuning" / "training_pairs.jsonl"
WARM_UP = 2
TURNS = 5
RATE = 2e-5
OURS, DROPOUT = "nic-train", "plain, dropout 0.1, fp32"


@dataclass(frozen=True)
class Contender:
    """One way to train.

    Attributes:
        name: Its name in the table.
        precision: fp32 or bf16.
        dropout: Dropout of the plain scripts; None for this project.
    """

    name: str
    precision: Literal["fp32", "bf16"]
    dropout: float | None = None


@dataclass(frozen=True)
class Case:
    """What is trained.

    Attributes:
        data: The file of pairs.
        freeze: Number of frozen bottom layers.
        batch: Rows of a batch.
        steps: Timed steps of a turn.
        turns: Number of turns.
    """

    data: str
    freeze: int
    batch: int
    steps: int
    turns: int = TURNS


def contenders(bf16: bool) -> list[Contender]:
    """Returns the ways to train, with bf16 where the hardware has it."""
    found = [Contender(f"{OURS}, fp32", "fp32")]
    found += [Contender(DROPOUT, "fp32", 0.1), Contender("plain, dropout 0, fp32", "fp32", 0.0)]
    if bf16:
        found.insert(0, Contender(f"{OURS}, bf16", "bf16"))
        found.append(Contender("plain, dropout 0, bf16", "bf16", 0.0))
    return found


def train(case: Case, contender: Contender, connection: Connection) -> None:
    """Trains in turns: each begins with a message and ends with its seconds."""
    from transformers import PrinterCallback, TrainerCallback

    class Turns(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step >= WARM_UP and (state.global_step - WARM_UP) % case.steps == 0:
                connection.send("ready")
                connection.recv()
                self.start = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            done = state.global_step - WARM_UP
            if done > 0 and done % case.steps == 0:
                connection.send(time.perf_counter() - self.start)

    build = ours if contender.dropout is None else plain
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        begun = time.perf_counter()
        trainer = build(case, contender, folder, stack)
        connection.send(time.perf_counter() - begun)
        trainer.add_callback(Turns())
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20))


def ours(case: Case, contender: Contender, folder: str, stack: ExitStack) -> Any:
    """Returns this project's trainer, with the outputs of its frozen layers computed."""
    import torch

    from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
    from evaluation.retrieval.task import retrieval_task
    from nic.models import MINILM, find_model, load_model
    from pairs.columns import TEXT_COLUMNS
    from pairs.loading import load_pairs
    from training.command.arguments import TrainingArguments
    from training.frozen.freezing import FreezeLayersCallback
    from training.frozen.frozen_states import keep_frozen_states
    from training.loop.losses import build_loss
    from training.loop.trainer import build_trainer, set_dropout
    from training.training_rows import training_rows

    pairs = load_pairs(case.data)
    model = load_model(find_model(MINILM), "cpu")
    set_dropout(model, 0.0)
    arguments = TrainingArguments(
        **common_arguments(case, folder), precision=contender.precision, learning_rate=RATE
    )
    freezing = FreezeLayersCallback(case.freeze)
    evaluator = DomainRetrievalEvaluator(retrieval_task(pairs, [0]))
    rows = training_rows(pairs.dataset, list(range(len(pairs))))
    loss = build_loss(model, "mnrl", {})
    trainer = build_trainer(model, arguments, rows, loss, evaluator, [freezing])
    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    stack.enter_context(model.remembering_tokens())
    texts = {text: None for name in TEXT_COLUMNS for text in pairs.column(name)}
    frozen = freezing.result.frozen_layers
    keep_frozen_states(model, frozen, {dtype: {None: texts}}, 4.0, Path(folder))
    model.run_in(torch.bfloat16 if arguments.bf16 else None)
    return trainer


def plain(case: Case, contender: Contender, folder: str, stack: ExitStack) -> Any:
    """Returns the trainer of a script as its users write it, with the bottom layers frozen."""
    from datasets import load_dataset
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from torch import nn

    from nic.models import MINILM, find_model

    model = SentenceTransformer(find_model(MINILM).location, device="cpu")
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = contender.dropout or 0.0
    encoder: Any = model[0].auto_model
    encoder.pooler.requires_grad_(False)
    if case.freeze:
        encoder.embeddings.requires_grad_(False)
    for layer in encoder.encoder.layer[: case.freeze]:
        layer.requires_grad_(False)
    rows = load_dataset("json", data_files=case.data, split="train", cache_dir=folder)
    return SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            **common_arguments(case, folder),
            bf16=contender.precision == "bf16",
            learning_rate=RATE,
            batch_sampler="no_duplicates",
            dataloader_drop_last=True,
        ),
        train_dataset=rows.select_columns(["query", "positive", "negative"]),
        loss=MultipleNegativesRankingLoss(model),
    )


def common_arguments(case: Case, folder: str) -> dict[str, Any]:
    """Returns the Trainer's arguments that all share."""
    return {
        "output_dir": folder,
        "per_device_train_batch_size": case.batch,
        "max_steps": WARM_UP + case.steps * case.turns,
        "eval_strategy": "no",
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
    }


def run_case(case: Case, ways: list[Contender]) -> dict[str, list[float]]:
    """Runs the turns of one case and prints its table; returns seconds a step by name and turn."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    prepared, memory = {}, {}
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    processes = []
    for way in ways:
        pipes[way.name], other = context.Pipe()
        processes.append(context.Process(target=train, args=(case, way, other), daemon=True))
        processes[-1].start()
        prepared[way.name] = pipes[way.name].recv()
        # "ready": the steps that warm up are done, and the process waits.
        pipes[way.name].recv()
    for turn in range(case.turns):
        for way in ways:
            if turn:
                pipes[way.name].recv()
            pipes[way.name].send("go")
            seconds[way.name].append(pipes[way.name].recv() / case.steps)
    for way in ways:
        memory[way.name] = pipes[way.name].recv()
    for process in processes:
        process.join()
    print_table(case, ways, prepared, seconds, memory)
    return seconds


def print_table(
    case: Case,
    ways: list[Contender],
    prepared: dict[str, float],
    seconds: dict[str, list[float]],
    memory: dict[str, float],
) -> None:
    """Prints one line for each way to train."""
    tokens = tokens_per_row(case.data) * case.batch
    print(f"\nbatch {case.batch}, {case.freeze} of 6 layers frozen, {tokens:.0f} tokens a batch")
    print(f"{'':26} s per step           tokens/s  peak GiB  preparation")
    for way in ways:
        times = seconds[way.name]
        median = statistics.median(times)
        print(
            f"{way.name:26} {median:5.2f} ({min(times):5.2f}-{max(times):5.2f}) "
            f"{tokens / median:9.0f} {memory[way.name]:9.1f} {prepared[way.name]:9.1f} s",
            flush=True,
        )
    for own in ways:
        for other in ways:
            if own.name.startswith(OURS) and not other.name.startswith(OURS):
                print(f"{own.name} against {other.name}: {ratio(seconds, own.name, other.name)}")


def ratio(seconds: dict[str, list[float]], own: str, other: str) -> str:
    """Returns how much faster one way is than another, over the turns."""
    ratios = [b / a for a, b in zip(seconds[own], seconds[other], strict=True)]
    return f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})"


def tokens_per_row(data: str) -> float:
    """Returns the mean number of tokens of a row, padding not counted."""
    from nic.models import MINILM, find_model, load_model
    from pairs.columns import TEXT_COLUMNS
    from pairs.loading import load_pairs

    pairs, model = load_pairs(data), load_model(find_model(MINILM), "cpu")
    texts = [text for name in TEXT_COLUMNS for text in pairs.column(name)]
    tokens = model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)
    return sum(map(len, tokens["input_ids"])) / len(pairs)


def main() -> None:
    """Prints a table for each case, and the ratio of the first one last."""
    from evaluation.latency import load_average, processor_name
    from nic.devices import available_cores, has_bf16

    every_way = contenders(has_bf16(use_cpu=True))
    names = [way.name for way in every_way]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-file", default=str(DATA))
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a turn")
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--freeze", type=int, nargs="+", default=[4, 0])
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 128])
    parser.add_argument(
        "--ways",
        nargs="+",
        choices=names,
        default=names,
        help="names of the table, where memory does not hold all of them at once",
    )
    asked = parser.parse_args()
    ways = [way for way in every_way if way.name in asked.ways]
    print(f"{processor_name()}, {available_cores()} cores, load average {load_average()}")
    last = ""
    baseline = DROPOUT if DROPOUT in asked.ways else ways[-1].name
    for freeze in asked.freeze:
        for batch in asked.batch:
            case = Case(asked.data_file, freeze, batch, asked.steps, asked.turns)
            seconds = run_case(case, ways)
            last = last or ratio(seconds, ways[0].name, baseline)
    print(f"load average {load_average()}\n{last}")


if __name__ == "__main__":
    main()
