"""A run whose rows bring no negatives mines them from the passages that it trains on."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import WORDS, MakePairs
from safetensors.torch import load_file
from tiny_runs import train_tiny, tune_tiny

from evaluation.mined_negatives import MinedNegatives
from nic.chunked_model import ChunkedSentenceTransformer
from nic.errors import UserError
from pairs.checks.scan import scan_file
from pairs.checks.tokens import TokenCounter
from pairs.loading import Pairs, load_pairs
from pairs.words import comparable
from training import fitting
from training.command.parser import parse_arguments
from training.command.run_arguments import RunArguments
from training.known_answers import known_answers, scan_with_negatives
from training.negatives.of_run import mine_split, with_mined
from training.run_data import RunData, data_of_fold, read_data

ROWS = 80


def rows(domains: Sequence[str] = ("forklift", "radar")) -> list[dict[str, Any]]:
    """Pairs without negatives, in which a random model too finds a passage by its words."""
    found = []
    for n in range(ROWS):
        words = [WORDS[(n * step + step) % len(WORDS)] for step in (1, 7, 11)]
        text = " ".join([*words, *words, f"{n}", f"{n}"])
        domain = domains[n % len(domains)]
        found.append({"query": f"why {text}", "positive": f"{text} is", "domain": domain})
    return found


@pytest.fixture
def bare(write_pairs: MakePairs) -> Path:
    """Eighty pairs of two domains without negatives."""
    return write_pairs(rows(), "bare.jsonl")


def data_of(path: Path, *more: str) -> tuple[RunData, RunArguments]:
    words = ["--data-file", str(path), "--batch-size", "8", "--val-ratio", "0.2"]
    run, arguments = parse_arguments([*words, "--device", "cpu", "--negatives", "auto", *more])
    return read_data(run, arguments), run


def mined_of(path: Path, model: ChunkedSentenceTransformer, *more: str) -> tuple[RunData, Pairs]:
    data, run = data_of(path, *more)
    data = with_mined(data, model, run, [run.negatives], None)
    return data, data.trained_pairs(run)


def test_rows_without_negatives_get_passages_of_the_training_part_alone(
    bare: Path, tiny_model: ChunkedSentenceTransformer
) -> None:
    data, trained = mined_of(bare, tiny_model, "--negatives-per-row", "3", "--test-ratio", "0.1")
    positives = trained.column("positive")
    of_training = {positives[row] for row in data.split.train}
    negatives = trained.negatives()
    found = [text for row in data.split.train for text in negatives[row]]
    assert len(found) > len(data.split.train)
    assert set(found) <= of_training
    assert not any(negatives[row] for row in (*data.split.validation, *data.split.test))
    assert all(positives[row] not in negatives[row] for row in data.split.train)
    assert data.pairs.negative_columns == []
    mined = data.mined["auto"]
    assert (mined.passages, mined.alone) == (len(of_training), False)


def test_one_is_mined_for_a_row_where_no_number_is_asked_for(
    bare: Path, tiny_model: ChunkedSentenceTransformer
) -> None:
    _, one = mined_of(bare, tiny_model)
    _, three = mined_of(bare, tiny_model, "--negatives-per-row", "3")
    assert one.negative_columns == ["negative"]
    assert one.negatives() == [of_row[:1] for of_row in three.negatives()]


def test_given_negatives_stay_and_rows_without_get_mined_ones(
    write_pairs: MakePairs, tiny_model: ChunkedSentenceTransformer
) -> None:
    mixed = [{**row, "negative": f"wrong {n}"} if n % 2 else row for n, row in enumerate(rows())]
    path = write_pairs(mixed)
    data, trained = mined_of(path, tiny_model)
    given = data.pairs.negatives()
    assert [trained.negatives()[row] for row in range(1, ROWS, 2)] == given[1::2]
    assert any(trained.negatives()[0::2])
    assert not set(data.mined["auto"].negatives) & set(range(1, ROWS, 2))


def test_mined_alone_is_as_if_the_file_had_no_negatives(
    write_pairs: MakePairs, bare: Path, tiny_model: ChunkedSentenceTransformer
) -> None:
    full = write_pairs([{**row, "negative": f"wrong {n}"} for n, row in enumerate(rows())])
    data, trained = mined_of(full, tiny_model, "--negatives", "mined")
    _, hidden = mined_of(bare, tiny_model)
    assert trained.negatives() == hidden.negatives()
    assert data.counts.positives_among_train_negatives == {"validation": 0}


def test_a_held_out_passage_is_not_mined_though_a_row_brings_it_as_a_negative(
    write_pairs: MakePairs, tiny_model: ChunkedSentenceTransformer
) -> None:
    first, _ = data_of(write_pairs(rows()))
    held_out = [rows()[row]["positive"] for row in first.split.validation]
    brings = rows()
    for row, text in zip(first.split.train, held_out, strict=False):
        brings[row]["negative"] = text
    data, trained = mined_of(write_pairs(brings), tiny_model, "--negatives-per-row", "8")
    assert data.split == first.split
    mined = [text for texts in data.mined["auto"].negatives.values() for text in texts]
    assert mined and not set(mined) & set(held_out)


def test_a_file_that_brings_all_of_them_is_not_mined(
    two_domains: Path, tiny_model: ChunkedSentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_model, "encode_document", lambda *_: pytest.fail("embeds"))
    data, run = data_of(two_domains)
    assert with_mined(data, tiny_model, run, ["auto", "given", "none"], None) is data
    assert data.trained_pairs(run) is data.pairs


def test_each_fold_is_mined_from_its_own_training_part(
    bare: Path, tiny_model: ChunkedSentenceTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, run = data_of(bare, "--folds", "2")
    data = with_mined(data, tiny_model, run, ["auto"], None)
    monkeypatch.setattr(tiny_model, "encode_document", lambda *_: pytest.fail("embeds"))
    for split in data.folds:
        fold = mine_split(data_of_fold(data, split, run, 42), ["auto"])
        positives = fold.pairs.column("positive")
        held_out = {positives[row] for row in (*split.validation, *split.test)}
        negatives = fold.trained_pairs(run).negatives()
        mined = {text for row in split.train for text in negatives[row]}
        assert mined and not mined & held_out


def test_rows_of_a_batch_keep_answers_apart_from_mined_negatives_too(
    bare: Path, tiny_model: ChunkedSentenceTransformer, tiny_counter: TokenCounter
) -> None:
    data, trained = mined_of(bare, tiny_model)
    scan = scan_file(bare, tiny_counter)
    changed = scan_with_negatives(scan, data.pairs, trained)
    number = dict(zip(data.pairs.column("positive"), scan.positives.tolist(), strict=True))
    expected = [[number[text] for text in texts] for texts in trained.negatives()]
    assert changed.negatives.tolist() == [n for of_row in expected for n in of_row]
    row = next(row for row, texts in enumerate(expected) if texts)
    apart = known_answers(changed, [row], 8, shared=True)[0]
    assert (1, f"p{scan.passages.groups[expected[row][0]]}") in apart


def metadata_of(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    return content


@pytest.mark.usefixtures("no_pictures")
def test_a_run_without_negatives_mines_says_so_and_repeats_itself(
    bare: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder, again = tmp_path / "model", tmp_path / "again"
    before = bare.read_bytes()
    for output in (folder, again):
        train_tiny(tiny_model_folder, bare, output, "--epochs", "1")
    assert bare.read_bytes() == before
    one, other = (load_file(path / "model.safetensors") for path in (folder, again))
    assert all(torch.equal(one[name], other[name]) for name in one)
    metadata = metadata_of(folder)
    negatives, trained = metadata["training"]["negatives"], metadata["data"]["trained_on"]
    found = negatives["mined"]["rows"]
    assert 0 < found <= trained
    assert negatives == {
        **{"per_row": 1, "rows_cut": 0, "rows_repeating": 0, "rows_without": trained - found},
        "mined": {
            **{"rows": found, "passages": metadata["data"]["split"]["train_passages"]},
            **{"rank_range": [10, 50], "relative_margin": 0.05},
        },
    }
    assert metadata["training"]["asked"]["negatives"] == "auto"
    assert metadata["data"]["negatives"] == 0
    log = (folder / "training.log").read_text(encoding="utf-8")
    assert f"Hard negatives: {found} of {trained} training rows have mined ones" in log
    card = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    said = f"negatives of {found} training rows were mined by the base model from "
    assert said in card
    report = tmp_path / "model-evaluation" / "results.json"
    assert f'"rows": {found}' in report.read_text(encoding="utf-8")
    assert said in log


@pytest.mark.usefixtures("no_pictures")
def test_mining_and_the_base_score_embed_each_text_once(
    bare: Path, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[str] = []
    monkeypatch.setattr(fitting, "run_training", lambda *_: pytest.skip("trained"))
    encode = ChunkedSentenceTransformer.encode

    def spy(self: Any, *args: Any, **options: Any) -> Any:
        embedded.extend(options.get("inputs") or args[0])
        return encode(self, *args, **options)

    monkeypatch.setattr(ChunkedSentenceTransformer, "encode", spy)
    with pytest.raises(pytest.skip.Exception, match="trained"):
        train_tiny(tiny_model_folder, bare, tmp_path / "model", "--test-ratio", "0.1")
    counts = Counter(embedded)
    assert {counts[text] for text in load_pairs(bare).texts()} == {1}


@pytest.mark.usefixtures("no_pictures")
def test_in_batch_negatives_alone_mine_nothing(
    bare: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    train_tiny(tiny_model_folder, bare, folder, "--epochs", "1", "--negatives", "none")
    negatives = metadata_of(folder)["training"]["negatives"]
    assert (negatives["per_row"], negatives["mined"]) == (0, None)
    assert "Mining" not in (folder / "training.log").read_text(encoding="utf-8")
    card = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert "(query, positive) pairs" in card
    assert "no different negatives" in card
    with pytest.raises(UserError, match="--negatives none, now auto"):
        more = ("--epochs", "2", "--negatives", "auto", "--resume")
        train_tiny(tiny_model_folder, bare, folder, *more)


@pytest.mark.usefixtures("no_pictures")
def test_a_resumed_run_goes_on_with_the_same_mined_negatives(
    bare: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train_tiny(tiny_model_folder, bare, whole, "--epochs", "2")
    train_tiny(tiny_model_folder, bare, resumed, "--epochs", "1")
    train_tiny(tiny_model_folder, bare, resumed, "--epochs", "2", "--resume")
    one, other = (load_file(path / "model.safetensors") for path in (whole, resumed))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.usefixtures("no_pictures")
def test_a_cross_validation_trains_without_given_negatives(
    bare: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    summary = train_tiny(
        tiny_model_folder, bare, tmp_path / "model", "--epochs", "1", "--folds", "2"
    )
    assert summary.results.data.folds == 2


@pytest.mark.usefixtures("no_pictures")
def test_a_search_tries_mined_negatives_and_none(
    bare: Path, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("negatives: {choices: [none, auto]}\nepochs: 1\n", encoding="utf-8")
    seen: dict[str, list[str]] = {}
    count = fitting.count_negatives

    def spy(pairs: Any, rows: Any, columns: list[str], *more: Any) -> Any:
        seen.setdefault("auto" if len(columns) > 2 else "none", columns)
        return count(pairs, rows, columns, *more)

    monkeypatch.setattr(fitting, "count_negatives", spy)
    more = ("--trials", "2", "--space", str(space), "--negatives", "none")
    tune_tiny(tiny_model_folder, bare, tmp_path / "model", *more)
    log = (tmp_path / "model" / "training.log").read_text(encoding="utf-8")
    assert log.count("Mining hard negatives") == 1
    assert "auto" in seen or "negatives=auto" not in log


def test_given_negatives_that_are_not_there_are_an_error_before_any_work(
    bare: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="--negatives given: no row of the training part has"):
        train_tiny(tiny_model_folder, bare, tmp_path / "model", "--negatives", "given")
    assert not (tmp_path / "model").exists()


def test_a_loss_that_takes_a_negative_of_each_row_refuses_rows_without(
    write_pairs: MakePairs, tiny_model_folder: Path, tmp_path: Path
) -> None:
    mixed = [{**row, "negative": f"wrong {n}"} if n % 2 else row for n, row in enumerate(rows())]
    flags = ("--negatives", "given", "--hardness", "hard_negatives")
    with pytest.raises(UserError, match="training rows have no negative, and the loss takes"):
        train_tiny(tiny_model_folder, write_pairs(mixed), tmp_path / "model", *flags)


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("loss", ["cached_mnrl", "guided"])
def test_every_loss_trains_where_some_rows_have_no_negative(
    loss: str, write_pairs: MakePairs, tiny_model_folder: Path, tmp_path: Path
) -> None:
    mixed = [{**row, "negative": [f"wrong {n}", "bad"][: n % 3]} for n, row in enumerate(rows())]
    flags = ("--negatives", "given", "--loss", loss, "--epochs", "1")
    train_tiny(tiny_model_folder, write_pairs(mixed), tmp_path / "model", *flags)
    negatives = metadata_of(tmp_path / "model")["training"]["negatives"]
    assert negatives["per_row"] == 2
    assert negatives["rows_without"] > 0
    assert negatives["mined"] is None


def test_the_log_says_from_where_negatives_were_mined(
    bare: Path, tiny_model: ChunkedSentenceTransformer, caplog: pytest.LogCaptureFixture
) -> None:
    data, trained = mined_of(bare, tiny_model)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        found = fitting.count_negatives(
            trained, data.training_rows, trained.text_columns, True, data.mined["auto"]
        )
    assert found.mined == MinedNegatives(
        len(data.training_rows) - found.rows_without, data.mined["auto"].passages, (10, 50), 0.05
    )
    assert caplog.messages[0].endswith(
        f"from {found.mined.passages} passages of the training part (places 11 to 50, margin 0.05)"
    )


def test_texts_of_one_form_are_one_passage(
    write_pairs: MakePairs, tiny_model: ChunkedSentenceTransformer
) -> None:
    pairs = rows(["hvac"])
    pairs[3]["positive"] += " prüfen"
    pairs[4] |= {
        "query": pairs[3]["query"],
        "positive": pairs[3]["positive"].replace("ü", "u\u0308"),
    }
    _, trained = mined_of(write_pairs(pairs), tiny_model, "--negatives-per-row", "40")
    answer = comparable(pairs[3]["positive"])
    assert answer not in trained.comparable_negatives()[3]
    assert len(set(map(tuple, (sorted(of_row) for of_row in trained.comparable_negatives())))) > 1
