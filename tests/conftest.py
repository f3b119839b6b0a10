"""A tiny model, a model that one-hot encodes words, and files of pairs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizer, set_seed

from evaluation.latency import Latency, Machine, Speed, SpeedReport, Throughput
from evaluation.results import DataDescription, EvaluationResults
from evaluation.retrieval.forgetting_probe import ProbeData
from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval.task import TaskDescription
from model_card.package.integrity import hash_files
from nic.chunked_model import ChunkedSentenceTransformer
from nic.models import find_model
from pairs.checks.scan import Scan, scan_file
from pairs.checks.tokens import TokenCounter, load_token_counter

MakePairs = Callable[..., Path]
ScanRows = Callable[[Sequence[dict[str, Any]]], Scan]

WORDS = (
    "pump valve motor belt brake chain mast fork fan coil relay fuse antenna filter sensor hose "
    "leaks noisy hot cold slow dead loose worn check replace tighten clean the is of why how"
).split()


def tiny_bert(folder: Path, layers: int = 4) -> None:
    """Save a BERT of width 32 with a vocabulary of some dozens of words and all letters."""
    set_seed(0)
    letters = [c for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]
    vocabulary = {t: n for n, t in enumerate(tokens + ["##" + c for c in letters])}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizer(vocab=vocabulary, model_max_length=64).save_pretrained(folder)


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved sentence-transformers model of four layers; never write into it."""
    encoder = tmp_path_factory.mktemp("encoder")
    tiny_bert(encoder)
    folder = tmp_path_factory.mktemp("models") / "tiny-base"
    transformer = Transformer(str(encoder))
    modules = [transformer, Pooling(32), Normalize()]
    SentenceTransformer(modules=modules).save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture
def tiny_model(tiny_model_folder: Path) -> ChunkedSentenceTransformer:
    """A fresh copy of the tiny model on the CPU."""
    return ChunkedSentenceTransformer(str(tiny_model_folder), device="cpu")


@pytest.fixture
def tiny_copy(tiny_model_folder: Path, tmp_path: Path) -> Path:
    """A folder of the tiny model that a test may write into."""
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "tiny"))


PASSED = {"name": "overall Recall@5", "threshold": 0.7, "measured": 0.8, "passed": True}


def write_metadata_of(model: Path, /, **facts: Any) -> None:
    """Write `metadata.json` as a training does, with the present files' hashes."""
    gates = {"passed": True, "gates": [PASSED]}
    metadata = {"data": {"sha256": "ab" * 32}, "gates": gates, **facts, "files": hash_files(model)}
    text = json.dumps({name: fact for name, fact in metadata.items() if fact is not None})
    (model / "metadata.json").write_text(text, encoding="utf-8")


@pytest.fixture
def trained_folder(tiny_model_folder: Path, tmp_path: Path) -> Path:
    """What a training leaves, with a tiny model: card, metadata, log, split and a checkpoint."""
    model = Path(shutil.copytree(tiny_model_folder, tmp_path / "nic-tiny"))
    card = "---\nlicense: apache-2.0\n---\n\n# nic-tiny\n\nA model for searching manuals.\n"
    (model / "README.md").write_text(card, encoding="utf-8")
    write_metadata_of(model)
    (model / "training.log").write_text("[INFO] Loaded /home/somebody/pairs.jsonl\n")
    (model / "split.json").write_text("{}")
    shutil.copytree(tiny_model_folder, model / "checkpoint-7")
    (model / "checkpoint-7" / "optimizer.pt").write_bytes(b"\x80\x02")
    return model


@pytest.fixture(scope="session")
def tiny_onnx_folder(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with both ONNX files; never write into it."""
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    from model_card.export.variants import build_variants

    folder = tmp_path_factory.mktemp("onnx-models") / "tiny-onnx"
    shutil.copytree(tiny_model_folder, folder)
    build_variants(folder, folder)
    return folder


@pytest.fixture
def onnx_copy(tiny_onnx_folder: Path, tmp_path: Path) -> Path:
    """A folder of the tiny model with its ONNX files that a test may write into."""
    return Path(shutil.copytree(tiny_onnx_folder, tmp_path / "tiny-onnx"))


class KeywordModel:
    """Encodes a text as the normalised counts of its words; `word*3` counts three times."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.numbers = {word: n for n, word in enumerate(vocabulary)}
        self.calls: list[list[str]] = []
        self.similarity_fn_name = "cosine"

    def encode(self, texts: list[str], **kwargs: Any) -> torch.Tensor:
        """`(texts, words)` unit vectors."""
        self.calls.append(list(texts))
        vectors = torch.zeros(len(texts), len(self.numbers))
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.split():
                name, _, weight = word.partition("*")
                vector[self.numbers[name]] += float(weight or 1)
        return torch.nn.functional.normalize(vectors)

    def encode_query(self, texts: list[str], **kwargs: Any) -> torch.Tensor:
        """As `encode`: no prompts."""
        return self.encode(texts, **kwargs)

    encode_document = encode_query

    def similarity_pairwise(self, ones: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
        """`(texts,)` cosines."""
        return (ones * others).sum(dim=1)


def make_row(number: int, domain: str, **changes: Any) -> dict[str, Any]:
    """A pair about passage `number`; each is different from all others."""
    word = WORDS[number % len(WORDS)]
    row = {
        "query": f"why is the {word} {number} noisy",
        "positive": f"replace the {word} of unit {number} and tighten the hose",
        "negative": f"clean the {word} of unit {number + 1} and check the fuse",
        "domain": domain,
    }
    return {**row, **changes}


@pytest.fixture
def write_pairs(tmp_path: Path) -> MakePairs:
    """A function that writes rows to a JSONL file and gives its path."""

    def write(rows: Sequence[dict[str, Any]], name: str = "pairs.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def two_domains(write_pairs: MakePairs) -> Path:
    """Forty pairs about forty passages of two domains."""
    domains = ("forklift", "vehicle_civilian")
    return write_pairs([make_row(n, domains[n % 2]) for n in range(40)])


@pytest.fixture(scope="session")
def tiny_counter(tiny_model_folder: Path) -> TokenCounter:
    """Counts tokens as the tiny model does, which reads 64 of them."""
    return load_token_counter(find_model(str(tiny_model_folder)))


@pytest.fixture
def scan_rows(tiny_counter: TokenCounter, write_pairs: MakePairs) -> ScanRows:
    """A function that writes rows to a file and scans it."""
    return lambda rows: scan_file(write_pairs(rows), tiny_counter)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test may reach for a hub."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    yield


def make_results(domain: str, ranks: Sequence[int], first: int = 0) -> list[QueryResult]:
    """A result a rank, each query in a cluster of its own."""
    return [
        QueryResult(
            query_id=f"q{first + number}",
            domain=domain,
            cluster=first + number,
            ranks=[rank],
            candidates=100,
            top_ids=[f"p{place}" for place in range(10)],
            top_scores=[1 - place / 10 for place in range(10)],
        )
        for number, rank in enumerate(ranks)
    ]


def make_evaluation(
    domains: tuple[str, str] = ("forklift", "radar"), **changes: Any
) -> EvaluationResults:
    """Two domains of thirty queries: the tuned model mends the first and leaves the other."""
    one, other = domains
    forklift_base = make_results(one, [1] * 10 + [20] * 20)
    forklift_tuned = make_results(one, [1] * 30)
    radar = make_results(other, [1] * 30, first=30)
    probe = make_results("general", [1] * 54 + [30] * 6)
    throughput = Throughput(1, 64, 200.0, 2e3)
    speed = Speed(Latency(5.0, 6.0, 7.0), [throughput] * 4, throughput)
    machine = Machine("CPU", 4, 2, "cpu", 0.5, 0.75)
    facts: dict[str, Any] = {
        "model": "tuned",
        "base": "base",
        "data": DataDescription("pairs.jsonl", "ab" * 32, "validation"),
        "task": TaskDescription("all", 60, 100, 0, 0, {one: 100, other: 100}),
        "per_query": {
            "tuned": forklift_tuned + radar,
            "base": forklift_base + radar,
            "BM25": forklift_base + radar,
        },
        "chose_checkpoint": True,
        "probe": {"tuned": probe, "base": probe},
        "probe_data": ProbeData("general.jsonl", "cd" * 32, 60),
        "speed": SpeedReport({"tuned": speed, "base": speed}, 200, machine),
        "loads": True,
        "history": [],
    }
    return EvaluationResults(**{**facts, **changes})


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run draws no plots and no page: they take most of a tiny run."""
    monkeypatch.setattr("training.output.model_folder.draw_plots", lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.draw_plots", lambda *_: [])
    monkeypatch.setattr("evaluation.report.output.write_page", lambda *_: None)
