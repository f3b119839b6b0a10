"""Rows that share a negative are all seen, and the negative counts once in a batch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import NoDuplicatesBatchSampler
from tiny_runs import trainer_of

from training.loop.batch_sampler import (
    SharedNegativesBatchSampler,
    SharedNegativesCollator,
    conflicts,
    count_rows_seen,
)
from training.loop.trainer import EpochCallback


def rows(count: int, sharing: int = 0) -> Dataset:
    """Rows of different texts; the first `sharing` of them share one negative."""
    return Dataset.from_dict(
        {
            "query": [f"query {n}" for n in range(count)],
            "positive": [f"positive {n}" for n in range(count)],
            "negative": ["shared" if n < sharing else f"negative {n}" for n in range(count)],
        }
    )


def batches(kind: type[NoDuplicatesBatchSampler], data: Dataset, size: int = 8) -> list[list[int]]:
    return list(kind(data, batch_size=size, drop_last=True, generator=torch.Generator(), seed=1))


def test_all_rows_that_share_a_negative_are_seen_once_in_an_epoch() -> None:
    data = rows(96, sharing=48)
    seen = Counter(row for batch in batches(SharedNegativesBatchSampler, data) for row in batch)
    assert seen == dict.fromkeys(range(96), 1)
    lost = Counter(row for batch in batches(NoDuplicatesBatchSampler, data) for row in batch)
    assert sum(row < 48 for row in lost) < 20


def test_without_shared_negatives_the_batches_are_the_librarys() -> None:
    data = rows(40)
    expected = batches(NoDuplicatesBatchSampler, data)
    assert batches(SharedNegativesBatchSampler, data) == expected
    pairs = data.select_columns(["query", "positive"])
    expected = batches(NoDuplicatesBatchSampler, pairs)
    assert batches(SharedNegativesBatchSampler, pairs) == expected


@pytest.mark.parametrize(
    ("other", "conflict"),
    [
        (("q2", "p2", "n1"), False),
        (("q1", "p2", "n2"), True),
        (("q2", "p1", "n2"), True),
        (("q2", "p2", "p1"), True),
        (("q2", "n1", "n2"), True),
        (("q2", "p2", "q1"), True),
    ],
)
def test_only_a_negative_may_occur_twice_and_no_rows_positive_is_anothers_negative(
    other: tuple[str, str, str], conflict: bool
) -> None:
    values = [frozenset({(0, q), (0, p), (1, n)}) for q, p, n in (("q1", "p1", "n1"), other)]
    assert conflicts(values[1], set(values[0])) is conflict
    columns = zip(("q1", "p1", "n1"), other, strict=True)
    names = ("query", "positive", "negative")
    data = Dataset.from_dict(dict(zip(names, map(list, columns), strict=True)))
    assert len(batches(SharedNegativesBatchSampler, data, 2)) == (0 if conflict else 1)


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl"])
def test_a_shared_negative_is_one_column_of_the_loss(
    tiny_model: SentenceTransformer, tmp_path: Path, loss: str
) -> None:
    trainer = trainer_of(tiny_model, rows(8, sharing=6), tmp_path, "--loss", loss)
    assert isinstance(trainer.data_collator, SharedNegativesCollator)
    batch = next(iter(trainer.get_train_dataloader()))
    columns = ("query", "positive", "negative")
    assert [len(batch[f"{name}_input_ids"]) for name in columns] == [8, 8, 3]
    tiny_model.eval()
    found = trainer.compute_loss(tiny_model, dict(batch)).item()
    vectors = {
        name: tiny_model.encode(texts, convert_to_tensor=True, batch_size=8)
        for name, texts in (
            ("query", [f"query {n}" for n in range(8)]),
            ("positive", [f"positive {n}" for n in range(8)]),
            ("negative", ["shared", "negative 6", "negative 7"]),
        )
    }
    candidates = torch.cat([vectors["positive"], vectors["negative"]])
    scores = 20 * vectors["query"] @ candidates.T
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(8)).item()
    assert found == pytest.approx(expected, abs=1e-4)


def test_each_column_is_padded_to_its_own_width(
    tiny_model: SentenceTransformer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(tiny_model, rows(8, sharing=0), tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    widths: list[int] = []
    forward = type(tiny_model).forward

    def spy(model: SentenceTransformer, features: dict[str, Any], **given: Any) -> Any:
        widths.append(features["input_ids"].shape[1])
        return forward(model, features, **given)

    monkeypatch.setattr(type(tiny_model), "forward", spy)
    trainer.compute_loss(tiny_model, dict(batch))
    columns = ("query", "positive", "negative")
    assert widths == [batch[f"{name}_input_ids"].shape[1] for name in columns]


def test_the_rows_seen_are_counted(tiny_model: SentenceTransformer, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_model, rows(44, sharing=20), tmp_path)
    assert trainer.rows_seen_per_epoch() == 40
    stock = NoDuplicatesBatchSampler(
        rows(44, sharing=20), batch_size=8, drop_last=True, generator=torch.Generator(), seed=42
    )
    assert count_rows_seen(stock) < 35


def test_a_sampler_below_others_is_told_which_epoch_begins(
    tiny_model: SentenceTransformer, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_model, rows(44, sharing=20), tmp_path)
    sampler: Any = trainer.get_train_dataloader().batch_sampler
    skipping = SimpleNamespace(batch_sampler=SimpleNamespace(batch_sampler=sampler))
    for begun, epoch in ((None, 0), (0.9999999, 1), (1.25, 1), (2.0, 2)):
        EpochCallback().on_epoch_begin(None, SimpleNamespace(epoch=begun), None, skipping)
        assert sampler.epoch == epoch
