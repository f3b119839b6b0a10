"""The evaluator: one ranking against the whole corpus, broken down by domain."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from conftest import KeywordModel, MakePairs, make_row

from evaluation.retrieval.evaluator import DomainRetrievalEvaluator, RetrievalReport
from evaluation.retrieval.task import add_distractors, limit_corpus, retrieval_task
from evaluation.serialization import report_from_json, report_to_json
from nic.errors import UserError
from pairs.loading import load_pairs

VOCABULARY = ["pump", "belt", "fan", "coil", "mast"]
# Cosine to the passages "pump", "belt", "fan", "pump belt", "coil":
#   query "pump"       1, 0, 0, .71, 0     relevant: pump       -> rank 1
#   query "belt fan"   0, .71, .71, .5, 0  relevant: belt, fan  -> ranks 1, 2
#   query "mast"       0, 0, 0, 0, 0       relevant: pump belt  -> all tie: rank 5
ROWS: list[dict[str, Any]] = [
    {"query": "pump", "positive": "pump", "negative": "belt", "domain": "hvac"},
    {"query": "belt fan", "positive": "belt", "negative": "pump", "domain": "radar"},
    {"query": "belt fan", "positive": "fan", "negative": "coil", "domain": "radar"},
    {"query": "mast", "positive": "pump belt", "negative": "fan", "domain": "radar"},
]


def report_of(write_pairs: MakePairs, rows: list[dict[str, Any]] = ROWS) -> RetrievalReport:
    pairs = load_pairs(write_pairs(rows))
    task = retrieval_task(pairs, range(len(rows)))
    return DomainRetrievalEvaluator(task).evaluate(KeywordModel(VOCABULARY))


def test_figures_worked_out_by_hand_ties_included(write_pairs: MakePairs) -> None:
    report = report_of(write_pairs)
    assert report.corpus_size == 5
    # Recall@1: pump 1, belt fan 1/2, mast 0.
    assert report.overall["recall@1"] == pytest.approx(1.5 / 3)
    assert report.overall["hit_rate@1"] == pytest.approx(2 / 3)
    assert report.overall["recall@5"] == 1.0
    # MRR: 1, 1, 1/5.
    assert report.overall["mrr"] == pytest.approx(2.2 / 3)
    assert report.overall["queries"] == 3
    assert report.domains["hvac"]["mrr"] == 1.0
    assert report.domains["radar"]["mrr"] == pytest.approx(0.6)
    assert report.domains["radar"]["queries"] == 2
    # Macro: the mean of 1.0 and 0.6, not of the three queries.
    assert report.macro["mrr"] == pytest.approx(0.8)
    # Recall@5 ties at 1.0, so MRR decides which is the worst.
    assert report.worst_domain == "radar"
    assert report.worst == report.domains["radar"]


def test_the_hit_rate_is_given_only_where_a_query_has_several_positives(
    write_pairs: MakePairs,
) -> None:
    assert "hit_rate@5" in report_of(write_pairs).overall
    assert "hit_rate@5" not in report_of(write_pairs, [ROWS[0], ROWS[3]]).overall


def test_the_corpus_holds_each_text_once_and_the_negatives_of_both_halves(
    write_pairs: MakePairs,
) -> None:
    task = retrieval_task(load_pairs(write_pairs(ROWS)), [0])
    assert task.corpus == ["pump", "belt", "fan", "pump belt", "coil"]
    assert task.queries == ["pump"]


def test_positives_of_the_same_query_in_the_other_half_are_relevant_too(
    write_pairs: MakePairs,
) -> None:
    task = retrieval_task(load_pairs(write_pairs(ROWS)), [1])
    assert task.relevant == [[1, 2]]


def test_a_query_of_two_domains_counts_once_for_that_of_its_first_line(
    write_pairs: MakePairs,
) -> None:
    rows = [ROWS[1], {**ROWS[2], "domain": "hvac"}]
    task = retrieval_task(load_pairs(write_pairs(rows)), [0, 1])
    assert task.domains == ["radar"]


def test_the_order_of_the_lines_changes_no_figure(write_pairs: MakePairs) -> None:
    assert report_of(write_pairs, ROWS[::-1]) == report_of(write_pairs)


def test_queries_and_corpus_are_encoded_once_whatever_the_number_of_domains(
    write_pairs: MakePairs,
) -> None:
    model = KeywordModel(VOCABULARY)
    task = retrieval_task(load_pairs(write_pairs(ROWS)), range(4))
    DomainRetrievalEvaluator(task).evaluate(model)
    assert [len(call) for call in model.calls] == [3, 5]


def test_the_keys_are_flat_and_the_primary_metric_is_one_of_them_before_any_call(
    write_pairs: MakePairs,
) -> None:
    task = retrieval_task(load_pairs(write_pairs(ROWS)), range(4))
    evaluator = DomainRetrievalEvaluator(task, name="validation")
    assert evaluator.primary_metric == "validation_recall@5"
    flat = evaluator(KeywordModel(VOCABULARY))
    metrics = ["recall@1", "recall@5", "recall@10", "hit_rate@1", "hit_rate@5", "hit_rate@10"]
    metrics += ["mrr", "ndcg@10", "map@100", "queries"]
    groups = ["", "macro_", "worst_", "hvac_", "radar_"]
    assert set(flat) == {f"validation_{group}{metric}" for group in groups for metric in metrics}
    assert evaluator.primary_metric in flat


def test_a_report_comes_back_from_its_dictionary(write_pairs: MakePairs) -> None:
    report = report_of(write_pairs)
    assert report_from_json(json.loads(json.dumps(report_to_json(report)))) == report


def test_ids_name_the_line_in_which_a_text_stands_first(write_pairs: MakePairs) -> None:
    task = retrieval_task(load_pairs(write_pairs(ROWS)), range(4))
    assert task.query_ids == ["q1", "q2", "q4"]
    # "fan" is the positive of line 3 and the negative of line 4; "coil" only a negative.
    assert dict(zip(task.corpus, task.passage_ids, strict=True)) == {
        "pump": "p1",
        "belt": "p2",
        "fan": "p3",
        "pump belt": "p4",
        "coil": "n3",
    }


def test_queries_of_one_passage_are_one_cluster(write_pairs: MakePairs) -> None:
    rows = [*ROWS, {**ROWS[0], "query": "coil"}]
    clusters = retrieval_task(load_pairs(write_pairs(rows)), range(5)).clusters.tolist()
    assert clusters[0] == clusters[3]
    assert len(set(clusters)) == 3


def test_a_query_of_two_domains_keeps_its_passages_within_its_own(write_pairs: MakePairs) -> None:
    rows = [ROWS[1], {**ROWS[2], "domain": "hvac"}]
    task = retrieval_task(load_pairs(write_pairs(rows)), [0, 1], "domain")
    assert [task.corpus[n] for n in task.candidates("radar")] == ["belt", "fan", "pump"]
    assert [task.corpus[n] for n in task.candidates("hvac")] == ["fan", "coil"]


def test_distractors_join_every_domain_and_known_texts_are_left_out(
    write_pairs: MakePairs,
) -> None:
    task = retrieval_task(load_pairs(write_pairs(ROWS)), range(4), "domain")
    more = add_distractors(task, {"mast": "x1", "coil": "x2"})
    assert more.passage_ids[-1] == "x1"
    assert more.extra_passages == 1
    assert len(more.candidates("hvac")) == len(task.candidates("hvac")) + 1
    assert more.describe().candidates == {"hvac": 3, "radar": 6}


def test_a_limited_corpus_keeps_the_relevant_passages_and_draws_the_others(
    write_pairs: MakePairs,
) -> None:
    rows = [make_row(n, "hvac") for n in range(30)]
    task = retrieval_task(load_pairs(write_pairs(rows)), [3, 4])
    small = limit_corpus(task, 10, seed=1)
    assert len(small.corpus) == 10
    assert small.left_out == len(task.corpus) - 10
    for number in (0, 1):
        kept = [small.corpus[n] for n in small.relevant[number]]
        assert kept == [task.corpus[n] for n in task.relevant[number]]
    assert limit_corpus(task, 10, seed=1).corpus == small.corpus
    assert limit_corpus(task, 10, seed=2).corpus != small.corpus
    assert limit_corpus(task, 0, seed=1) is task
    assert len(limit_corpus(task, 1, seed=1).corpus) == 2


@pytest.mark.parametrize("name", ["macro", "worst", "overall"])
def test_a_domain_may_not_take_a_name_of_the_report(write_pairs: MakePairs, name: str) -> None:
    pairs = load_pairs(write_pairs([{**ROWS[0], "domain": name}]))
    with pytest.raises(UserError, match=f'no domain may be named "{name}"'):
        retrieval_task(pairs, [0])


def test_a_model_that_gives_no_numbers_is_refused_and_not_the_best_of_all(
    write_pairs: MakePairs,
) -> None:
    class Broken(KeywordModel):
        def encode(self, texts: list[str], **kwargs: Any) -> torch.Tensor:
            vectors = super().encode(texts)
            vectors[texts.index("pump")] = torch.nan
            return vectors

    task = retrieval_task(load_pairs(write_pairs(ROWS)), range(len(ROWS)))
    with pytest.raises(UserError, match="gives embeddings that are no numbers; it is broken"):
        DomainRetrievalEvaluator(task).evaluate(Broken(VOCABULARY))
