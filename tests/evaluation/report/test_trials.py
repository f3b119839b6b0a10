"""How a search is shown: a sentence and a table, best trial first."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import make_evaluation

from evaluation.gates import DEFAULTS, read_thresholds
from evaluation.report.page import render_report
from evaluation.report.trials import search_sentence, show_trials, trial_rows
from evaluation.summary import summarise
from evaluation.trials import COMPLETE, FAILED, PRUNED, Search, Settings, Trial, Validation


def trial(number: int, state: Any, *scores: tuple[float, float], **more: Any) -> Trial:
    found = [
        Validation(n + 1.0, n + 1, {"recall@5": recall, "mrr": mrr})
        for n, (recall, mrr) in enumerate(scores)
    ]
    settings: Settings = {
        "learning_rate": 2e-5 * (number + 1),
        "loss": "mnrl",
        "negatives": "auto",
    }
    return Trial(number, settings, state, found, 12.4, **more)


SEARCH = Search(
    [
        trial(0, COMPLETE, (0.5, 0.4), (0.6, 0.4)),
        trial(1, PRUNED, (0.1, 0.1)),
        trial(2, FAILED, reason="no batch"),
        trial(3, COMPLETE, (0.6, 0.5), (0.2, 0.1)),
    ],
    3,
)


def test_the_table_has_the_best_trial_first_and_the_failed_last() -> None:
    head, *rows = trial_rows(SEARCH)
    assert head == [
        *("Trial", "State", "Recall@5", "MRR", "Seconds"),
        *("learning_rate", "loss", "negatives"),
    ]
    assert [row[0] for row in rows] == ["3", "0", "1", "2"]
    assert rows[0] == ["3", "complete", "0.6000", "0.5000", "12", "8e-05", "mnrl", "auto"]
    assert rows[3][:5] == ["2", "failed", "-", "-", "12"]
    lines = show_trials(SEARCH).splitlines()
    assert lines[0] == "Trials: 2 complete, 1 pruned, 1 failed; the best first"
    assert len(lines) == 6


def test_the_sentence_names_the_number_of_trials_and_both_metrics() -> None:
    assert search_sentence(None) == ""
    assert search_sentence(SEARCH) == (
        "These settings were chosen among 4 trials (1 pruned, 1 failed) on the validation queries: "
        "trial 3 has Recall@5 0.6000 there; trial 0, with the settings that the search was given, "
        "has 0.6000. The best of several is optimistically biased on the queries that chose it."
    )
    first = search_sentence(Search(SEARCH.trials[:1], 0))
    assert "trial 0, with the settings that the search was given, has Recall@5 0.6000" in first


@pytest.mark.parametrize("search", [SEARCH, None], ids=["with a search", "without"])
def test_the_page_shows_the_trials_where_there_were_some(search: Search | None) -> None:
    results = make_evaluation(search=search, chose_checkpoint=False)
    summary = summarise(results, read_thresholds(DEFAULTS))
    page = render_report(summary, None, {})
    assert ("Trials of the settings" in page) is (search is not None)
    assert ("chosen among 4 trials" in page) is (search is not None)
    assert summary.published().search == search
