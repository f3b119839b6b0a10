"""Rows with several negatives: what is trained on, and what the loss makes of it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakePairs, make_row
from datasets import Dataset
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from tiny_runs import GIVEN_NEGATIVES, loss_of_a_batch, train_tiny, trainer_of

from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from nic.models import find_model
from pairs.checks.scan import scan_file
from pairs.checks.tokens import load_token_counter
from pairs.loading import Pairs, load_pairs
from training import fitting
from training.command.parser import parse_arguments
from training.frozen import kept_states
from training.frozen.kept_states import texts_by_precision
from training.known_answers import known_answers
from training.loop.batch_sampler import (
    SharedNegativesBatchSampler,
    SharedNegativesCollator,
    takes_shared_negatives,
)
from training.loop.guide import BaseGuide, learn_guide
from training.loop.prompts import column_prompts
from training.run_data import read_data
from training.training_rows import (
    HardNegatives,
    count_negatives,
    training_columns,
    training_rows,
)

BATCH = 8
COLUMNS = ["query", "positive", "negative", "negative_2"]


def several(number: int, count: int) -> dict[str, Any]:
    """A row with so many negatives, which no other row has."""
    row = make_row(number, "hvac")
    texts = [f"{row['negative']} {word}" for word in ("pump", "valve", "motor", "belt")]
    return row | {"negative": texts[:count]}


@pytest.fixture
def ragged(write_pairs: MakePairs) -> Pairs:
    """Eight rows with one, two or three negatives."""
    return load_pairs(write_pairs([several(n, 1 + n % 3) for n in range(BATCH)]))


def rows_of(pairs: Pairs, negatives: int = 8) -> Dataset:
    columns = training_columns(pairs, negatives)
    return training_rows(pairs.dataset, list(range(len(pairs))), columns)


def two_of_each(sharing: int = 0) -> Dataset:
    """Rows with two negatives, of which the second is the first of the next row if shared."""
    second = [n + 1 if n < sharing else 100 + n for n in range(BATCH)]
    columns = {name: [f"{name} {n} pump" for n in range(BATCH)] for name in COLUMNS[:3]}
    return Dataset.from_dict(columns | {COLUMNS[3]: [f"negative {n} pump" for n in second]})


def librarys_loss(model: SentenceTransformer, columns: list[list[str]], **options: Any) -> float:
    """The library's loss on columns of texts."""
    model.eval()
    loss = MultipleNegativesRankingLoss(model, **options)
    vectors = [model.encode(texts, convert_to_tensor=True) for texts in columns]
    return float(loss.compute_loss_from_embeddings(vectors, torch.empty(0)).item())


def test_rows_are_cut_to_their_first_negatives_or_repeat_their_own_in_order(
    ragged: Pairs,
) -> None:
    rows, negatives = rows_of(ragged), ragged.negatives()
    assert rows.column_names == [*COLUMNS, "negative_3"]
    found = list(zip(*(rows[name] for name in rows.column_names[2:]), strict=True))
    (one,), (first, second) = negatives[0], negatives[1]
    assert found[:3] == [(one, one, one), (first, second, first), tuple(negatives[2])]
    two = rows_of(ragged, 2)
    assert two.column_names == COLUMNS
    assert two["negative_2"][:3] == [one, second, negatives[2][1]]
    assert rows_of(ragged, 1)["negative"] == [of_row[0] for of_row in negatives]
    assert rows_of(ragged, 0).column_names == COLUMNS[:2]


def test_the_default_takes_all_negatives_up_to_eight_and_more_where_asked(
    write_pairs: MakePairs,
) -> None:
    ten = make_row(0, "hvac") | {"negative": [f"text {n}" for n in range(10)]}
    pairs = load_pairs(write_pairs([ten]))
    taken = {
        words: len(training_columns(pairs, parse_arguments(words.split())[0].negatives_taken)) - 2
        for words in (
            "--negatives auto",
            "--negatives auto --negatives-per-row 2",
            "--negatives auto --negatives-per-row 12",
            "--negatives none",
        )
    }
    assert list(taken.values()) == [8, 2, 10, 0]


def test_the_log_counts_the_rows_that_are_cut_and_those_that_repeat(
    ragged: Pairs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    rows = range(BATCH)
    # Of 8 rows 3 have one negative, 3 have two and 2 have three.
    found = count_negatives(ragged, rows, COLUMNS, shared=False)
    assert found == HardNegatives(per_row=2, rows_cut=2, rows_repeating=3)
    assert caplog.messages == [
        "Hard negatives: up to 2 per row; 2 rows have more and are cut to their first",
        "3 rows with fewer negatives repeat theirs: the loss takes as many of each row",
    ]
    assert count_negatives(ragged, rows, COLUMNS, shared=True).rows_repeating == 0
    assert count_negatives(ragged, rows, COLUMNS[:2], shared=False) == HardNegatives(0, 0, 0)


def test_nothing_is_logged_of_one_negative_per_row(
    two_domains: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pairs = load_pairs(two_domains)
    caplog.clear()
    assert count_negatives(pairs, [0, 1], COLUMNS[:3], shared=False) == HardNegatives(1, 0, 0)
    assert caplog.messages == []


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl"])
def test_two_negatives_change_the_loss_as_the_librarys_loss_on_the_same_texts(
    tiny_model: SentenceTransformer, tmp_path: Path, loss: str
) -> None:
    data = two_of_each()
    trainer = trainer_of(tiny_model, data, tmp_path, "--loss", loss)
    assert isinstance(trainer.data_collator, SharedNegativesCollator)
    columns = [list(data[name]) for name in COLUMNS]
    found, expected = loss_of_a_batch(trainer), librarys_loss(tiny_model, columns)
    assert found == pytest.approx(expected, abs=1e-4)
    assert found > librarys_loss(tiny_model, columns[:3]) + 0.01


@pytest.mark.parametrize("loss", ["mnrl", "cached_mnrl", "guided", "cached_guided"])
def test_a_repeated_negative_counts_once_where_the_loss_takes_shared_ones(
    tiny_model_folder: Path, ragged: Pairs, tmp_path: Path, loss: str
) -> None:
    model = ChunkedSentenceTransformer(str(tiny_model_folder), device="cpu")
    data = rows_of(ragged)
    # A margin that masks nothing makes a guided loss the ranking loss.
    guided = ("--guide-margin=-1",) if "guided" in loss else ()
    trainer = trainer_of(model, data, tmp_path, "--loss", loss, *guided)
    learn_guide(trainer.loss, model, data)
    batch = next(iter(trainer.get_train_dataloader()))
    negatives = [text for of_row in ragged.negatives() for text in of_row]
    assert len(batch["negative_input_ids"]) == len(negatives) == 15
    found = loss_of_a_batch(trainer)
    query, positive, negative = (
        model.encode(texts, convert_to_tensor=True)
        for texts in (data["query"], data["positive"], negatives)
    )
    scores = 20 * query @ torch.cat([positive, negative]).T
    expected = torch.nn.functional.cross_entropy(scores, torch.arange(BATCH)).item()
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (
            "--hardness hard_negatives:2",
            {"hardness_mode": "hard_negatives", "hardness_strength": 2.0},
        ),
        (
            "--directions query_to_doc,doc_to_doc",
            {"directions": ("query_to_doc", "doc_to_doc")},
        ),
    ],
)
def test_a_loss_in_which_a_row_owns_its_negatives_gets_a_column_of_each(
    tiny_model: SentenceTransformer,
    ragged: Pairs,
    tmp_path: Path,
    words: str,
    options: dict[str, Any],
) -> None:
    data = rows_of(ragged)
    trainer = trainer_of(tiny_model, data, tmp_path, *words.split())
    assert not takes_shared_negatives(trainer.loss)
    columns = [list(data[name]) for name in data.column_names]
    expected = librarys_loss(tiny_model, columns, **options)
    assert loss_of_a_batch(trainer) == pytest.approx(expected, abs=1e-4)


def test_a_number_of_negatives_contradicts_leaving_them_out() -> None:
    with pytest.raises(
        UserError, match="--negatives-per-row: --negatives none, the default, leaves"
    ):
        parse_arguments(["--negatives-per-row", "2"])
    with pytest.raises(UserError, match="--negatives-per-row -1: must be 0 or more"):
        parse_arguments(["--negatives-per-row", "-1"])


def test_a_batch_has_no_row_whose_further_negative_is_anothers_positive() -> None:
    data = {name: [f"{name} {n}" for n in range(48)] for name in COLUMNS}
    # The second negative of a row is the positive of the next one with an odd number.
    data["negative_2"] = [f"positive {n + 1 if n % 2 == 0 else n - 1}" for n in range(48)]
    sampler = SharedNegativesBatchSampler(
        Dataset.from_dict(data),
        batch_size=BATCH,
        drop_last=True,
        generator=torch.Generator(),
        seed=1,
    )
    batches = list(sampler)
    assert len(batches) == 6
    assert not [n for batch in batches for n in batch if n % 2 == 0 and n + 1 in batch]


def test_rows_may_share_further_negatives_in_a_batch(tiny_model: Any, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_model, two_of_each(sharing=4), tmp_path)
    batch = next(iter(trainer.get_train_dataloader()))
    assert len(batch["negative_input_ids"]) == 2 * BATCH - 4


def test_answers_are_kept_apart_from_all_negatives_that_are_trained_on(
    write_pairs: MakePairs, tiny_model_folder: Path
) -> None:
    answer = make_row(1, "hvac")["positive"]
    path = write_pairs([make_row(1, "hvac"), several(2, 1), several(3, 1), several(4, 1)])
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[2]["negative"] = ["a wrong passage", answer]
    scan = scan_file(write_pairs(rows), load_token_counter(find_model(str(tiny_model_folder))))
    both, first = (
        known_answers(scan, range(4), negatives=number, shared=True) for number in (2, 1)
    )
    group = int(scan.passages.groups[scan.positives[0]])
    assert [(1, f"p{group}") in values for values in both] == [False, False, True, False]
    assert [(1, f"p{group}") in values for values in first] == [False] * 4


def test_frozen_states_are_kept_for_each_negative_that_is_trained_on_and_for_no_other(
    write_pairs: MakePairs,
) -> None:
    path = write_pairs([several(n, 1 + n % 3) for n in range(40)])
    words = ["--data-file", str(path), "--batch-size", "8", "--val-ratio", "0.2"]
    data = read_data(*parse_arguments([*words, "--eval-corpus-limit", "1"]))
    columns = training_columns(data.pairs, 2)
    prompts: dict[str, str | None] = {"query": "q: "}
    kept = texts_by_precision(data, torch.bfloat16, prompts, columns)[torch.bfloat16][None]
    assert None not in kept
    negatives = data.pairs.negatives()
    assert set(kept) >= {text for of_row in negatives for text in of_row[:2]}
    relevant = set(data.task.corpus)
    assert not [row[2] for row in negatives if len(row) > 2 if row[2] in set(kept) - relevant]


def test_the_guide_learns_each_negative_once(tiny_model_folder: Path, ragged: Pairs) -> None:
    model = ChunkedSentenceTransformer(str(tiny_model_folder), device="cpu")
    guide = BaseGuide(model)
    guide.learn(model, rows_of(ragged))
    assert len(guide) == 2 * BATCH + 15


def test_each_column_of_negatives_gets_the_prompt_of_passages_in_training_and_frozen_states(
    tiny_model_folder: Path,
    write_pairs: MakePairs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prompts = {"query": "q: ", "document": "d: "}
    model = ChunkedSentenceTransformer(str(tiny_model_folder), device="cpu", prompts=prompts)
    expected = {"query": "q: ", **dict.fromkeys(COLUMNS[1:], "d: ")}
    assert column_prompts(model, COLUMNS) == expected
    assert trainer_of(model, two_of_each(), tmp_path).data_collator.prompts == expected
    texts: dict[torch.dtype, dict[str | None, Any]] = {}

    def keep(model: Any, frozen: int, found: Any, *given: Any) -> list[Any]:
        texts.update(found)
        return []

    monkeypatch.setattr(kept_states, "keep_frozen_states", keep)
    path = write_pairs([several(n, 2) for n in range(40)])
    words = ["--data-file", str(path), "--batch-size", "8", "--val-ratio", "0.2"]
    data = read_data(*parse_arguments([*words, *GIVEN_NEGATIVES]))
    kept_states.KeptStates(data, COLUMNS, torch.float32, 1.0, tmp_path).serve(model, 2)
    assert {prompt for of_type in texts.values() for prompt in of_type} == {"q: ", "d: "}


@pytest.mark.usefixtures("no_pictures")
def test_a_run_on_ragged_rows_states_what_it_took_and_repeats(
    tiny_model_folder: Path, write_pairs: MakePairs, tmp_path: Path
) -> None:
    path = write_pairs([several(n, 1 + n % 3) for n in range(40)])
    folder, flags = tmp_path / "model", ("--negatives-per-row", "2", "--epochs", "1")
    train_tiny(tiny_model_folder, path, folder, *flags)
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    negatives = load_pairs(path).negatives()
    split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    held_out = {line - 1 for line in split["validation_lines"]}
    counts = Counter(len(negatives[row]) for row in range(40) if row not in held_out)
    training = metadata["training"]
    assert training["negatives"] == {
        **{"per_row": 2, "rows_cut": counts[3], "rows_repeating": 0},
        **{"rows_without": 0, "mined": None},
    }
    assert training["asked"]["negatives_per_row"] == 2
    assert "--negatives-per-row 2" in " ".join(training["command"])
    assert metadata["data"]["negatives"] == sum(map(len, negatives))
    log = (folder / "training.log").read_text(encoding="utf-8")
    assert f"up to 2 per row; {counts[3]} rows have more and are cut to their first" in log
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "(query, positive, up to 2 negatives) rows" in " ".join(card.split())
    with pytest.raises(UserError, match="--negatives-per-row 2, now 1"):
        more = ("--negatives-per-row", "1", "--epochs", "2", "--resume")
        train_tiny(tiny_model_folder, path, folder, *more)


@pytest.mark.usefixtures("no_pictures")
def test_a_list_of_one_negative_trains_the_weights_of_a_string(
    tiny_model_folder: Path, two_domains: Path, write_pairs: MakePairs, tmp_path: Path
) -> None:
    lines = two_domains.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    lists = write_pairs([row | {"negative": [row["negative"]]} for row in rows], "lists.jsonl")
    for data, name in ((two_domains, "string"), (lists, "list")):
        train_tiny(tiny_model_folder, data, tmp_path / name, "--epochs", "1")
    one, other = (load_file(tmp_path / n / "model.safetensors") for n in ("string", "list"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_held_out_passages_are_counted_among_the_negatives_that_are_trained_on(
    write_pairs: MakePairs,
) -> None:
    rows = [make_row(n, "hvac") for n in range(40)]
    for n, row in enumerate(rows):
        row["negative"] = [row["negative"], rows[n - 1]["positive"]]
    words = ["--data-file", str(write_pairs(rows)), "--batch-size", "8", "--val-ratio", "0.2"]
    counted = [
        read_data(
            *parse_arguments([*words, *GIVEN_NEGATIVES, *more])
        ).counts.positives_among_train_negatives
        for more in ([], ["--negatives-per-row", "1"], ["--negatives", "none"])
    ]
    assert counted[0]["validation"] > 0
    assert counted[1:] == [{"validation": 0}, {"validation": 0}]


@pytest.mark.usefixtures("no_pictures")
def test_every_column_of_negatives_passes_a_query_adapter_by(
    tiny_model_folder: Path, write_pairs: MakePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, routes = write_pairs([several(n, 2) for n in range(40)]), []
    build = fitting.build_trainer

    def keep(*given: Any) -> Any:
        trainer = build(*given)
        routes.append(trainer.args.router_mapping)
        return trainer

    monkeypatch.setattr(fitting, "build_trainer", keep)
    flags = ("--query-adapter", "--hardness", "hard_negatives", "--epochs", "1")
    train_tiny(tiny_model_folder, path, tmp_path / "model", *flags)
    assert routes == [{"query": "query", **dict.fromkeys(COLUMNS[1:], "document")}]
