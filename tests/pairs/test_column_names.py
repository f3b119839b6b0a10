"""Columns are known by their usual names, by --columns, or one line says which there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from data_files import delimited, lines, write_parquet, write_workbook

from nic.errors import UserError
from pairs.loading import Pairs, load_pairs
from pairs.readers import read_records
from pairs.reading.source import DataSource

GERMAN = [
    {"Frage": f"Warum {n}?", "Antwort": f"Pumpe {n} prüfen", "Falsch": f"Filter {n}", "Gerät": "A"}
    for n in range(3)
]
ASKED = ("query=Frage", "positive=Antwort", "negative=Falsch")


def write_csv(folder: Path, text: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def loaded(folder: Path, header: str, *rows: str, **reading: object) -> Pairs:
    path = write_csv(folder, "\n".join([header, *rows]))
    return load_pairs(DataSource.of(path, **reading))


@pytest.mark.parametrize("query", ["query", "question", "anchor", "sentence1", " QUESTION "])
@pytest.mark.parametrize(
    "positive", ["positive", "answer", "passage", "context", "document", "POS"]
)
@pytest.mark.parametrize("negative", ["negative", "negatives", "neg", "hard_negative", "Neg_1"])
def test_the_usual_names_are_taken(
    query: str, positive: str, negative: str, tmp_path: Path
) -> None:
    pairs = loaded(tmp_path, f"{query};{positive};{negative};n", "why;oil it;paint it;7")
    assert pairs.dataset[:] == {
        "query": ["why"],
        "positive": ["oil it"],
        "negative": ["paint it"],
        "domain": ["all"],
    }
    assert pairs.extras == [{"n": "7"}]


def test_numbered_negatives_keep_their_order_and_empty_cells_are_none(tmp_path: Path) -> None:
    header = "question,answer,negative_10,negative_2,domain"
    pairs = loaded(tmp_path, header, "a,b,last,first,d", "c,d,,only,d")
    assert pairs.negatives() == [["first", "last"], ["only"]]


def test_what_is_taken_is_said(tmp_path: Path) -> None:
    pairs = loaded(tmp_path, "Question;Answer;neg", "why;oil;paint")
    assert pairs.files.describe() == [
        'pairs.csv: CSV with ";", UTF-8; query from "Question", positive from "Answer", '
        'negative from "neg", one domain, "all"'
    ]


def test_a_name_of_the_projects_own_wins_and_the_other_is_told(tmp_path: Path) -> None:
    pairs = loaded(tmp_path, "question,query,positive,answer,negative", "x,why,oil,y,paint")
    assert pairs.dataset["query"][:] == ["why"]
    [said] = pairs.files.describe()
    assert 'query, positive, negative, one domain, "all"; not read: "question", "answer"' in said


def test_columns_that_could_both_be_meant_are_one_line_with_the_flag_to_add(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        loaded(tmp_path, "question,context,answer", "why,text,oil")
    path = tmp_path / "pairs.csv"
    assert str(error.value) == (
        f'{path}: "context" and "answer" could each be the positive; its columns are "question", '
        '"context", "answer"; choose one, as with --columns positive=context'
    )
    pairs = loaded(
        tmp_path, "question,context,answer,neg", "why,a,oil,z", columns=["positive=answer"]
    )
    assert pairs.dataset["positive"][:] == ["oil"]


@pytest.mark.parametrize("write", [delimited, lines], ids=["csv", "jsonl"])
def test_unknown_columns_are_one_line_that_lists_them(write: object, tmp_path: Path) -> None:
    assert callable(write)
    path = tmp_path / "pairs.csv"
    path.write_text(write(GERMAN), encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_pairs(path)
    assert str(error.value) == (
        f'{path}: no column is known as the query; its columns are "Frage", "Antwort", "Falsch", '
        '"Gerät"; name it, as with --columns query=Frage'
    )


def test_named_columns_and_the_domain_from_one_are_read(tmp_path: Path) -> None:
    for path in (write_csv(tmp_path, delimited(GERMAN, ";")), write_parquet(GERMAN, tmp_path)):
        source = DataSource.of(path, columns=ASKED, domain_from="gerät")
        pairs = load_pairs(source)
        assert pairs.dataset.to_list() == [
            {
                "query": row["Frage"],
                "positive": row["Antwort"],
                "negative": row["Falsch"],
                "domain": "A",
            }
            for row in GERMAN
        ]


def test_a_problem_names_the_column_as_the_file_does(tmp_path: Path) -> None:
    path = write_csv(tmp_path, delimited([*GERMAN, {**GERMAN[0], "Antwort": ""}]))
    with pytest.raises(UserError) as error:
        load_pairs(DataSource.of(path, columns=ASKED))
    first = str(error.value).splitlines()[0]
    assert first.startswith(f'{path}: row 4 (line 5): field "Antwort" is empty; ')


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["query=Fragen"], 'has no column "Fragen", which --columns query= names; its columns are'),
        (["question=Frage"], "--columns question=Frage: give query=NAME, positive=NAME"),
        (["query"], "--columns query: give query=NAME"),
        (["query=Frage", "query=Antwort"], "names the query twice"),
        (["query=Frage", "positive=frage"], '"frage" is named twice'),
    ],
)
def test_a_flag_that_names_no_column_is_one_line(
    columns: list[str], message: str, tmp_path: Path
) -> None:
    path = write_csv(tmp_path, delimited(GERMAN))
    with pytest.raises(UserError) as error:
        load_pairs(DataSource.of(path, columns=columns))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_the_domain_is_the_column_else_the_one_that_is_given_else_one_for_all(
    tmp_path: Path,
) -> None:
    with_column = ("query,positive,negative,domain", "a,b,c,hvac", "d,e,f,")
    assert loaded(tmp_path, *with_column, domain="rest").column("domain") == ["hvac", "rest"]
    with pytest.raises(UserError, match='row 2 .line 3.: field "domain" is empty'):
        loaded(tmp_path, *with_column)
    without = ("query,positive,negative", "a,b,c")
    assert loaded(tmp_path, *without, domain="rest").column("domain") == ["rest"]
    assert loaded(tmp_path, *without).column("domain") == ["all"]


def test_a_domain_in_some_rows_of_jsonl_is_needed_in_all(tmp_path: Path) -> None:
    good = {"query": "a", "positive": "b", "negative": "c"}
    path = tmp_path / "pairs.jsonl"
    path.write_text(lines([{**good, "domain": "d"}, good]), encoding="utf-8")
    with pytest.raises(UserError, match=r'pairs.jsonl:2: field "domain" is missing'):
        load_pairs(path)
    path.write_text(
        lines([{**good, "m": "x"}] * 100 + [{**good, "m": "x", "domain": "d"}]), encoding="utf-8"
    )
    with pytest.raises(UserError, match=r'pairs.jsonl:101: has a field "domain", which the first'):
        load_pairs(path)
    domains = load_pairs(DataSource.of(path, domain_from="m")).column("domain")
    assert domains == ["x"] * 101


def test_a_number_is_a_domain_where_a_column_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    row = {"query": "a", "positive": "b", "negative": "c", "year": 1998}
    path.write_text(lines([row]), encoding="utf-8")
    assert load_pairs(DataSource.of(path, domain_from="year")).column("domain") == ["1998"]


def test_a_list_of_positives_is_one_row_each(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    row = {"query": "a", "pos": ["b", "c"], "neg": ["x", "y"]}
    path.write_text(lines([row, {**row, "query": "z", "pos": ["d"]}]), encoding="utf-8")
    pairs = load_pairs(path)
    assert pairs.column("query") == ["a", "a", "z"]
    assert pairs.column("positive") == ["b", "c", "d"]
    assert pairs.negatives() == [["x", "y"]] * 3
    assert pairs.line_numbers == [1, 1, 2]
    path.write_text(lines([row, {**row, "pos": []}, {**row, "pos": ["b", 3]}]), encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_pairs(path)
    assert str(error.value).splitlines()[:2] == [
        f'{path}:2: field "pos" is an empty list',
        f'{path}:3: field "pos" is int, not a string',
    ]


def test_readers_alone_keep_the_names_of_the_file(tmp_path: Path) -> None:
    path = write_csv(tmp_path, delimited(GERMAN))
    assert [record.row for record in read_records(path)] == GERMAN
    texts = [{"text": "a passage"}]
    assert [record.row for record in read_records(write_workbook(texts, tmp_path))] == texts
