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

from training.base_model import find_model
from training.checks.scan import Scan, scan_file
from training.checks.tokens import TokenCounter, load_token_counter

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
def tiny_model(tiny_model_folder: Path) -> SentenceTransformer:
    """A fresh copy of the tiny model on the CPU."""
    return SentenceTransformer(str(tiny_model_folder), device="cpu")


@pytest.fixture
def tiny_copy(tiny_model_folder: Path, tmp_path: Path) -> Path:
    """A folder of the tiny model that a test may write into."""
    return Path(shutil.copytree(tiny_model_folder, tmp_path / "tiny"))


class KeywordModel:
    """Encodes a text as the normalised counts of its words; `word*3` counts three times."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.numbers = {word: n for n, word in enumerate(vocabulary)}
        self.calls: list[list[str]] = []

    def encode(self, texts: list[str], **kwargs: Any) -> torch.Tensor:
        """`(texts, words)` unit vectors."""
        self.calls.append(list(texts))
        vectors = torch.zeros(len(texts), len(self.numbers))
        for vector, text in zip(vectors, texts, strict=True):
            for word in text.split():
                name, _, weight = word.partition("*")
                vector[self.numbers[name]] += float(weight or 1)
        return torch.nn.functional.normalize(vectors)


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
