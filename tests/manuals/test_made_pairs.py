import json
from pathlib import Path

from manuals.made_pairs import MadePair, write_pairs
from manuals.passages import Passage


def test_a_made_pair_says_that_it_is_synthetic_and_where_it_comes_from(tmp_path: Path) -> None:
    passage = Passage("Replace the fuse.", "hvac/plant.pdf", "hvac", 7, ("Faults", "Fuses"))
    write_pairs([MadePair("fan does not start", passage, "fault table")], tmp_path / "pairs.jsonl")
    assert json.loads((tmp_path / "pairs.jsonl").read_text(encoding="utf-8")) == {
        "query": "fan does not start",
        "positive": "Replace the fuse.",
        "domain": "hvac",
        "synthetic": True,
        "origin": "fault table",
        "document": "hvac/plant.pdf",
        "page": 7,
        "heading": ["Faults", "Fuses"],
    }
