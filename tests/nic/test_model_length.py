"""One length in every file of a model that names one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from nic.model_length import named_lengths, read_length, write_length

LONG = "pump " * 300


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")


@pytest.fixture
def disagreeing(tiny_copy: Path) -> Path:
    """As all-MiniLM-L6-v2 is saved: the tokenizer's files name half of what the model reads."""
    edit(tiny_copy / "tokenizer_config.json", max_length=32)
    truncation = {"max_length": 32, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    padding = {
        "strategy": {"Fixed": 32},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    edit(tiny_copy / "tokenizer.json", truncation=truncation, padding=padding)
    return tiny_copy


def test_every_file_names_the_length_that_sentence_transformers_reads(disagreeing: Path) -> None:
    before = SentenceTransformer(str(disagreeing), device="cpu")
    assert len(set(named_lengths(disagreeing).values())) == 3
    assert write_length(disagreeing) == before.max_seq_length == 64
    assert named_lengths(disagreeing) == {
        "sentence_bert_config.json max_seq_length": 64,
        "tokenizer_config.json model_max_length": 64,
        "tokenizer_config.json max_length": 64,
        "tokenizer.json truncation": 64,
    }
    after = SentenceTransformer(str(disagreeing), device="cpu")
    assert (before.encode([LONG, "pump"]) == after.encode([LONG, "pump"])).all()


def test_a_client_that_reads_the_tokenizers_file_alone_cuts_there_and_fills_no_further(
    disagreeing: Path,
) -> None:
    write_length(disagreeing)
    tokenizer = Tokenizer.from_file(str(disagreeing / "tokenizer.json"))
    assert len(tokenizer.encode(LONG).ids) == 64
    assert [len(e.ids) for e in tokenizer.encode_batch(["pump", "pump pump"])] == [4, 4]


def test_writing_the_length_twice_changes_nothing(disagreeing: Path) -> None:
    write_length(disagreeing)
    before = {path: path.read_bytes() for path in disagreeing.rglob("*.json")}
    write_length(disagreeing)
    assert {path: path.read_bytes() for path in disagreeing.rglob("*.json")} == before


def test_a_tokenizer_that_cuts_nowhere_is_made_to_cut_at_its_own_side(tiny_copy: Path) -> None:
    edit(tiny_copy / "tokenizer_config.json", truncation_side="left")
    edit(tiny_copy / "tokenizer.json", truncation=None, padding=None)
    write_length(tiny_copy)
    content = json.loads((tiny_copy / "tokenizer.json").read_text(encoding="utf-8"))
    assert content["truncation"]["direction"] == "Left"
    assert content["truncation"]["max_length"] == 64
    assert content["padding"] is None


@pytest.mark.parametrize(
    ("asked", "tokenizer", "positions", "length"),
    [
        (256, 512, 512, 256),
        (None, 256, 512, 256),
        (None, 10**30, 512, 512),
        (1024, 512, 512, 512),
        (None, 512, None, 512),
        (None, 10**30, None, None),
        (None, 512, -1, 512),
    ],
)
def test_the_smallest_limit_counts(
    tiny_copy: Path, asked: int | None, tokenizer: int, positions: int | None, length: int | None
) -> None:
    edit(tiny_copy / "sentence_bert_config.json", max_seq_length=asked)
    edit(tiny_copy / "tokenizer_config.json", model_max_length=tokenizer)
    edit(tiny_copy / "config.json", max_position_embeddings=positions)
    assert read_length(tiny_copy) == length


def test_a_model_without_a_transformer_has_no_length(tmp_path: Path) -> None:
    module = {"path": "", "type": "sentence_transformers.models.StaticEmbedding"}
    (tmp_path / "modules.json").write_text(json.dumps([module]), encoding="utf-8")
    assert read_length(tmp_path) is write_length(tmp_path) is None
    assert named_lengths(tmp_path) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["modules.json"]
