"""A row may have several negatives, as a list or as numbered fields, and all of them are seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from card_facts import make_metadata
from conftest import MakePairs, make_row
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import mine_hard_negatives

from evaluation.retrieval.task import retrieval_task
from model_card.card.card import write_card
from model_card.card.metadata import describe_data
from model_card.package.leaks import check_no_training_text
from nic.errors import UserError
from pairs.columns import TEXT_COLUMNS
from pairs.loading import Pairs, load_pairs
from pairs.split import Split, split_pairs
from pairs.split_counts import describe_split


def with_negatives(number: int, *negatives: Any, **more: Any) -> dict[str, Any]:
    return make_row(number, "hvac", negative=list(negatives), **more)


def numbered(number: int, *negatives: Any) -> dict[str, Any]:
    row = make_row(number, "hvac")
    del row["negative"]
    return row | {f"negative_{n}": text for n, text in enumerate(negatives, 1)}


@pytest.fixture
def ragged(write_pairs: MakePairs) -> Pairs:
    """Three rows with two, one and three negatives."""
    rows = [with_negatives(1, "a b", "c d"), make_row(2, "hvac", negative="e f")]
    return load_pairs(write_pairs([*rows, with_negatives(3, "g h", "a b", "i k")]))


def test_a_list_numbered_fields_and_a_string_are_read_alike(write_pairs: MakePairs) -> None:
    lists = load_pairs(write_pairs([with_negatives(1, "a b", " c d "), with_negatives(2, "e f")]))
    rows = [numbered(1, "a b", "c d"), make_row(2, "hvac", negative="e f")]
    fields = load_pairs(write_pairs(rows))
    assert lists.dataset[:] == fields.dataset[:]
    assert lists.negatives() == [["a b", "c d"], ["e f"]]
    assert fields.extras == [{}, {}]


def test_numbered_fields_stand_in_the_order_of_their_numbers_and_null_is_none(
    write_pairs: MakePairs,
) -> None:
    row = numbered(1, *[f"text {n}" for n in range(1, 12)], None)
    pairs = load_pairs(write_pairs([dict(reversed(row.items())), numbered(2, "one", None)]))
    assert pairs.negatives() == [[f"text {n}" for n in range(1, 12)], ["one"]]


def test_a_text_that_stands_twice_among_the_negatives_of_a_row_counts_once(
    write_pairs: MakePairs,
) -> None:
    row = with_negatives(1, "prüfen", "c d", " c d", "pru\u0308fen")
    assert load_pairs(write_pairs([row])).negatives() == [["prüfen", "c d"]]


def test_one_negative_in_any_spelling_gives_the_data_set_split_and_task_of_a_string(
    write_pairs: MakePairs,
) -> None:
    plain = [make_row(n, "hvac") for n in range(30)]
    lists = [row | {"negative": [row["negative"]]} for row in plain]
    fields = [numbered(n, row["negative"]) for n, row in enumerate(plain)]
    one, *others = (load_pairs(write_pairs(rows)) for rows in (plain, lists, fields))
    assert one.dataset.column_names == [*TEXT_COLUMNS, "domain"]
    task = retrieval_task(one, range(30))
    assert task.passage_ids == [f"{kind}{line}" for kind in "pn" for line in range(1, 31)]
    for other in others:
        assert other.dataset.features == one.dataset.features
        assert other.dataset[:] == one.dataset[:]
        assert split_pairs(other) == split_pairs(one)
        found = retrieval_task(other, range(30))
        assert (found.passage_ids, found.corpus) == (task.passage_ids, task.corpus)


def test_the_columns_of_further_negatives_are_empty_in_rows_with_fewer(ragged: Pairs) -> None:
    assert ragged.dataset.column_names == [*TEXT_COLUMNS, "negative_2", "negative_3", "domain"]
    assert ragged.negative_columns == ["negative", "negative_2", "negative_3"]
    assert ragged.column("negative_2") == ["c d", None, "a b"]
    assert ragged.texts(["negative", "negative_2"]) == ["a b", "e f", "g h", "c d"]


def test_what_the_library_mines_as_n_tuples_is_read(
    tiny_model: SentenceTransformer, write_pairs: MakePairs
) -> None:
    rows = [make_row(n, "hvac") for n in range(12)]
    two = Dataset.from_dict({name: [row[name] for row in rows] for name in TEXT_COLUMNS[:2]})
    options: dict[str, Any] = {"num_negatives": 3, "output_format": "n-tuple", "verbose": False}
    mined = mine_hard_negatives(two, tiny_model, output_scores=True, **options)
    pairs = load_pairs(write_pairs([{**row, "domain": "hvac"} for row in mined]))
    assert len(pairs) == 12
    assert pairs.negatives() == [[row[f"negative_{n}"] for n in (1, 2, 3)] for row in mined]
    assert list(pairs.extras[0]) == ["scores"]


PROBLEMS = {
    'negative 2 of field "negative" is empty; leave it out': {"negative": ["a", " "]},
    'negative 1 of field "negative" is int, not a string': {"negative": [3, "a"]},
    'negative 3 of field "negative" is NoneType, not a string': {"negative": ["a", "b", None]},
    'negative 2 of field "negative" holds half a surrogate': {"negative": ["a", "\ud800"]},
    'field "negative_1" is list, not a string': {"negative_1": ["a"]},
    "positive and negative 2 are the same text; the negative": {"negative": ["a", "yes  "]},
    "positive and negative 3 are the same text": {"negative_1": "a", "negative_3": "yes"},
    'fields "negative" and "negative_1": give all negatives of a row in one way': {
        "negative": "a",
        "negative_1": "b",
    },
    'field "negative" is dict, not a string': {"negative": {"text": "a"}},
}


PROBLEMS["101 negatives; give at most 100, the hardest first"] = {
    "negative": [f"no {number}" for number in range(101)]
}


def test_a_field_with_a_number_of_thousands_of_digits_is_no_negative(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    row = {**make_row(1, "hvac"), "negative_" + "9" * 5000: "further"}
    path.write_text(json.dumps(row), encoding="utf-8")
    assert load_pairs(path).negatives() == [[row["negative"]]]


@pytest.mark.parametrize(("problem", "negatives"), PROBLEMS.items(), ids=PROBLEMS)
def test_an_error_names_the_line_and_which_negative(
    problem: str, negatives: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "pairs.jsonl"
    bad = {"query": "why", "positive": "yes", "domain": "hvac", **negatives}
    path.write_text("\n".join(map(json.dumps, (make_row(1, "hvac"), bad))), encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_pairs(path)
    assert str(error.value).startswith(f"{path}:2: {problem}")


def test_the_corpus_holds_every_negative_once_under_the_id_of_its_first_place(
    ragged: Pairs,
) -> None:
    task = retrieval_task(ragged, [0, 1, 2])
    negatives = dict(zip(task.passage_ids[3:], task.corpus[3:], strict=True))
    assert negatives == {
        "n1": "a b",
        "n1.2": "c d",
        "n2": "e f",
        "n3": "g h",
        "n3.3": "i k",
    }
    assert all(domains == {"hvac"} for domains in task.passage_domains)


def test_a_held_out_positive_is_counted_among_all_training_negatives_that_are_taken(
    write_pairs: MakePairs,
) -> None:
    held_out = make_row(1, "hvac")
    row = with_negatives(2, "a b", held_out["positive"])
    pairs, split = load_pairs(write_pairs([held_out, row])), Split([1], [0], 0)
    counted = [
        describe_split(split, pairs, taken).positives_among_train_negatives["validation"]
        for taken in (None, 2, 1, 0)
    ]
    assert counted == [1, 1, 0, 0]


def test_the_metadata_counts_all_negatives(ragged: Pairs) -> None:
    data = describe_data(ragged, {}, {})
    assert (data["pairs"], data["negatives"], data["passages"]) == (3, 5, 8)


def test_no_card_and_no_published_file_quotes_a_further_negative(
    write_pairs: MakePairs, tmp_path: Path
) -> None:
    quoted = "Tighten the lower hose clamp by hand."
    pairs = load_pairs(write_pairs([with_negatives(1, "a b", quoted)]))
    facts = make_metadata()
    facts["training"]["command"] = ["--query-prompt", quoted]
    with pytest.raises(UserError, match="would quote the training data"):
        write_card(facts, pairs, tmp_path)
    (tmp_path / "README.md").write_text(f"# Model\n\n{quoted}\n", encoding="utf-8")
    (tmp_path / "metadata.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="README.md"):
        check_no_training_text(tmp_path, pairs)
