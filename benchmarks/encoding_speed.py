"""How fast passages are encoded: `python benchmarks/encoding_speed.py --data-file FILE`.

The evaluation's encoding in fp32 and in bf16, and with `--onnx FOLDER` a package's ONNX variants
(bf16 with the extra `openvino`), against `model.encode` of sentence-transformers on the same
passages. All take turns with each part of the corpus, and ratios are those of a part.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from evaluation.defaults import BATCH_SIZE
from evaluation.latency import load_average, processor_name
from nic.devices import available_cores, has_bf16
from nic.models import MINILM, find_model, load_model
from pairs.loading import load_pairs

DATA = Path(__file__).resolve().parents[1] / "data" / "finetuning" / "training_pairs.jsonl"
LIBRARY = "model.encode, fp32"
Encode = Callable[[list[str]], np.ndarray]


def encoders(model_name: str, onnx: str | None) -> dict[str, Encode]:
    """Returns the ways to encode by name; bf16 where the hardware has it."""
    location = find_model(model_name).location
    plain, fp32 = (
        SentenceTransformer(location, device="cpu"),
        load_model(find_model(model_name), "cpu"),
    )
    ways: dict[str, Encode] = {
        LIBRARY: lambda texts: plain.encode(texts, show_progress_bar=False),
        "evaluation, fp32": lambda texts: fp32.encode(
            texts, batch_size=BATCH_SIZE, show_progress_bar=False
        ),
    }
    if has_bf16(use_cpu=True):
        half = load_model(find_model(model_name), "cpu")
        half.run_in(torch.bfloat16)
        ways["evaluation, bf16"] = lambda texts: half.encode(
            texts, batch_size=BATCH_SIZE, show_progress_bar=False
        )
    if onnx:
        from model_card.export.variants import installed_variants
        from nic_encoder import OnnxEncoder

        for variant in installed_variants():
            encoder = OnnxEncoder(onnx, variant=variant)
            ways[f"nic-encoder, {variant}"] = encoder.encode
    return ways


def main() -> None:
    """Prints one line for each way to encode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-file", default=str(DATA))
    parser.add_argument("--model", default=MINILM, help="folder or name")
    parser.add_argument("--onnx", help="packaged model with ONNX variants")
    parser.add_argument("--passages", type=int, default=1024, help="passages to encode, a sample")
    parser.add_argument("--parts", type=int, default=4, help="turns, each with a part of them")
    asked = parser.parse_args()
    pairs = load_pairs(asked.data_file)
    passages = list(dict.fromkeys(pairs.column("positive")))[: asked.passages]
    parts = [passages[number :: asked.parts] for number in range(asked.parts)]
    ways = encoders(asked.model, asked.onnx)
    for encode in ways.values():
        encode(passages[:8])
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    cosines: dict[str, float] = dict.fromkeys(ways, 1.0)
    for part in parts:
        expected: np.ndarray | None = None
        for name, encode in ways.items():
            start = time.perf_counter()
            found = encode(part)
            seconds[name].append(time.perf_counter() - start)
            expected = found if expected is None else expected
            cosines[name] = min(cosines[name], float((found * expected).sum(axis=1).min()))
    print(
        f"{processor_name()}, {available_cores()} cores, load average {load_average()}; "
        f"{len(passages)} passages in {len(parts)} turns"
    )
    for name, times in seconds.items():
        ratios = [b / a for a, b in zip(times, seconds[LIBRARY], strict=True)]
        print(
            f"{name:20} {len(passages) / sum(times):7.0f} passages/s  "
            f"ratio {statistics.median(ratios):4.2f} ({min(ratios):.2f}-{max(ratios):.2f})  "
            f"least cosine {cosines[name]:.5f}"
        )


if __name__ == "__main__":
    main()
