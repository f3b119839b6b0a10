"""BEIR folders: judgements, the corpus around them, and what is wrong with their files."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from conftest import make_row
from data_files import write_beir

from evaluation.retrieval.task import retrieval_task
from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.reading.source import DataSource

ROWS = [make_row(n, "hvac", query=f"why {n}?") for n in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_beir({"train": ROWS[:4], "test": ROWS[4:]}, tmp_path, more=["nobody's passage"])


def test_the_read_line_names_the_judgements(folder: Path) -> None:
    assert load_pairs(folder).files.describe() == [
        "beir: a BEIR folder with judgements for train, test; query, positive, negative, one "
        'domain, "all"'
    ]


def test_a_query_is_ranked_against_the_whole_corpus(folder: Path) -> None:
    task = retrieval_task(load_pairs(folder), [4, 5])
    assert task.corpus[-1] == "nobody's passage"
    assert task.passage_ids[-1] == f"c{len(task.corpus)}"
    assert len(task.corpus) == 1 + len(
        {text for row in ROWS for text in (row["positive"], row["negative"])}
    )
    assert task.extra_passages == 0


def test_metadata_of_queries_may_be_the_domain(folder: Path) -> None:
    pairs = load_pairs(DataSource.of(folder, domain_from="machine"))
    assert set(pairs.column("domain")) == {"hvac"}


def test_the_files_may_be_packed(folder: Path) -> None:
    plain = load_pairs(folder)
    for name in ("corpus.jsonl", "queries.jsonl", "qrels/train.tsv"):
        packed = folder / f"{name}.gz"
        packed.write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    assert load_pairs(folder).dataset[:] == plain.dataset[:]


def test_a_judgement_of_nothing_known_names_file_and_row(folder: Path) -> None:
    with (folder / "qrels" / "test.tsv").open("a", encoding="utf-8") as file:
        file.write("q0\tno-such\t1\nq99\td0\t1\n")
    with pytest.raises(UserError) as error:
        load_pairs(folder)
    assert str(error.value).splitlines()[:2] == [
        f'{folder}: qrels/test.tsv, row 5 (line 6): "no-such" is no _id of corpus.jsonl',
        f'{folder}: qrels/test.tsv, row 6 (line 7): "q99" is no _id of queries.jsonl',
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "qrels/test.tsv",
            "query\tdocument\n1\t2\n",
            "needs the columns query-id, corpus-id, score",
        ),
        (
            "qrels/test.tsv",
            "query-id\tcorpus-id\tscore\nq\td\tgood\n",
            "row 1 .line 2.: needs query",
        ),
        ("corpus.jsonl", '{"id": "d0", "text": "a"}\n', "corpus.jsonl:1: needs the fields _id and"),
        ("queries.jsonl", '{"_id": "q0"}\n', "queries.jsonl:1: needs the fields _id and text"),
    ],
)
def test_a_file_of_another_form_is_one_line(
    name: str, content: str, message: str, folder: Path
) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_pairs(folder)
