"""The console report, to the letter."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import make_evaluation
from summaries import BASE, MODEL, results_of, summary_of

from evaluation.gates import Gate, read_thresholds
from evaluation.report.page import render_report
from evaluation.report.sentences import SHOWN
from evaluation.report.tables import domain_lines, short_names, show_gates, show_summary
from evaluation.retrieval.evaluator import RetrievalReport
from evaluation.retrieval.task import OVERALL, TaskDescription
from evaluation.summary import summarise


def test_figures_stand_with_their_intervals_and_each_difference_with_its_verdict() -> None:
    shown = show_summary(summarise(make_evaluation(), read_thresholds())).splitlines()
    assert shown[0] == "Recall@5 with 95 % intervals"
    assert shown[1].split() == ["queries", "tuned", "base", "BM25"]
    # forklift: the base model finds 10 of 30, the tuned one all of them.
    forklift = next(line for line in shown if line.startswith("forklift"))
    assert forklift.startswith("forklift                  30  1.0000 [0.")
    assert "0.3333 [0." in forklift
    assert "mean of the domains" in shown[5]
    assert shown[6].split() == [
        "worst",
        "domain",
        *("1.0000", "forklift"),
        *("0.3333", "forklift"),
        *("0.3333", "forklift"),
    ]
    against = shown.index("tuned against base")
    assert shown[against + 2].startswith("forklift  +0.6667 [+0.")
    assert "p <0.001 better" in shown[against + 2]
    assert "+0.0000 [+0.000, +0.000] p 1.000 not distinguishable" in shown[against + 3]
    assert "Forgetting probe: 60 queries of general.jsonl" in shown


def test_of_many_domains_the_largest_and_the_worst_are_listed_and_the_others_counted() -> None:
    def ranks(found: int) -> dict[str, list[int]]:
        # d39 is the largest, d00 to d09 are the worst of those of one query.
        return {f"d{n:02d}": [found if n < 10 else 1] * (1 + (n > 19)) for n in range(40)}

    summary = summary_of(results_of({MODEL: ranks(9), BASE: ranks(9)}))
    listed = [f"d{n:02d}" for n in [*range(10), *range(20, 40)]]
    shown = show_summary(summary).splitlines()
    first = shown[: shown.index(next(line for line in shown if line.startswith("overall")))]
    assert [line.split()[0] for line in first[2:]] == listed
    assert shown.count("and 10 domains more, which results.json has") == len(SHOWN)
    assert list(summary.comparison.listed) == [OVERALL, *listed]
    page = render_report(summary, None, {})
    assert page.count("and 10 domains more, which results.json has") >= 1
    assert "<bdi>d15</bdi>" not in page


def test_what_was_asked_is_said() -> None:
    def asked(**changes: Any) -> str:
        shown = show_summary(summarise(make_evaluation(**changes), read_thresholds()))
        return next(line for line in shown.splitlines() if "independent groups" in line)

    against = "60 queries in 60 independent groups, each ranked against 100 passages."
    assert asked(chose_checkpoint=False) == against
    assert asked() == (
        f"{against} The same queries chose the checkpoint: these metrics are optimistically biased."
    )
    task = TaskDescription("domain", 60, 9, 2, 0, {"a": 4, "b": 7})
    assert "against the passages of its own domain (4 to 7), 2 of them distractors." in asked(
        task=task
    )


def test_the_report_ends_with_what_it_comes_to_and_how_to_use_it() -> None:
    evaluation = make_evaluation()
    found = {**evaluation.per_query, "BM25 + tuned": evaluation.per_query["tuned"]}
    found["tuned"] = evaluation.per_query["base"]
    thresholds = read_thresholds()
    ended = show_summary(summarise(make_evaluation(per_query=found), thresholds)).splitlines()
    assert ended[-4:-2] == ["", "tuned is not distinguishable from base in Recall@5 and MRR."]
    assert ended[-2].startswith("BM25 + tuned is better than tuned alone in Recall@5 and MRR (Rec")
    assert ended[-1] == (
        "To search with both (docs/retrieval.md): "
        'python examples/retrieval.py query --bm25 --index INDEX "QUERY"'
    )


def test_the_gates_are_listed_with_what_was_asked_and_measured() -> None:
    gates = [Gate("mrr", "> 0.65", "0.7000", True), Gate("latency_ms", "< 10", "12.0 ms", False)]
    assert show_gates(gates) == [
        "Gates: 1 of 2 passed",
        "PASS  MRR must be above 0.65 (measured: 0.7000)",
        "FAIL  One query must take less than 10 ms on the CPU, at the median (measured: 12.0 ms)",
    ]


def test_models_go_by_their_last_part_numbered_where_two_share_it() -> None:
    assert short_names(["models/nic", "org/mini"]) == {"models/nic": "nic", "org/mini": "mini"}
    assert short_names(["a/nic", "b/nic"]) == {"a/nic": "nic (1)", "b/nic": "nic (2)"}


def test_the_lines_of_a_domain_are_the_runbooks() -> None:
    figures = {"recall@5": 0.79124, "mrr": 0.81231, "queries": 109}
    domains = {"forklift": figures, "hvac": figures}
    report = RetrievalReport(figures, figures, figures, "forklift", domains, 2285)
    assert domain_lines(report) == [
        "  forklift            : Recall@5=0.7912, MRR=0.8123 (109 pairs)",
        "  hvac                : Recall@5=0.7912, MRR=0.8123 (109 pairs)",
    ]


def test_a_single_domain_has_no_line_of_its_own() -> None:
    figures = {"recall@5": 0.79124, "mrr": 0.81231, "queries": 109}
    report = RetrievalReport(figures, figures, figures, "all", {"all": figures}, 2285)
    assert domain_lines(report) == []


@pytest.mark.parametrize("name", ["", "/"])
def test_a_name_without_a_last_part_stays(name: str) -> None:
    assert short_names([name]) == {name: name}
