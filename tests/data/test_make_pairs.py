"""The committed data set and probe are what their sources give, and keep their own rules."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator
from evaluation.retrieval.task import retrieval_task
from nic.models import MINILM, find_model, load_model
from pairs.checks.texts import STOP_WORDS
from pairs.loading import load_pairs

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "data"), str(PROJECT / "benchmarks")]

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

import default_data  # noqa: E402
import make_pairs  # noqa: E402

FILES = [make_pairs.PAIRS, make_pairs.PROBE]
SHORT_STOP_WORDS = frozenset(
    "a an as at be by do he i if in is it me my no of on or so to we".split()
)

MANUAL = """
domain: hvac
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
    text = make_pairs.make_training_set(list(make_pairs.MANUALS.glob("*.yaml")))
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


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_frame_of_three_stop_words_or_more_is_used_more_than_three_times(path: Path) -> None:
    frames = Counter(frame(query) for query in load_pairs(path).column("query"))
    worn = {f: n for f, n in frames.items() if n > 3 and sum(word != "_" for word in f) >= 3}
    assert worn == {}


def test_four_words_that_begin_more_than_three_queries_are_refused(tmp_path: Path) -> None:
    path = manual(tmp_path)
    text = path.read_text(encoding="utf-8").replace("why does fan", "why does the big fan")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="5 queries begin with 'why does the big'"):
        make_pairs.make_training_set([path])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_less_than_half_of_a_querys_content_words_stand_in_its_positive(path: Path) -> None:
    assert default_data.word_overlap(load_pairs(path)) < 0.5


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
        make_pairs.make_training_set([manual(tmp_path, **{before: after})])
    assert fault in str(error.value)


PROBE = """
passages:
  - {{id: a, domain: cooking, section: Rice, text: "{text}", queries: [q1, q2], confusable: [b]}}
  - {{id: b, domain: cooking, section: Oats, text: "{text}", queries: [q3, q4], confusable: [a]}}
  - {{id: a, domain: travel, section: Rail, text: "{text}", queries: [q5, q6], confusable: [b]}}
  - {{id: b, domain: travel, section: Road, text: "{text}", queries: [q7, q8], confusable: [a]}}
"""


def probe(folder: Path, before: str = "q1", after: str = "q1") -> Path:
    content = PROBE.format(text=" ".join(["word"] * 40))
    assert before in content
    path = folder / "general.yaml"
    path.write_text(content.replace(before, after, 1), encoding="utf-8")
    return path


def test_the_committed_probe_is_what_its_source_gives() -> None:
    assert make_pairs.PROBE.read_bytes() == make_pairs.make_probe(make_pairs.GENERAL).encode()


def test_the_probe_is_broad_and_asks_each_query_once() -> None:
    pairs = load_pairs(make_pairs.PROBE)
    passages = dict(zip(pairs.column("positive"), pairs.column("domain"), strict=True))
    assert min(Counter(passages.values()).values()) >= 20
    assert len(set(passages.values())) == 10
    assert len({query.lower() for query in pairs.column("query")}) == len(pairs.dataset)
    assert all(
        passages[negative] == domain
        for negative, domain in zip(pairs.column("negative"), pairs.column("domain"), strict=True)
    )


def test_the_probe_shares_no_domain_with_the_training_set_and_speaks_of_no_machine() -> None:
    training, general = load_pairs(make_pairs.PAIRS), load_pairs(make_pairs.PROBE)
    assert not set(training.column("domain")) & set(general.column("domain"))
    machines = re.compile(
        r"\b(machine|engine|motor|hydraulic|maintenance|repair)s?\b", re.IGNORECASE
    )
    assert [text for text in general.column("positive") if machines.search(text)] == []


def test_an_id_of_the_probe_counts_within_its_domain(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in make_pairs.make_probe(probe(tmp_path)).splitlines()]
    assert [row["domain"] for row in rows] == ["cooking"] * 4 + ["travel"] * 4
    assert [row["source_section"] for row in rows[::2]] == ["Rice", "Oats", "Rail", "Road"]


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("word word", "word", "cooking: a: 39 words, not 40 to 80"),
        ("[q5, q6]", "[q5]", "travel: a: 1 queries, not 2 to 3"),
        ("id: b, domain: travel", "id: c, domain: travel", "travel: a: confusable 'b' is no other"),
        ("q2", "q1", "cooking: query 'q1' stands 2 times"),
    ],
)
def test_a_probe_that_breaks_a_rule_is_refused_by_name(
    tmp_path: Path, before: str, after: str, fault: str
) -> None:
    with pytest.raises(SystemExit, match="faults, nothing written") as error:
        make_pairs.make_probe(probe(tmp_path, before, after))
    assert fault in str(error.value)


@pytest.mark.parametrize("name", ["PAIRS", "PROBE"])
def test_the_check_fails_and_writes_nothing_where_a_file_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n", encoding="utf-8")
    monkeypatch.setattr(make_pairs, name, other)
    monkeypatch.setattr(sys, "argv", ["make_pairs.py", "--check"])
    with pytest.raises(SystemExit, match="other.jsonl is not what its source gives"):
        make_pairs.main()
    assert other.read_text(encoding="utf-8") == "{}\n"


def test_the_probe_is_package_data() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["evaluation.retrieval"]
    folder = PROJECT / "evaluation" / "retrieval"
    shipped = [path for pattern in patterns for path in folder.glob(pattern)]
    assert make_pairs.PROBE in shipped


@pytest.mark.minilm
def test_the_untouched_base_model_leaves_the_probe_room_for_a_loss_and_for_a_gain() -> None:
    pairs = load_pairs(make_pairs.PROBE)
    task = retrieval_task(pairs, list(range(len(pairs.dataset))))
    report = DomainRetrievalEvaluator(task).evaluate(load_model(find_model(MINILM), "cpu"))
    assert report.corpus_size == 203
    assert 0.80 < report.overall["recall@5"] < 0.93
