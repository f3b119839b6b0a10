"""The committed data set is what the manuals give, and keeps its own rules."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from training.checks.texts import STOP_WORDS
from training.pairs import load_pairs

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "data"), str(PROJECT / "benchmarks")]

import default_data  # noqa: E402
import make_pairs  # noqa: E402

SHORT_STOP_WORDS = frozenset(
    "a an as at be by do he i if in is it me my no of on or so to we".split()
)

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


def frame(query: str) -> tuple[str, ...]:
    """A query's stop words in their order, with one gap for each run of other words."""
    words = re.findall(r"[^\W_]+", query.lower())
    kept = [word if word in STOP_WORDS | SHORT_STOP_WORDS else "_" for word in words]
    return tuple(word for n, word in enumerate(kept) if word != "_" or kept[n - 1 : n] != ["_"])


def test_no_frame_of_three_stop_words_or_more_is_used_more_than_three_times() -> None:
    frames = Counter(frame(query) for query in load_pairs(make_pairs.PAIRS).column("query"))
    worn = {f: n for f, n in frames.items() if n > 3 and sum(word != "_" for word in f) >= 3}
    assert worn == {}


def test_four_words_that_begin_more_than_three_queries_are_refused(tmp_path: Path) -> None:
    path = manual(tmp_path)
    text = path.read_text(encoding="utf-8").replace("why does fan", "why does the big fan")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="5 queries begin with 'why does the big'"):
        make_pairs.make_jsonl([path])


def test_less_than_half_of_a_querys_content_words_stand_in_its_positive() -> None:
    assert default_data.word_overlap(load_pairs(make_pairs.PAIRS)) < 0.5


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
