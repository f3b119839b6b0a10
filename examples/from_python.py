"""Split and check pairs, fine-tune, evaluate, package and publish a model, from Python.

    python examples/from_python.py my_pairs.jsonl models/mine hub

One epoch only; the split is written beside the model.
"""

from __future__ import annotations

import sys

from evaluation import EvaluationArguments, evaluate_models
from model_card import Packaging, open_hub, publish_model
from nic.models import MINILM
from pairs import CheckArguments, check_pairs, load_pairs, save_split, split_pairs
from training import RunArguments, TrainingArguments, fine_tune


def main(data: str, output: str, hub: str, base: str = MINILM) -> None:
    """Trains one epoch on a file of pairs and publishes the model to a local hub."""
    pairs = load_pairs(data)
    save_split(split_pairs(pairs, val_ratio=0.2), pairs, f"{output}-split.json")
    report = check_pairs(CheckArguments(data_file=data, base_model=base, batch_size=16))
    print(f"{len(pairs.dataset)} pairs, {len(report.found('warning'))} warnings")

    run = RunArguments(data_file=data, base_model=base, split=f"{output}-split.json", speed=False)
    batches = TrainingArguments(
        output_dir=output, num_train_epochs=1, per_device_train_batch_size=16
    )
    fine_tune(run, batches)

    summary = evaluate_models(EvaluationArguments(model=[output], base=base, data_file=data))
    if summary is None:  # in all processes but the first, of a run with several
        return
    print(*(f"{gate.name}: {gate.measured}" for gate in summary.gates), sep="\n")
    packaging = Packaging(allow_failed_gates="an example of one epoch")
    published = publish_model(output, open_hub(hub), "example/nic-embeddings", "v1", packaging)
    print(published.repo_id, published.tag)


if __name__ == "__main__":
    main(*sys.argv[1:4])
