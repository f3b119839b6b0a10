"""Sentences of a report and of a card: the same from a summary and from its metadata."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import make_evaluation
from summaries import BASE, MODEL, SPEED, results_of, summary_of, two_domains

from evaluation.gates import GateReport, describe_gates, read_thresholds
from evaluation.report.sentences import (
    corpus_sentence,
    domain_sentences,
    forgetting_sentence,
    fusion_helps,
    fusion_sentence,
    gate_sentence,
    headline,
    join_names,
    machine_phrase,
    metric_sentences,
)
from evaluation.serialization import from_json, to_json
from evaluation.summary import EvaluationSummary, PublishedEvaluation, summarise
from nic.encoding import Encoding


def evaluation_of(**changes: Any) -> EvaluationSummary:
    return summarise(make_evaluation(**changes), read_thresholds())


def shout(name: str) -> str:
    return name.upper()


def test_the_published_part_of_a_summary_comes_back_from_json() -> None:
    summary = evaluation_of()
    stored = json.loads(json.dumps(to_json(summary.published())))
    assert list(stored) == [
        *("model", "base", "data", "task", "chose_checkpoint", "probe_data", "speed", "loads"),
        *("caveat", "comparison", "probe", "fusion", "advice", "encodings", "mixing"),
        *("dimensions", "keeps_passages", "search", "known_passages"),
    ]
    found = from_json(PublishedEvaluation, stored)
    assert found == summary.published()
    assert headline(found) == headline(summary.published())
    gates = json.loads(json.dumps(to_json(describe_gates(summary.gates))))
    assert from_json(GateReport, {**gates, "allowed_because": "x"}).gates == summary.gates


def test_prompts_and_similarity_are_named_where_a_model_is_not_plain() -> None:
    plain, prompted = Encoding(), Encoding("q: ", similarity="dot")
    sentence = corpus_sentence(evaluation_of().published())
    no_encodings: dict[str, Encoding] = {}
    for encodings, expected in (
        (no_encodings, ""),
        ({"tuned": plain, "base": plain}, ""),
        (
            {"tuned": prompted, "base": plain},
            ' Encoding of TUNED: QUERIES WITH "Q: ", PASSAGES WITH NOTHING, DOT PRODUCT; '
            "BASE: NO PROMPTS, COSINE SIMILARITY.",
        ),
    ):
        evaluation = evaluation_of(encodings=encodings).published()
        assert corpus_sentence(evaluation, shout) == f"{sentence}{expected}"


def test_names_are_escaped_and_nothing_else_is() -> None:
    evaluation = two_domains().published()
    assert headline(evaluation, shout) == (
        f"{MODEL.upper()} is better than {BASE.upper()} in Recall@5 and MRR"
    )
    assert domain_sentences(evaluation, shout) == [
        "Better in 1 of 2 domains: HOISTS.",
        "Worse in no domain.",
        "Not distinguishable in 1 of 2 domains: PUMPS.",
    ]
    assert machine_phrase(SPEED.machine, shout) == (
        "SOME PROCESSOR <X>, 8 cores, 4 threads, device CPU, load average 0.25 before and 1.5 after"
    )


def test_each_metric_has_a_sentence_with_both_means_and_their_difference() -> None:
    summary = two_domains()
    first, second = metric_sentences(summary.published())
    group = summary.comparison.overall
    before, after = (group.estimates[name]["recall@5"].value for name in (BASE, MODEL))
    assert first.startswith(f"Recall@5 {after:.4f} [")
    assert f" against {before:.4f} [" in first
    assert first.endswith(f", {group.differences[MODEL]['recall@5'].in_words}.")
    assert second.startswith("MRR ")


def test_forgetting_is_told_with_its_difference_or_as_not_measured() -> None:
    told = forgetting_sentence(evaluation_of().published(), shout)
    # 54 of 60 queries at rank 1, with both models.
    start = "On the forgetting probe, 60 queries of GENERAL.JSONL, "
    assert told.startswith(f"{start}Recall@5 was 0.9000 [")
    assert told.endswith(": +0.0000 [+0.000, +0.000], not distinguishable.")
    nothing = evaluation_of(probe=None, probe_data=None).published()
    assert forgetting_sentence(nothing) == "Forgetting was not measured."
    alone = evaluation_of(model="base").published()
    assert "the base model reaches Recall@5 0.9000" in forgetting_sentence(alone)


def test_gates_are_counted_and_those_that_failed_are_named() -> None:
    assert gate_sentence([]) == "No gates were asked for."
    assert gate_sentence(evaluation_of().gates) == "7 of 7 gates passed."
    failed = evaluation_of(speed=None, loads=None).gates
    assert gate_sentence(failed) == (
        "5 of 7 gates passed. Failed: One query must take less than 10 ms on the CPU, at the "
        "median (not measured); SentenceTransformer() must load the folder and encode "
        "(not measured)."
    )


def fused(model: list[int], fusion: list[int]) -> PublishedEvaluation:
    """The model under test and its fusion with BM25, one rank a query."""
    ranks = {MODEL: model, BASE: [20] * len(model), f"BM25 + {MODEL}": fusion}
    found = {name: {"pumps": rows} for name, rows in ranks.items()}
    return summary_of(results_of(found)).published()


def test_bm25_with_the_model_is_judged_against_the_model_alone() -> None:
    evaluation = fused([2] * 20, [1] * 20)
    assert fusion_sentence(evaluation).startswith(
        f"BM25 + {MODEL} is better than {MODEL} alone in MRR, and not distinguishable in Recall@5 "
        "(Recall@5 1.000 against 1.000, +0.0000 [+0.000, +0.000] p 1.000; MRR 1.000 against 0.500, "
        "+0.5000 [+0.500, +0.500] p <0.001"
    )
    assert fusion_helps(evaluation)
    assert "BM25 + NIC" in fusion_sentence(evaluation, shout)


def test_a_test_that_is_stricter_than_the_interval_is_named_for_the_fusion_too() -> None:
    # Five queries: 2 of 32 swappings are as extreme, and the interval holds no zero.
    assert "+1.0000 [+1.000, +1.000] p 0.062 by the permutation test" in fusion_sentence(
        fused([9] * 5, [1] * 5)
    )


@pytest.mark.parametrize(("model", "fusion"), [([1] * 20, [9] * 20), ([1] * 20, [1] * 20)])
def test_bm25_that_makes_nothing_better_is_not_recommended(
    model: list[int], fusion: list[int]
) -> None:
    evaluation = fused(model, fusion)
    assert fusion_sentence(evaluation)
    assert not fusion_helps(evaluation)


def test_bm25_that_finds_most_by_itself_is_named_and_the_fusion_not_recommended() -> None:
    ranks = {MODEL: [9] * 20, BASE: [20] * 20, "BM25": [1] * 20, f"BM25 + {MODEL}": [5, 7] * 10}
    found = {name: {"pumps": rows} for name, rows in ranks.items()}
    evaluation = summary_of(results_of(found)).published()
    assert fusion_sentence(evaluation).endswith(
        ". BM25 alone reaches more than both: Recall@5 1.000 and MRR 1.000"
    )
    assert not fusion_helps(evaluation)


def test_without_bm25_nothing_is_said_of_it() -> None:
    evaluation = two_domains().published()
    assert evaluation.fusion is None
    assert fusion_sentence(evaluation) == ""
    assert not fusion_helps(evaluation)


def test_the_base_model_has_no_domain_sentences() -> None:
    summary = summary_of(results_of({BASE: {"pumps": [1, 2]}}), model=BASE)
    assert domain_sentences(summary.published()) == []
    assert metric_sentences(summary.published())[0].startswith("Recall@5 1.0000 [")
    asked = "2 queries in 2 independent groups, each ranked against 100 passages."
    assert corpus_sentence(summary.published()) == asked


def test_of_many_names_the_first_are_listed_and_the_others_counted() -> None:
    assert join_names([]) == ""
    assert join_names(["a", "b", "c"]) == "a, b and c"
    assert join_names(list("abcdefghij")) == "a, b, c, d, e, f, g and 3 more"
