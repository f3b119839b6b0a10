"""Work orders: a query that people wrote, with the passages that their reference names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from manuals.made_pairs import write_pairs
from manuals.passages import Passage
from manuals.work_orders import Columns, WorkOrders, read_work_orders
from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.reading.source import DataSource
from pairs.split import SplitRules, split_pairs

FILTER = Passage("Pull the filter.", "hvac/plant.pdf", "hvac", 12, ("4 Service", "4.2.1 Filter"))
BELT = Passage("Turn the belt.", "hvac/plant.pdf", "hvac", 13, ("4 Service", "4.2.2 Belt"))
FUSE = Passage("Replace the fuse.", "radar.md", "radar", None, ("Fuses",))
COLUMNS = Columns("note", "used", "when")


def read(tmp_path: Path, rows: list[dict[str, Any]], manuals: bool = True) -> WorkOrders:
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_files(DataSource.of(path), manuals)


def read_files(source: DataSource, manuals: bool = True) -> WorkOrders:
    return read_work_orders(source, COLUMNS, [FILTER, BELT, FUSE] if manuals else [], "all")


@pytest.mark.parametrize(
    ("reference", "passages"),
    [
        ("4.2.1 Filter", [FILTER]),
        ("filter", [FILTER]),
        ("4.2.1", [FILTER]),
        ("Section 4.2.2", [BELT]),
        ("4", [FILTER, BELT]),
        ("plant.pdf p. 12", [FILTER]),
        ("hvac/plant.pdf, page 13", [BELT]),
        ("plant, Seite 13", [BELT]),
        ("plant.pdf:12", [FILTER]),
        ("plant.pdf", [FILTER, BELT]),
        ("radar", [FUSE]),
        (" FUSES ", [FUSE]),
        ("4.2.9", []),
        ("plant.pdf p. 99", []),
        ("see the manual", []),
    ],
)
def test_a_reference_names_the_passages_of_a_heading_or_a_page(
    tmp_path: Path, reference: str, passages: list[Passage]
) -> None:
    found = read(tmp_path, [{"note": "it drips", "used": reference, "when": "2025-01-31"}])
    assert [pair.passage for pair in found.pairs] == passages
    assert found.orders == bool(passages)
    assert found.left_out == ({} if passages else {"reference fits no passage": 1})
    assert found.unresolved == ([] if passages else [reference.strip()])


def test_orders_without_text_or_reference_are_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"note": " ", "used": "4", "when": "2025-01-31"},
        {"note": "drips", "used": None, "when": "2025-01-31"},
        {"note": "a", "used": "4", "when": " "},
        {"note": "a", "used": "4", "when": "2025-01-31"},
    ]
    found = read(tmp_path, rows)
    assert found.left_out == {"no text": 1, "no reference": 1, "no date": 1}
    assert (found.orders, len(found.pairs)) == (1, 2)


def write_workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


ROWS: list[list[Any]] = [
    ["note", "used", "when"],
    ["drips", None, "2025-01-30"],
    ["hums", "4.2.2", "2025-01-31"],
]


def test_an_empty_cell_is_no_missing_column_in_any_format(tmp_path: Path) -> None:
    table = pd.DataFrame(ROWS[1:], columns=ROWS[0])
    table.to_csv(tmp_path / "orders.csv", index=False)
    table.to_parquet(tmp_path / "orders.parquet")
    write_workbook(tmp_path / "orders.xlsx", {"2025": ROWS, "parts": [["number", "price"]]})
    for name in ("orders.csv", "orders.parquet", "orders.xlsx"):
        found = read_files(DataSource.of(tmp_path / name))
        assert found.left_out == {"no reference": 1}, name
        assert [(pair.text, pair.date) for pair in found.pairs] == [("hums", "2025-01-31")]


def test_several_files_and_a_pattern_are_read_one_after_the_other(tmp_path: Path) -> None:
    for year in (2024, 2025):
        pd.DataFrame([[f"drips in {year}", "4.2.1", f"{year}-01-01"]], columns=ROWS[0]).to_csv(
            tmp_path / f"{year}.csv", index=False
        )
    for files in (["2024.csv", "2025.csv"], ["20*.csv"]):
        found = read_files(DataSource.of([str(tmp_path / name) for name in files]))
        assert [pair.text for pair in found.pairs] == ["drips in 2024", "drips in 2025"]


def test_the_sheet_of_a_workbook_is_chosen_by_name(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "orders.xlsx", {"2024": ROWS, "2025": ROWS})
    with pytest.raises(UserError, match='several sheets fit: "2024", "2025"; choose one, as with'):
        read_files(DataSource.of(path))
    assert read_files(DataSource.of(path, sheet="2025")).orders == 1
    path = write_workbook(tmp_path / "other.xlsx", {"a": [["x"]], "b": [["y"]]})
    with pytest.raises(UserError, match="its columns with --text-column, --reference-column and"):
        read_files(DataSource.of(path))
    (tmp_path / "orders.csv").write_text("note,used,when\na,4,2025-01-01\n", encoding="utf-8")
    with pytest.raises(UserError, match="^--sheet 2025: .*orders.csv is no workbook; leave it out"):
        read_files(DataSource.of(tmp_path / "orders.csv", sheet="2025"))


def test_a_date_in_another_form_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r':1: column "when" holds "03.01.2025", which is no date'):
        read(tmp_path, [{"note": "drips", "used": "4", "when": "03.01.2025"}])


def test_without_manuals_the_reference_is_the_passage(tmp_path: Path) -> None:
    row = {"note": "drips", "used": " Pull the filter. ", "when": "2025-01-31"}
    found = read(tmp_path, [row], manuals=False)
    assert found.pairs[0].passage == Passage("Pull the filter.", "", "all")


def test_orders_are_asked_queries_that_can_be_split_by_date(tmp_path: Path) -> None:
    days = [f"2025-02-{day:02d}" for day in range(1, 11)]
    rows = [{"note": f"drips {day}", "used": "4.2.1", "when": day} for day in days]
    write_pairs(read(tmp_path, rows).pairs, tmp_path / "pairs.jsonl")
    written = [json.loads(x) for x in (tmp_path / "pairs.jsonl").open(encoding="utf-8")]
    assert [row["date"] for row in written] == days
    for row in written:
        row["negative"] = "wrong"
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, written)), encoding="utf-8")
    pairs = load_pairs(tmp_path / "pairs.jsonl")
    assert not pairs.made.any()
    assert split_pairs(pairs, 0.2, rules=SplitRules(split_by="date")).validation == [8, 9]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no column "used"; the columns are: note, reference'):
        read(tmp_path, [{"note": "drips", "reference": "4"}])
    with pytest.raises(UserError, match='no column "when"; the columns are: note, used; name them'):
        read(tmp_path, [{"note": "drips", "used": "4"}])
