"""What the options of the losses compute, against arithmetic on the columns of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from tiny_runs import loss_of_a_batch, trainer_of

from nic.errors import UserError
from training.command.parser import parse_arguments
from training.loop.batch_sampler import SharedNegativesCollator
from training.loop.loss_options import HARDNESS, read_directions, read_hardness
from training.loop.losses import describe_loss
from training.training_rows import training_rows

BATCH = 8
EACH = torch.eye(BATCH, dtype=torch.bool)
COLUMNS = ("query", "positive", "negative")


def rows(sharing: int) -> Dataset:
    """A batch of rows; the first `sharing` of them share one negative."""
    negatives = ["shared" if n < sharing else f"negative {n}" for n in range(BATCH)]
    texts = {name: [f"{name} {n} pump" for n in range(BATCH)] for name in COLUMNS[:2]}
    return Dataset.from_dict({**texts, "negative": negatives})


def embed(model: SentenceTransformer, data: Dataset) -> list[torch.Tensor]:
    """Unit vectors of queries, positives and different negatives."""
    texts = [data["query"], data["positive"], list(dict.fromkeys(data["negative"]))]
    return [model.encode(part, convert_to_tensor=True, batch_size=BATCH) for part in texts]


def scores_of(model: SentenceTransformer, data: Dataset, direction: str) -> torch.Tensor:
    """The candidates of each row in one direction, `(rows, candidates)`."""
    query, positive, negative = embed(model, data)
    if direction == "query_to_doc":
        return query @ torch.cat([positive, negative]).T
    if direction == "query_to_query":
        return (query @ query.T).masked_fill(EACH, -torch.inf)
    if direction == "doc_to_query":
        return positive @ query.T
    own = torch.cat([EACH, EACH], dim=1)
    return (positive @ torch.cat([positive, negative]).T).masked_fill(own, -torch.inf)


ONE_WAY = ("--directions", "query_to_doc")
ALL = "query_to_doc,query_to_query,doc_to_query,doc_to_doc"


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl"])
@pytest.mark.parametrize("partition", ["joint", "per_direction"])
@pytest.mark.parametrize(
    "names",
    [
        "query_to_doc,doc_to_query",
        "query_to_doc,query_to_query",
        "query_to_doc,query_to_query,doc_to_query",
        "query_to_doc,doc_to_doc",
        ALL,
    ],
)
def test_each_direction_adds_its_candidates_to_the_softmax(
    tiny_model: SentenceTransformer, tmp_path: Path, loss: str, partition: str, names: str
) -> None:
    chosen = names.split(",")
    if partition == "per_direction" and set(chosen) & {"query_to_query", "doc_to_doc"}:
        with pytest.raises(UserError, match="has no positive of its own"):
            parse_arguments(["--directions", names, "--partition-mode", partition])
        return
    # A passage must not meet its own negative as that of another row.
    shared = "doc_to_doc" not in chosen
    data = rows(sharing=6 if shared else 0)
    words = ("--loss", loss, "--directions", names, "--partition-mode", partition)
    trainer = trainer_of(tiny_model, data, tmp_path, *words)
    assert isinstance(trainer.data_collator, SharedNegativesCollator) == shared
    found = loss_of_a_batch(trainer)
    scores = [20 * scores_of(tiny_model, data, name) for name in chosen]
    right = scores[0].diagonal()
    if partition == "joint":
        expected = torch.cat(scores, dim=1).logsumexp(dim=1) - right
    else:
        expected = sum(part.logsumexp(dim=1) for part in scores) / len(scores) - right
    assert found == pytest.approx(expected.mean().item(), abs=1e-4)


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl"])
@pytest.mark.parametrize("given", [*HARDNESS, "hard_negatives:2", "in_batch_negatives:0.5"])
def test_hardness_adds_its_strength_times_the_similarity_to_the_negatives_of_its_mode(
    tiny_model: SentenceTransformer, tmp_path: Path, loss: str, given: str
) -> None:
    data = rows(sharing=0)
    trainer = trainer_of(tiny_model, data, tmp_path, *ONE_WAY, "--loss", loss, "--hardness", given)
    mode, strength = read_hardness(given)
    own, none = EACH, torch.zeros_like(EACH)
    weighed = {
        "in_batch_negatives": torch.cat([~own, ~own], dim=1),
        "hard_negatives": torch.cat([none, own], dim=1),
        "all_negatives": torch.cat([~own, ~none], dim=1),
    }[str(mode)]
    similarities = scores_of(tiny_model, data, "query_to_doc")
    scores = 20 * similarities + strength * similarities * weighed
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(BATCH))
    assert loss_of_a_batch(trainer) == pytest.approx(expected.item(), abs=1e-4)


@pytest.mark.parametrize("words", ["--hardness in_batch_negatives", f"--directions {ALL}"])
def test_where_a_row_owns_its_negative_no_batch_holds_it_twice(
    tiny_model: SentenceTransformer, tmp_path: Path, words: str
) -> None:
    data = Dataset.from_dict(
        {
            "query": [f"query {n}" for n in range(48)],
            "positive": [f"positive {n}" for n in range(48)],
            "negative": [f"negative {n // 2}" for n in range(48)],
        }
    )
    trainer = trainer_of(tiny_model, data, tmp_path, *words.split())
    for batch in trainer.get_batch_sampler(data, BATCH, True, generator=torch.Generator(), seed=1):
        assert len({data["negative"][row] for row in batch}) == BATCH


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl"])
def test_without_hard_negatives_a_query_meets_the_passages_of_other_rows_alone(
    tiny_model: SentenceTransformer, tmp_path: Path, loss: str
) -> None:
    data = training_rows(rows(sharing=3), list(range(BATCH)), ["query", "positive"])
    trainer = trainer_of(
        tiny_model, data, tmp_path, *ONE_WAY, "--loss", loss, "--negatives", "none"
    )
    batch = next(iter(trainer.get_train_dataloader()))
    assert {key.split("_")[0] for key in batch} == {"query", "positive"}
    query, positive, _ = embed(tiny_model, rows(sharing=3))
    expected = torch.nn.functional.cross_entropy(20 * query @ positive.T, torch.arange(BATCH))
    assert loss_of_a_batch(trainer) == pytest.approx(expected.item(), abs=1e-4)


def test_without_hard_negatives_their_hardness_is_refused() -> None:
    with pytest.raises(UserError, match="--hardness hard_negatives: weighs what --negatives none"):
        parse_arguments(["--negatives", "none", "--hardness", "hard_negatives:3"])


def test_directions_are_known_hold_the_positive_and_have_one_order() -> None:
    assert read_directions("doc_to_query, query_to_doc") == ("query_to_doc", "doc_to_query")
    run, _ = parse_arguments(["--directions", "doc_to_query,query_to_doc"])
    assert run.directions == "query_to_doc,doc_to_query"
    assert read_directions(None) == ("query_to_doc", "doc_to_query")
    with pytest.raises(UserError, match="--directions up: must be names of query_to_doc, "):
        parse_arguments(["--directions", "query_to_doc,up"])
    with pytest.raises(UserError, match="--directions doc_to_doc: must be query_to_doc, or it and"):
        parse_arguments(["--directions", "doc_to_doc"])


@pytest.mark.parametrize("given", ["hard_negatives:0", "hard_negatives:x", "hard_negatives:inf"])
def test_a_strength_is_a_number_above_0(given: str) -> None:
    with pytest.raises(UserError, match=f"--hardness {given}: must be hard_negatives, or .*above"):
        parse_arguments(["--hardness", given])


def test_an_unknown_mode_of_hardness_is_refused_with_the_modes() -> None:
    with pytest.raises(UserError, match="--hardness none: must be one of in_batch_negatives, hard"):
        parse_arguments(["--hardness", "none"])


def test_the_metadata_states_what_the_options_became(tiny_model: SentenceTransformer) -> None:
    given: dict[str, Any] = {"directions": "query_to_doc", "hardness": "hard_negatives"}
    assert describe_loss("mnrl", tiny_model, given)["loss_options"] == {
        "directions": ["query_to_doc"],
        "partition_mode": "joint",
        "hardness_mode": "hard_negatives",
        "hardness_strength": 5.0,
    }
