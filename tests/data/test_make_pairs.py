"""The committed data set is what the manuals give, and keeps its own rules."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from training.pairs import load_pairs

DATA = Path(__file__).resolve().parents[2] / "data"
sys.path.insert(0, str(DATA))

import make_pairs  # noqa: E402

MANUAL = """
domain: hvac
machine: a fan
glossary:
  "blower box": fan section
passages:
{passages}
"""
PASSAGE = """
  - id: p{n}
    section: "1.{n}"
    text: >-
      {text}
    queries: ["blower box {n} hums", "why does fan {n} hum", "fan {n} noise"]
    confusable: [p{other}]
"""


def manual(folder: Path, **changes: str) -> Path:
    passages = [
        PASSAGE.format(n=n, other=(n + 1) % 5, text=" ".join([f"word{n}"] * 60)) for n in range(5)
    ]
    content = MANUAL.format(passages="".join(passages))
    for before, after in changes.items():
        assert before in content
        content = content.replace(before, after, 1)
    path = folder / "hvac.yaml"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_committed_file_is_what_the_manuals_give() -> None:
    text = make_pairs.make_jsonl(list(make_pairs.MANUALS.glob("*.yaml")))
    assert make_pairs.PAIRS.read_bytes() == text.encode()


def test_the_committed_file_is_trainable_and_covers_the_six_domains() -> None:
    pairs = load_pairs(make_pairs.PAIRS)
    assert sorted(set(pairs.column("domain"))) == [
        "electronics",
        "forklift",
        "hvac",
        "radar",
        "vehicle",
        "vehicle_civilian",
    ]
    assert all(extra["synthetic"] is True for extra in pairs.extras)


def test_a_row_is_made_for_each_query_and_negatives_take_turns(tmp_path: Path) -> None:
    rows = make_pairs.make_rows(make_pairs.read_manual(manual(tmp_path)))
    assert len(rows) == 15
    assert rows[0]["query"] == "blower box 0 hums"
    assert rows[0]["negative"] == " ".join(["word1"] * 60)
    assert rows[0]["source_section"] == "1.0"


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("word1", "blower box", "term 'blower box': stands in the passage p1"),
        ("id: p3", "id: p2", "id p2 stands 2 times"),
        ("why does fan 1 hum", "why does fan 0 hum", "'why does fan 0 hum' stands 2 times"),
        ("[p1]", "[p0]", "p0: confusable 'p0' is no other passage"),
        ("[p1]", "[]", "p0: names no confusable passage"),
        (', "why does fan 0 hum", "fan 0 noise"', "", "p0: 1 queries, not 3 to 6"),
        (" ".join(["word2"] * 60), "word2", "p2: 1 words, not 50 to 130"),
    ],
)
def test_a_manual_that_breaks_a_rule_is_refused_by_name(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    with pytest.raises(SystemExit, match="faults, nothing written") as error:
        make_pairs.make_jsonl([manual(tmp_path, **{before: after})])
    assert fault in str(error.value)
