"""Queries about passages that training knows are told apart from the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import MakePairs, make_row
from summaries import MODEL, two_domains
from tiny_runs import train_tiny

from evaluation.arguments import EvaluationArguments
from evaluation.collect import collect
from evaluation.gates import read_thresholds
from evaluation.known_passages import KnownPassages
from evaluation.report.sentences import known_sentence
from evaluation.report.tables import show_summary
from evaluation.serialization import from_json, to_json
from evaluation.summary import PublishedEvaluation, summarise


def known_of(**facts: Any) -> tuple[PublishedEvaluation, KnownPassages]:
    published = two_domains(**facts).published()
    assert published.known_passages is not None
    return published, published.known_passages


def test_both_parts_hold_every_query_once_and_give_its_metrics() -> None:
    plain = two_domains()
    rows = plain.results.per_query[MODEL]
    ids = [row.query_id for row in rows[:5]]
    published, found = known_of(known=ids)
    assert found.known.queries == 5
    assert found.unseen is not None
    assert found.unseen.queries == len(rows) - 5
    hits = [row.ranks[0] <= 5 for row in rows]
    assert found.known.tuned.value == pytest.approx(sum(hits[:5]) / 5)
    assert found.unseen.tuned.value == pytest.approx(sum(hits[5:]) / len(hits[5:]))
    sentence = known_sentence(published)
    assert "passages that training knows from other queries: 5, Recall@5" in sentence
    assert f"passages that it never saw: {len(rows) - 5}, Recall@5" in sentence


def test_where_every_passage_is_known_one_part_is_told() -> None:
    ids = [row.query_id for row in two_domains().results.per_query[MODEL]]
    published, found = known_of(known=ids)
    assert found.unseen is None
    assert "never saw" not in known_sentence(published)


def test_where_no_passage_is_known_nothing_is_told() -> None:
    summary = two_domains()
    assert summary.known_passages is None
    assert known_sentence(summary.published()) == ""


def test_the_published_part_comes_back_from_json() -> None:
    published, _ = known_of(known=["q0", "q1"])
    stored = json.loads(json.dumps(to_json(published)))
    assert from_json(PublishedEvaluation, stored) == published


@pytest.fixture
def with_made_pairs(write_pairs: MakePairs) -> Path:
    """Forty asked pairs, and a made pair about each of their passages."""
    asked = [make_row(n, "hvac") for n in range(40)]
    about = [
        {**row, "query": f"made {n} {row['query']}", "synthetic": True, "origin": "fault table"}
        for n, row in enumerate(asked)
    ]
    return write_pairs([*asked, *about])


def test_a_training_answers_both_questions_and_a_later_evaluation_agrees(
    with_made_pairs: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model"
    flags = ["--known-passages", "half", "--test-ratio", "0.2", "--epochs", "1"]
    summary = train_tiny(tiny_model_folder, with_made_pairs, output, *flags)
    assert summary.known_passages is not None
    assert summary.known_passages.unseen is not None
    parts = (summary.known_passages.known.queries, summary.known_passages.unseen.queries)
    assert sum(parts) == summary.comparison.overall.queries == 8
    assert all(parts)
    assert "passages that it never saw" in show_summary(summary)
    assert "passages that it never saw" in (output / "README.md").read_text(encoding="utf-8")
    metadata = json.loads((output / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["data"]["split"]["train_made_pairs"] > 0
    again = collect(
        EvaluationArguments(
            model=(output,),
            base=tiny_model_folder,
            data_file=with_made_pairs,
            probe="none",
            speed=False,
            device="cpu",
        )
    )
    assert again is not None
    assert again[0].known == summary.results.known
    assert summarise(again[0], read_thresholds()).known_passages == summary.known_passages


def test_a_training_on_made_pairs_alone_says_that_its_queries_were_generated(
    with_made_pairs: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    lines = with_made_pairs.read_text(encoding="utf-8").splitlines()[40:]
    with_made_pairs.write_text("\n".join(lines) + "\n", encoding="utf-8")
    output = tmp_path / "model"
    flags = ["--hold-out-made", "--test-ratio", "0.2", "--epochs", "1"]
    summary = train_tiny(tiny_model_folder, with_made_pairs, output, *flags)
    said = "Measured on generated queries: 8 of 8 pairs asked"
    assert said in show_summary(summary)
    for path in (output / "README.md", output.with_name("model-evaluation") / "report.html"):
        assert said in path.read_text(encoding="utf-8"), path
