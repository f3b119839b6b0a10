"""Several files are one data set: in their order by name, each row with its own file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from conftest import make_row
from data_files import delimited, lines, write_beir, write_parquet, write_workbook

from nic.errors import UserError
from pairs.checks.clean import write_clean
from pairs.checks.console import console_lines
from pairs.checks.findings import find_all
from pairs.checks.report import build_report
from pairs.checks.scan import scan_file
from pairs.checks.splits import split_as_training_does
from pairs.checks.tokens import TokenCounter
from pairs.loading import load_pairs
from pairs.reading.source import DataSource
from pairs.split import split_pairs
from pairs.split_file import load_split, read_as_split, save_split

ROWS = [make_row(n, "hvac" if n < 20 else "radar", query=f"why {n}?") for n in range(40)]


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    (tmp_path / "b.jsonl").write_text("\n" + lines(ROWS[10:20]), encoding="utf-8")
    (tmp_path / "a.csv").write_text(delimited(ROWS[:10]), encoding="utf-8", newline="")
    return [tmp_path / "b.jsonl", tmp_path / "a.csv", write_parquet(ROWS[20:], tmp_path)]


def test_several_files_are_read_in_the_order_of_their_names_each_once(three: list[Path]) -> None:
    pairs = load_pairs([*three, three[0]])
    assert pairs.column("query") == [row["query"] for row in ROWS]
    assert pairs.line_numbers == [*range(1, 11), *range(12, 22), *range(22, 42)]
    assert [line.split(":")[0] for line in pairs.files.describe()] == [
        "a.csv",
        "b.jsonl",
        "pairs.parquet",
    ]
    assert pairs.path.name == "a.csv, b.jsonl, pairs.parquet"


def test_a_pattern_stands_for_the_files_that_fit_it(three: list[Path]) -> None:
    folder = three[0].parent
    everything = load_pairs(f"{folder}/*.*")
    assert everything.dataset[:] == load_pairs(three).dataset[:]
    assert len(load_pairs(f"{folder}/?.*")) == 20
    with pytest.raises(UserError, match=r"no file fits this pattern; change --data-file"):
        load_pairs(f"{folder}/*.xlsx")


def test_the_hash_of_several_files_is_that_of_the_lines_of_sha256sum(three: list[Path]) -> None:
    names = sorted(path.name for path in three)
    text = "".join(
        f"{hashlib.sha256((three[0].parent / name).read_bytes()).hexdigest()}  {name}\n"
        for name in names
    )
    assert load_pairs(three).sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert load_pairs(three[0]).sha256 == hashlib.sha256(three[0].read_bytes()).hexdigest()


def test_a_bad_row_names_its_own_file(three: list[Path]) -> None:
    with three[0].open("a", encoding="utf-8") as file:
        file.write(lines([{**ROWS[0], "positive": ""}]))
    with pytest.raises(UserError, match=r'b.jsonl:12: field "positive" is empty'):
        load_pairs(three)


def test_the_check_names_the_file_of_a_row(
    three: list[Path], tiny_counter: TokenCounter, tmp_path: Path
) -> None:
    with three[0].open("a", encoding="utf-8") as file:
        file.write(lines([ROWS[0], {"query": "a"}]))
    scan = scan_file(three, tiny_counter)
    report = build_report(scan, split_as_training_does(scan, 0.2, 42, "error"), 0.2, 4, 42)
    text = "\n".join(console_lines(report))
    assert "b.jsonl: line 12: keep one of each" in text
    assert f'{three[0]}:13: field "positive" is missing' in text
    assert "a.csv: CSV, UTF-8; query, positive, negative, domain" in text
    assert json.loads(json.dumps(report.as_dict()))["sections"][1] == {
        "offset": 10,
        "path": "b.jsonl",
        "name": "",
        "unit": "line",
    }
    copy = tmp_path / "clean.jsonl"
    assert write_clean(scan, find_all(scan)[:2], copy) == (40, 2)
    left_out = copy.with_name("clean.jsonl.left_out.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in left_out] == [
        {"file": "b.jsonl", "line": 12, "reasons": ["exact_duplicates"]},
        {"file": "b.jsonl", "line": 13, "reasons": ["bad_lines"]},
    ]


def test_a_split_of_several_files_is_used_again_and_of_others_refused(
    three: list[Path], tmp_path: Path
) -> None:
    pairs = load_pairs(three)
    split = split_pairs(pairs, 0.2, 0.1)
    save_split(split, pairs, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", load_pairs(list(reversed(three)))) == split
    with pytest.raises(UserError, match="was drawn on another file"):
        load_split(tmp_path / "split.json", load_pairs(three[:2]))


def test_a_split_says_how_its_data_was_read_and_is_not_used_for_another_reading(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.csv"
    named = [{**row, "machine": f"m{n % 2}"} for n, row in enumerate(ROWS)]
    path.write_text(delimited(named), encoding="utf-8", newline="")
    source = DataSource.of(path, domain_from="machine", columns=["query=query"])
    pairs = load_pairs(source)
    saved = tmp_path / "split.json"
    save_split(split_pairs(pairs, 0.2), pairs, saved)
    assert json.loads(saved.read_text("utf-8"))["reading"] == {
        "columns": ["query=query"],
        "domain_from": "machine",
    }
    assert read_as_split(saved, DataSource.of(path)) == source
    assert load_pairs(read_as_split(saved, DataSource.of(path))).column("domain")[:2] == [
        "m0",
        "m1",
    ]
    with pytest.raises(UserError) as error:
        load_split(saved, load_pairs(path))
    assert str(error.value) == (
        f"{saved}: the data was read with --columns query=query --domain-from machine, and now "
        "with none; read it as before, or draw a new split"
    )


@pytest.mark.parametrize("reading", [[], "a", {"columns": "query=a"}, {"domain": 3}, {"x": "y"}])
def test_a_split_whose_reading_is_damaged_is_one_line(
    reading: object, three: list[Path], tmp_path: Path
) -> None:
    pairs = load_pairs(three)
    saved = tmp_path / "split.json"
    save_split(split_pairs(pairs, 0.2), pairs, saved)
    content = json.loads(saved.read_text("utf-8"))
    saved.write_text(json.dumps({**content, "reading": reading}), encoding="utf-8")
    source = DataSource.of(three)
    assert read_as_split(saved, source) is source
    with pytest.raises(UserError, match="needs the fields data_sha256, seed and validation_lines"):
        load_split(saved, pairs)


def test_rows_of_one_line_stay_together_in_a_saved_split(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [{**row, "positive": [row["positive"], f"also {n}"]} for n, row in enumerate(ROWS)]
    path.write_text(lines(rows), encoding="utf-8")
    pairs = load_pairs(path)
    split = split_pairs(pairs, 0.2)
    save_split(split, pairs, tmp_path / "split.json")
    assert load_split(tmp_path / "split.json", pairs) == split
    assert len(split.validation) % 2 == 0


def test_a_sheet_is_chosen_where_several_hold_pairs(tmp_path: Path) -> None:
    path = write_workbook(ROWS, tmp_path, ["2024", "2025"])
    with pytest.raises(UserError) as error:
        load_pairs(path)
    assert str(error.value) == (
        f'{path}: several sheets fit: "2024", "2025"; choose one, as with --sheet "2024"'
    )
    pairs = load_pairs(DataSource.of(path, sheet="2025"))
    assert [line.split(";")[0] for line in pairs.files.describe()] == [
        'pairs.xlsx: Excel, sheet "2025"'
    ]
    with pytest.raises(UserError, match='has no sheet "2023"; it has "notes", "2024", "2025"'):
        load_pairs(DataSource.of(path, sheet="2023"))
    (tmp_path / "a.csv").write_text(delimited(ROWS), encoding="utf-8")
    with pytest.raises(UserError, match="--sheet 2025: none of the files is a workbook"):
        load_pairs(DataSource.of(tmp_path / "a.csv", sheet="2025"))


def test_excel_without_its_package_is_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_workbook(ROWS, tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(UserError, match=r'pip install "nic-embeddings\[excel\]"'):
        load_pairs(path)


def test_a_data_set_with_its_own_split_stands_alone(tmp_path: Path) -> None:
    beir = write_beir({"train": ROWS[:20], "test": ROWS[20:]}, tmp_path)
    (tmp_path / "a.csv").write_text(delimited(ROWS), encoding="utf-8")
    with pytest.raises(UserError, match="brings its own split; give it alone"):
        load_pairs([beir, tmp_path / "a.csv"])


def test_a_name_on_the_hub_without_network_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("org/no-such-data", "hf://datasets/org/no-such-data"):
        with pytest.raises(UserError) as error:
            load_pairs(name)
        message = str(error.value)
        assert message.startswith("org/no-such-data: no such file, and no data set of the Hub")
        assert message.endswith("give a file with --data-file")
        assert "\n" not in message


def test_a_path_that_is_not_there_is_no_name_on_the_hub(tmp_path: Path) -> None:
    for name in ("data/pairs.csv", "no_such", f"{tmp_path}/pairs", "tests/no_such"):
        with pytest.raises(UserError, match="no such file; give a data file with --data-file"):
            load_pairs(name)
