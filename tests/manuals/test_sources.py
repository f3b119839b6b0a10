"""`nic-pairs make` with a language model, with work orders, and with a filter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from model_server import queries_of, serving

from manuals.arguments import MakeArguments, parse_arguments
from manuals.generation.styles import STYLES
from manuals.pipeline import make_pairs, show_first_prompt
from nic.errors import UserError
from pairs.loading import load_pairs

PROJECT = Path(__file__).resolve().parents[2]
PAGE = """# 4.2 Radar valve

Check the radar valve of the hvac unit before you replace the sensor of the pump.

# 4.3 Fan belt

Tighten the belt of the fan until it gives one centimetre in the middle of its length.

# 4.4 Faults

| Symptom | Remedy |
|---|---|
| Fan is noisy and shakes the frame | Replace the worn belt and clean the motor of the fan. |
| Valve stays shut after the start | Check the relay of the valve and its spring. |
"""


@pytest.fixture
def given(tmp_path: Path, tiny_model_folder: Path) -> dict[str, Any]:
    """A manual of two sections, and what a run is given."""
    (tmp_path / "manuals" / "hvac").mkdir(parents=True)
    (tmp_path / "manuals" / "hvac" / "unit.md").write_text(PAGE, encoding="utf-8")
    return {
        "manuals": tmp_path / "manuals",
        "output": tmp_path / "pairs.jsonl",
        "base_model": str(tiny_model_folder),
    }


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_generated_queries_stand_behind_those_of_the_structure(given: dict[str, Any]) -> None:
    seen: list[dict[str, Any]] = []
    with serving(lambda body: (200, queries_of(body)), seen) as url:
        report = make_pairs(MakeArguments(**given, generator=url, generator_model="small"))
    origins = [row["origin"] for row in rows_of(given["output"])]
    assert origins[0] == "fault table"
    assert origins[-4:] == [f"generated: {style}" for style in STYLES]
    assert report.origins["generated: symptom"] == len(seen) == report.passages
    assert load_pairs(given["output"]).made.all()


def test_answers_are_kept_beside_the_pairs_for_the_next_run(given: dict[str, Any]) -> None:
    seen: list[dict[str, Any]] = []
    with serving(lambda body: (200, queries_of(body)), seen) as url:
        arguments = MakeArguments(**given, generator=url, generator_model="small")
        report = make_pairs(arguments)
        first = given["output"].read_bytes()
        given["output"].unlink()
        make_pairs(arguments)
    assert len(seen) == report.passages
    assert given["output"].read_bytes() == first


def test_passages_without_a_usable_answer_are_counted(given: dict[str, Any]) -> None:
    with serving(lambda body: (200, "no"), []) as url:
        report = make_pairs(MakeArguments(**given, generator=url, generator_model="small"))
    assert report.queries_left_out["no_usable_answer"] == report.passages


def test_the_prompt_is_shown_and_nothing_is_sent_or_written(given: dict[str, Any]) -> None:
    arguments = MakeArguments(
        **given, generator="http://127.0.0.1:1/v1", generator_model="m", dry_run=True
    )
    assert "Check the radar valve" in show_first_prompt(arguments)
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    flags += ["--generator", "http://127.0.0.1:1/v1", "--generator-model", "m", "--dry-run"]
    command = [sys.executable, str(PROJECT / "manuals" / "make.py"), "make", *flags]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert "[system]" in ended.stdout
    assert "Check the radar valve" in ended.stdout
    assert not given["output"].exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"generator": "http://127.0.0.1:1"}, "give both, or neither"),
        ({"generator": "http://example.com", "generator_model": "m"}, "--allow-remote"),
        ({"generator_styles": ["poem"]}, "--generator-styles poem"),
        ({"manuals": None}, "give a folder of manuals with --manuals"),
        ({"dry_run": True}, "give its address too"),
        ({"found_within": -1}, "--found-within -1: must be 0 or more"),
        ({"language": "english!"}, "give one ISO 639 code"),
    ],
)
def test_what_cannot_work_is_refused_before_a_document_is_read(
    given: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        MakeArguments(**{**given, **changes})


def many_sections(given: dict[str, Any]) -> None:
    about = "of the hvac unit needs oil and a new filter."
    texts = [f"# part{n}\n\nThe part{n} {about}\n" for n in range(40)]
    path = given["manuals"] / "hvac" / "parts.md"
    path.write_text("\n".join(texts), encoding="utf-8")


def test_a_pair_whose_passage_is_not_found_again_is_left_out_or_flagged(
    given: dict[str, Any],
) -> None:
    many_sections(given)

    def elsewhere(body: dict[str, Any]) -> tuple[int, str]:
        # Every query names the part of one passage.
        answer = json.loads(queries_of(body).split("! ", 1)[1])
        for query in answer["queries"]:
            query["query"] = f"{query['style']} part7"
        return 200, json.dumps(answer)

    made: dict[str, Any] = {**given, "generator_model": "m", "found_within": 3, "language": "en"}
    with serving(elsewhere, []) as url:
        report = make_pairs(MakeArguments(**made, generator=url))
        dropped = rows_of(given["output"])
        assert report.queries_left_out["not_found"] > 100
        assert all("found" not in row for row in dropped)
        given["output"].unlink()
        make_pairs(MakeArguments(**made, generator=url, unfound="flag"))
    flagged = rows_of(given["output"])
    assert sum(row.get("found") is False for row in flagged) == report.queries_left_out["not_found"]
    assert [row for row in flagged if "found" not in row] == dropped


def test_work_orders_of_any_format_refer_to_headings_and_are_no_made_pairs(
    given: dict[str, Any], tmp_path: Path
) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text(
        "Meldung;Abschnitt;Datum\n"
        "Valve stuck again;4.2;2025-01-03\n"
        "belt squeals;Fan belt;2025-02-01\n"
        "lamp dead;9.9;2025-02-02\n",
        encoding="utf-8",
    )
    argv = ["make", *[f"--{k.replace('_', '-')}={v}" for k, v in given.items()]]
    argv += ["--work-orders", str(orders), "--text-column", "Meldung", "--date-column", "Datum"]
    report = make_pairs(parse_arguments([*argv, "--reference-column", "Abschnitt"]))
    rows = [row for row in rows_of(given["output"]) if row["origin"] == "work order"]
    assert [(row["query"], row["date"], row["heading"]) for row in rows] == [
        ("Valve stuck again", "2025-01-03", ["4.2 Radar valve"]),
        ("belt squeals", "2025-02-01", ["4.3 Fan belt"]),
    ]
    assert report.work_orders == 2
    assert report.orders_left_out == {"reference fits no passage": 1}
    made = [row["origin"] != "work order" for row in rows_of(given["output"])]
    assert load_pairs(given["output"]).made.tolist() == made


def test_work_orders_alone_need_no_manuals(given: dict[str, Any], tmp_path: Path) -> None:
    orders = tmp_path / "orders.jsonl"
    orders.write_text('{"text": "fan squeals", "reference": "Tighten the belt of the fan."}\n')
    report = make_pairs(MakeArguments(**{**given, "manuals": None, "work_orders": orders}))
    assert report.pairs == 1
    assert rows_of(given["output"])[0]["positive"] == "Tighten the belt of the fan."
