"""Work orders: a query that people wrote, with the passages that their reference names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from manuals.made_pairs import write_pairs
from manuals.passages import Passage
from manuals.work_orders import Columns, WorkOrders, read_work_orders
from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.split import SplitRules, split_pairs

FILTER = Passage("Pull the filter.", "hvac/plant.pdf", "hvac", 12, ("4 Service", "4.2.1 Filter"))
BELT = Passage("Turn the belt.", "hvac/plant.pdf", "hvac", 13, ("4 Service", "4.2.2 Belt"))
FUSE = Passage("Replace the fuse.", "radar.md", "radar", None, ("Fuses",))
COLUMNS = Columns("note", "used", "when")


def read(tmp_path: Path, rows: list[dict[str, Any]], manuals: bool = True) -> WorkOrders:
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return read_work_orders(path, COLUMNS, [FILTER, BELT, FUSE] if manuals else [], "all")


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
    found = read(tmp_path, [{"note": "it drips", "used": reference, "when": None}])
    assert [pair.passage for pair in found.pairs] == passages
    assert found.orders == bool(passages)
    assert found.left_out == ({} if passages else {"reference fits no passage": 1})
    assert found.unresolved == ([] if passages else [reference.strip()])


def test_orders_without_text_or_reference_are_counted(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"note": " ", "used": "4"},
        {"note": "drips", "used": None},
        {"note": "a", "used": "4"},
    ]
    found = read(tmp_path, rows)
    assert found.left_out == {"no text": 1, "no reference": 1}
    assert (found.orders, len(found.pairs)) == (1, 2)


def test_without_manuals_the_reference_is_the_passage(tmp_path: Path) -> None:
    found = read(tmp_path, [{"note": "drips", "used": " Pull the filter. "}], manuals=False)
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
