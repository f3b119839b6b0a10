"""The same rows in any format are the same pairs, the same split, and the same check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import make_row
from data_files import FORMATS, lines, write_beir

from pairs.checks.clean import write_clean
from pairs.checks.findings import find_all
from pairs.checks.scan import scan_file
from pairs.checks.tokens import TokenCounter
from pairs.loading import load_pairs
from pairs.split import split_pairs

# Line breaks, quotes, delimiters and letters beyond ASCII, all of them of Windows-1252.
ODD = 'Öl – "Pumpe"; 5 €|\nzweite Zeile, mit\ttab'
ROWS = [
    make_row(n, domain, query=f"{ODD} {n % 7}?" if n % 3 else f"why {n}?", positive=f"{ODD} {n}")
    for domain in ("hvac", "forklift")
    for n in range(12)
]
READ_AS = {
    "jsonl": "pairs.jsonl: JSONL, UTF-8",
    "jsonl.gz": "pairs.jsonl.zst: JSONL, UTF-8",
    "utf16 jsonl": "pairs.jsonl: JSONL, UTF-16",
    "json": "pairs.json: a JSON array, UTF-8",
    "csv": "pairs.csv: CSV, UTF-8",
    "csv.zst": "pairs.csv.zst: CSV, UTF-8",
    "semicolons": 'pairs.csv: CSV with ";", UTF-8 with a byte order mark',
    "bars": 'pairs.txt: CSV with "|", UTF-8',
    "tsv": "pairs.tsv: TSV, UTF-16",
    "windows-1252": 'pairs.csv: CSV with ";", Windows-1252, for it is not UTF-8',
    "parquet": "pairs.parquet: Parquet",
    "feather": "pairs.feather: Arrow",
    "arrow stream": "pairs.arrow: Arrow",
    "excel": 'pairs.xlsx: Excel, sheet "Q&A"',
    "dataset": "saved: a data set saved to disk",
    "splits": "splits: a data set saved to disk (some 9, others 15)",
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_rows_are_the_same_pairs_and_the_same_split(name: str, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    plain = load_pairs(FORMATS["jsonl"](ROWS, tmp_path / "plain"))
    pairs = load_pairs(FORMATS[name](ROWS, tmp_path))
    assert pairs.dataset[:] == plain.dataset[:]
    assert pairs.dataset.column_names == plain.dataset.column_names
    assert len(set(pairs.line_numbers)) == len(ROWS)
    assert split_pairs(pairs, 0.2) == split_pairs(plain, 0.2)
    assert pairs.files.describe() == [f"{READ_AS[name]}; query, positive, negative, domain"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_hash_changes_with_the_content_alone(name: str, tmp_path: Path) -> None:
    first = load_pairs(FORMATS[name](ROWS, tmp_path)).sha256
    assert load_pairs(FORMATS[name](ROWS, tmp_path)).sha256 == first or name == "excel"
    (tmp_path / "other").mkdir()
    other = [*ROWS[:-1], {**ROWS[-1], "query": "another one?"}]
    assert load_pairs(FORMATS[name](other, tmp_path / "other")).sha256 != first


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "jsonl"])
def test_a_bad_row_is_named_in_the_terms_of_the_format_and_left_out_of_the_clean_copy(
    name: str, tmp_path: Path, tiny_counter: TokenCounter
) -> None:
    bad = [*ROWS[:12], {**ROWS[12], "query": " "}, *ROWS[13:]]
    path = FORMATS[name](bad, tmp_path)
    scan = scan_file(path, tiny_counter)
    terms = {
        "jsonl.gz": ":13: ",
        "utf16 jsonl": ":13: ",
        "excel": ': sheet "Q&A", row 14: ',
        "splits": ': split "others", row 4: ',
    }
    [problem] = scan.problems
    if path.suffix in (".csv", ".tsv", ".txt") or "csv" in path.name:
        # The header, and twelve rows before it with one line break in each positive.
        breaks = sum(text.count("\n") for row in bad[:12] for text in row.values())
        terms[name] = f": row 13 (line {1 + 12 + breaks + 1}): "
    expected = f'{path}{terms.get(name, ": row 13: ")}field "query" is empty; '
    assert problem.startswith(expected)
    copy = tmp_path / "clean.jsonl"
    kept, left_out = write_clean(scan, find_all(scan)[:1], copy)
    assert (kept, left_out) == (23, 1)
    rows = [json.loads(line) for line in copy.read_text("utf-8").splitlines()]
    assert rows == [*ROWS[:12], *ROWS[13:]]


def test_jsonl_keeps_its_bytes_in_the_clean_copy(
    tmp_path: Path, tiny_counter: TokenCounter
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(lines(ROWS).replace('": ', '" :  '), encoding="utf-8")
    scan = scan_file(path, tiny_counter)
    write_clean(scan, find_all(scan)[:1], tmp_path / "clean.jsonl")
    assert (tmp_path / "clean.jsonl").read_bytes() == path.read_bytes()


def test_a_beir_folder_gives_its_rows_with_title_and_text_joined(tmp_path: Path) -> None:
    rows = [make_row(n, "hvac", query=f"why {n}?") for n in range(6)]
    pairs = load_pairs(write_beir({"test": rows}, tmp_path, more=["a passage of nobody"]))
    assert pairs.dataset.remove_columns("domain").to_list() == [
        {name: row[name] for name in ("query", "positive", "negative")} for row in rows
    ]
    assert list(pairs.further_passages) == ["a passage of nobody"]
