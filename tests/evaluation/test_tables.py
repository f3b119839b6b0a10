"""The console table, to the letter."""

from __future__ import annotations

from evaluation.domain_evaluator import RetrievalReport
from evaluation.tables import compare_models, domain_lines, short_names


def report(recall: float, mrr: float, worst: str) -> RetrievalReport:
    figures = {"recall@5": recall, "mrr": mrr, "queries": 109}
    domains = {"forklift": figures, "vehicle_civilian": {**figures, "queries": 2}}
    return RetrievalReport({**figures, "queries": 111}, figures, figures, worst, domains, 2285)


def test_models_stand_side_by_side_with_the_queries_of_each_line() -> None:
    table = compare_models({"base": report(0.5, 0.25, "forklift"), "tuned": report(1, 0.75, "x")})
    assert table.splitlines() == [
        "                     base Recall@5  base MRR  tuned Recall@5  tuned MRR",
        "forklift                    0.5000    0.2500          1.0000     0.7500  109 queries",
        "vehicle_civilian            0.5000    0.2500          1.0000     0.7500  2 queries",
        "overall                     0.5000    0.2500          1.0000     0.7500  111 queries",
        "mean of the domains         0.5000    0.2500          1.0000     0.7500  2 domains",
        "worst domain                0.5000    0.2500          1.0000     0.7500  forklift / x",
        "Each query ranked against 2,285 passages.",
    ]


def test_models_go_by_their_last_part_unless_two_share_it() -> None:
    assert short_names(["models/nic", "org/mini"]) == {"models/nic": "nic", "org/mini": "mini"}
    assert short_names(["a/nic", "b/nic"]) == {"a/nic": "a/nic", "b/nic": "b/nic"}


def test_the_lines_of_a_domain_are_the_runbooks() -> None:
    assert domain_lines(report(0.79124, 0.81231, "x"))[0] == (
        "  forklift            : Recall@5=0.7912, MRR=0.8123 (109 pairs)"
    )
