import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from manual_files import new_pdf, write_word

from manuals.arguments import MakeArguments, parse_arguments
from manuals.makers.table import MAKERS
from manuals.pipeline import make_pairs
from nic.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]
ROWS = (
    ("Symptom", "Cause", "Remedy"),
    ("Fan does not start", "Fuse of the motor blown", "Replace the fuse and check the belt."),
    ("Fan is noisy", "Belt worn", "Replace the worn belt and clean the motor."),
)
VALVE = (
    "The valve is closed by a spring. Check the relay of the valve before the sensor is replaced."
)


@pytest.fixture
def manuals(tmp_path: Path) -> Path:
    """A folder with a Word, a PDF and a Markdown manual of two domains, and what is no manual."""
    folder = tmp_path / "manuals"
    (folder / "hvac").mkdir(parents=True)
    (folder / "radar").mkdir()
    write_word(folder / "hvac" / "fan.docx", ROWS)
    pdf = new_pdf()
    pdf.heading("4.2 Valve")
    pdf.paragraph(VALVE)
    pdf.output(str(folder / "radar" / "valve.pdf"))
    (folder / "radar" / "copy.md").write_text(f"# Copy\n\n{VALVE}\n", encoding="utf-8")
    (folder / "radar" / "broken.pdf").write_bytes(b"%PDF-1.7")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    return folder


@pytest.fixture
def arguments(manuals: Path, tiny_model_folder: Path, tmp_path: Path) -> dict[str, Any]:
    """What a run is given."""
    output = tmp_path / "pairs.jsonl"
    return {"manuals": manuals, "output": output, "base_model": str(tiny_model_folder)}


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_pairs_are_made_of_each_document_with_their_source(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    report = make_pairs(MakeArguments(**arguments, json=tmp_path / "report.json"))
    rows = rows_of(tmp_path / "pairs.jsonl")
    assert rows[0] == {
        "query": "Fan does not start",
        "positive": "Symptom: Fan does not start; Cause: Fuse of the motor blown; "
        "Remedy: Replace the fuse and check the belt.",
        "domain": "hvac",
        "synthetic": True,
        "origin": "fault table",
        "document": "hvac/fan.docx",
        "page": None,
        "heading": ["3 Faults"],
    } | {"positive": rows[0]["positive"], "heading": rows[0]["heading"]}
    assert rows[0]["positive"].startswith("Symptom: Fan does not start; Cause: Fuse of the motor")
    assert {(row["document"], row["domain"]) for row in rows} == {
        ("hvac/fan.docx", "hvac"),
        ("radar/copy.md", "radar"),
    }
    assert report.pairs == len(rows) == sum(report.origins.values())
    assert report.unreadable.keys() == {"radar/broken.pdf"}
    assert report.other_files == {".jpg": 1}
    told = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert told["origins"] == report.origins
    assert VALVE[:30] not in json.dumps(told)


def test_near_duplicate_passages_are_told_and_used_once(arguments: dict[str, Any]) -> None:
    report = make_pairs(MakeArguments(**arguments))
    assert report.passages_left_out["near_duplicate"] == 1
    passages = {counts.document: counts.passages for counts in report.documents}
    assert (passages["radar/copy.md"], passages["radar/valve.pdf"]) == (1, 0)


def test_the_same_folder_gives_the_same_file(arguments: dict[str, Any], tmp_path: Path) -> None:
    make_pairs(MakeArguments(**arguments, passages=tmp_path / "passages.jsonl"))
    again = {**arguments, "output": tmp_path / "again.jsonl"}
    make_pairs(MakeArguments(**again))
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "pairs.jsonl").read_bytes()
    texts = [row["text"] for row in rows_of(tmp_path / "passages.jsonl")]
    assert {row["positive"] for row in rows_of(tmp_path / "pairs.jsonl")} <= set(texts)


def test_only_the_origins_that_are_asked_for_make_pairs(arguments: dict[str, Any]) -> None:
    report = make_pairs(MakeArguments(**arguments, origins=["fault table"]))
    assert report.origins.keys() == {"fault table"}
    with pytest.raises(UserError, match='--origins tables: must be among "fault table", "code'):
        MakeArguments(**{**arguments, "output": "new.jsonl"}, origins=["tables"])


def test_no_passage_is_longer_than_asked_for_and_the_model_is_the_limit(
    arguments: dict[str, Any],
) -> None:
    with pytest.raises(UserError, match="--passage-tokens 500: .* reads 64"):
        make_pairs(MakeArguments(**arguments, passage_tokens=500))
    with pytest.raises(UserError, match="--passage-tokens 8: must be 32 or more"):
        MakeArguments(**arguments, passage_tokens=8)


def test_an_existing_file_is_not_overwritten(arguments: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="exists; nothing is overwritten, give a new name with"):
        MakeArguments(**arguments)


def test_two_outputs_cannot_be_one_file(arguments: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="give each a file of its own"):
        MakeArguments(**arguments, json=arguments["output"])


def test_nothing_is_written_where_nothing_could_be_made(
    arguments: dict[str, Any], manuals: Path, tmp_path: Path
) -> None:
    for path in manuals.rglob("*.*"):
        if path.name != "broken.pdf":
            path.unlink()
    with pytest.raises(UserError, match=r"no document could be read; radar/broken\.pdf cannot"):
        make_pairs(MakeArguments(**arguments))
    (manuals / "short.md").write_text("# Pump\n\nIt pumps.\n", encoding="utf-8")
    with pytest.raises(UserError, match="no pair could be made of 0 passages from 1 documents"):
        make_pairs(MakeArguments(**arguments))
    assert not (tmp_path / "pairs.jsonl").exists()


def test_the_command_line_gives_the_defaults_of_the_dataclass() -> None:
    words = ["make", "--manuals", "m", "--output", "new.jsonl"]
    assert parse_arguments(words) == MakeArguments(manuals="m", output="new.jsonl")
    assert parse_arguments([*words, "--origins", "sentence"]).origins == ["sentence"]
    assert tuple(MAKERS) == MakeArguments(manuals="m", output="new.jsonl").origins


def test_the_command_names_what_it_could_not_read_and_exits_with_0(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    words = ["make", "--manuals", str(arguments["manuals"]), "--output", str(arguments["output"])]
    words += ["--base-model", arguments["base_model"]]
    script = str(PROJECT / "manuals" / "make.py")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    run = [sys.executable, script, *words]
    first = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert first.returncode == 0, first.stderr
    assert "[WARNING] radar/broken.pdf: cannot be read" in first.stderr
    assert "radar/broken.pdf: cannot be read" in first.stdout
    assert "1 near-duplicates of an earlier passage" in first.stdout
    second = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.endswith("give a new name with --output\n")
