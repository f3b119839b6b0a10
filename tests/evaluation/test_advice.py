"""The cheapest way to search that no dearer one significantly beats."""

from __future__ import annotations

import pytest
from summaries import BASE, MODEL, results_of, summary_of

from evaluation.advice import NO_MODEL, NO_TRAINING, QUERIES_ALONE, TRAINING, advise, ways_by_cost
from evaluation.comparison import compare_with_each
from evaluation.report.sentences import advice_sentence
from evaluation.retrieval.query_results import Results

QUERIES = 60
WAYS = ("BM25", BASE, f"BM25 + {BASE}", MODEL, f"BM25 + {MODEL}")


def found_by(*counts: int) -> Results:
    """Results in which each way, the cheapest first, finds so many of the queries."""
    ranks = {
        name: {"a": [1] * count + [20] * (QUERIES - count)}
        for name, count in zip(WAYS, counts, strict=True)
    }
    return results_of(ranks)


@pytest.mark.parametrize(
    ("counts", "cheapest", "needs"),
    [
        ((10, 20, 30, 50, 50), MODEL, TRAINING),
        # Training brings nothing that BM25 with the base has not.
        ((10, 20, 50, 50, 51), f"BM25 + {BASE}", NO_TRAINING),
        ((50, 50, 50, 50, 50), "BM25", NO_MODEL),
        ((50, 10, 20, 30, 40), "BM25", NO_MODEL),
        ((10, 20, 30, 40, 55), f"BM25 + {MODEL}", TRAINING),
    ],
)
def test_it_is_the_cheapest_one_that_nothing_dearer_beats(
    counts: tuple[int, ...], cheapest: str, needs: str
) -> None:
    advice = advise(compare_with_each(found_by(*counts)), ways_by_cost(BASE, {MODEL: TRAINING}))
    assert advice is not None
    assert [way.name for way in advice.ways] == list(WAYS)
    assert [way.estimate.value for way in advice.ways] == [n / QUERIES for n in counts]
    assert (advice.cheapest, advice.needs) == (cheapest, needs)
    for way, count in zip(advice.ways, counts, strict=True):
        assert way.beaten_by == [
            other.name
            for other, better in zip(advice.ways, counts, strict=True)
            if better >= count + 8 and advice.ways.index(other) > advice.ways.index(way)
        ]


def test_the_sentence_names_the_best_way_and_what_would_settle_it() -> None:
    summary = summary_of(found_by(10, 20, 50, 50, 52))
    sentence = advice_sentence(summary.published())
    assert sentence.startswith(
        f"The cheapest way that no dearer one significantly beats is BM25 + {BASE}, which needs no "
        f"training; BM25 + {MODEL} has Recall@5 +0.0333 ["
    )
    assert "not distinguishable (needs about" in sentence


def test_nothing_is_advised_where_a_baseline_or_the_tuned_model_is_missing() -> None:
    results = found_by(10, 20, 30, 40, 50)
    assert advice_sentence(summary_of(results, model=BASE).published()) == ""
    del results["BM25"]
    assert advise(compare_with_each(results), ways_by_cost(BASE, {MODEL: TRAINING})) is None
    assert advice_sentence(summary_of(results).published()) == ""


def test_a_query_adapter_is_cheaper_than_a_new_index() -> None:
    ways = ways_by_cost(BASE, {MODEL: TRAINING, "adapter": QUERIES_ALONE})
    assert list(ways) == [*WAYS[:3], "adapter", "BM25 + adapter", MODEL, f"BM25 + {MODEL}"]
    results = {**found_by(10, 20, 30, 50, 50), "adapter": found_by(50, 0, 0, 0, 0)["BM25"]}
    results["BM25 + adapter"] = results["BM25"]
    advice = advise(compare_with_each(results), ways)
    assert advice is not None
    assert (advice.cheapest, advice.needs) == ("adapter", QUERIES_ALONE)
