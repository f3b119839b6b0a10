"""Mining takes passages near a query that answer it nowhere, by the model's own ranking."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import KeywordModel, MakePairs

from evaluation.retrieval.ranking import DenseScorer
from nic.errors import UserError
from pairs.loading import Pairs, load_pairs
from training.negatives import mining
from training.negatives.known_embeddings import KnownEmbeddings, embed_file
from training.negatives.mining import Miner, place
from training.negatives.settings import MiningSettings

ALL: dict[str, Any] = {"rank_range": (0, 50), "relative_margin": 0.0}


def pair(query: str, positive: str, domain: str = "hvac", **more: Any) -> dict[str, Any]:
    return {"query": query, "positive": positive, "domain": domain, **more}


def known_of(pairs: Pairs) -> KnownEmbeddings:
    """What a model finds that one-hot encodes the words of the file."""
    words = dict.fromkeys(word.partition("*")[0] for text in pairs.texts() for word in text.split())
    return embed_file(KeywordModel(list(words)), pairs)


def mined_texts(pairs: Pairs, query: int = 0, **options: Any) -> list[str]:
    """The texts that are mined for a query from all passages."""
    known = known_of(pairs)
    settings = MiningSettings(**{**ALL, **options})
    found = Miner(known).mine([query], range(len(known.task.corpus)), settings)
    return [known.task.corpus[number] for number in found[query].passages]


def filler(count: int) -> str:
    """Words that make a passage long enough to have near-duplicates."""
    return " ".join(f"w{number}" for number in range(count))


def test_the_nearest_passages_are_taken_with_their_similarity(write_pairs: MakePairs) -> None:
    # Cosines to "pump leaks": 1 of its positive, 0.71 of "pump", 0.58 of "pump hot dry", 0 else.
    rows = [pair("pump leaks", "leaks pump"), pair("a", "pump"), pair("b", "pump hot dry")]
    known = known_of(load_pairs(write_pairs([*rows, pair("c", "valve")])))
    found = Miner(known).mine([0], range(4), MiningSettings(per_row=2, **ALL))
    assert found[0].passages == [1, 2]
    assert found[0].scores == pytest.approx([0.5**0.5, (1 / 6) ** 0.5])


def test_no_answer_of_the_query_anywhere_in_the_file_is_taken(write_pairs: MakePairs) -> None:
    rows = [
        pair("pump leaks", "pump leaks seal"),
        pair("pump  leaks", "belt"),
        pair("pump leaks", "pump leaks hose"),
        pair("other", "pump hot"),
    ]
    assert mined_texts(load_pairs(write_pairs(rows)), per_row=5) == ["pump hot", "belt"]


def test_no_near_duplicate_of_an_answer_is_taken(write_pairs: MakePairs) -> None:
    answer = f"pump leaks {filler(30)}"
    rows = [
        pair("pump leaks w0", f"{answer} end"),
        pair("a", answer),
        pair("b", f"{answer} close"),
        pair("c", "pump hot"),
    ]
    pairs = load_pairs(write_pairs(rows))
    assert mined_texts(pairs, per_row=5, relative_margin=0) == []
    rows[0] = pair("pump leaks w0", "pump leaks w0")
    assert mined_texts(load_pairs(write_pairs(rows)), per_row=5) == ["pump hot", answer]


def test_of_passages_that_nearly_equal_each_other_one_is_taken(write_pairs: MakePairs) -> None:
    wrong = f"pump {filler(30)}"
    rows = [pair("pump", "pump"), pair("a", wrong), pair("b", f"{wrong} end"), pair("c", "belt")]
    found = mined_texts(load_pairs(write_pairs(rows)), per_row=5)
    assert found == [wrong, "belt"]


def test_the_same_domain_comes_first_and_others_fill_what_it_lacks(write_pairs: MakePairs) -> None:
    rows = [
        pair("pump hot dry", "pump hot dry"),
        pair("a", "pump hot belt", "radar"),
        pair("b", "pump belt"),
        pair("c", "pump belt fan mast", "radar"),
        pair("d", "dry belt fan"),
    ]
    pairs = load_pairs(write_pairs(rows))
    assert mined_texts(pairs, per_row=1) == ["pump belt"]
    assert mined_texts(pairs, per_row=2) == ["pump belt", "dry belt fan"]
    found = mined_texts(pairs, per_row=4)
    assert found == ["pump belt", "dry belt fan", "pump hot belt", "pump belt fan mast"]


def test_the_nearest_of_the_rank_range_are_passed_over_and_its_end_is_not(
    write_pairs: MakePairs,
) -> None:
    rows = [pair("pump", "pump")] + [pair(f"q{n}", f"pump*{9 - n} belt") for n in range(8)]
    pairs = load_pairs(write_pairs(rows))
    nearest = [f"pump*{9 - n} belt" for n in range(8)]
    assert mined_texts(pairs, per_row=3, rank_range=(2, 6)) == nearest[2:5]
    assert mined_texts(pairs, per_row=2, rank_range=(6, 8)) == nearest[6:8]


def test_what_comes_within_the_margin_of_the_farthest_positive_is_left_out(
    write_pairs: MakePairs,
) -> None:
    # Cosines to "pump": 0.8 of the farther positive, 0.77 and 0.75 of the two others.
    rows = [
        pair("pump", "pump"),
        pair("pump", "pump*4 belt*3"),
        pair("a", "pump*77 belt*64"),
        pair("b", "pump*75 belt*66"),
    ]
    pairs = load_pairs(write_pairs(rows))
    assert mined_texts(pairs, per_row=2, relative_margin=0.05) == ["pump*75 belt*66"]
    assert mined_texts(pairs, per_row=2, relative_margin=0.08) == []


def test_contents_tables_and_negatives_that_are_given_are_not_taken(write_pairs: MakePairs) -> None:
    rows = [pair("pump", "pump"), pair("a", "pump belt"), pair("b", "pump ......... 4-1")]
    pairs = load_pairs(write_pairs([*rows, pair("c", "pump belt fan")]))
    known = known_of(pairs)
    found = Miner(known).mine([0], range(4), MiningSettings(per_row=2, **ALL), [[1], [], [], []])
    assert [known.task.corpus[number] for number in found[0].passages] == ["pump belt fan"]


def test_only_passages_that_are_allowed_are_taken(write_pairs: MakePairs) -> None:
    pairs = load_pairs(write_pairs([pair(f"pump q{n}", f"pump p{n}") for n in range(6)]))
    found = Miner(known_of(pairs)).mine([0, 1], [3, 5], MiningSettings(per_row=5, **ALL))
    assert {query: sorted(one.passages) for query, one in found.items()} == {0: [3, 5], 1: [3, 5]}
    nothing = Miner(known_of(pairs)).mine([0], [], MiningSettings(**ALL))
    assert nothing[0].passages == []


def test_chunks_do_not_change_what_is_found(
    write_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [pair(f"pump q{n} p{n}*9", f"pump*{n + 1} belt p{n}*9", f"d{n % 2}") for n in range(30)]
    known = known_of(load_pairs(write_pairs(rows)))
    settings = MiningSettings(per_row=3, rank_range=(2, 20))

    def found() -> dict[int, Any]:
        return Miner(known).mine(range(30), range(30), settings)

    whole = found()
    monkeypatch.setattr(mining, "SCORES_AT_A_TIME", 90)
    monkeypatch.setattr(mining, "PAIRS_AT_A_TIME", 4)
    assert found() == whole
    assert any(len(one.passages) == 3 for one in whole.values())


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
def test_a_model_ranks_by_its_own_similarity(similarity: str, write_pairs: MakePairs) -> None:
    pairs = load_pairs(write_pairs([pair(f"q{n}", f"p{n}") for n in range(4)]))
    task = known_of(pairs).task
    corpus = torch.tensor([[1.0, 0.0], [0.9, 0.1], [3.0, 3.0], [0.1, 0.0]])
    scorer = DenseScorer(torch.tensor([[1.0, 0.0]] * 4), corpus, similarity)
    settings = MiningSettings(per_row=3, rank_range=(0, 3), relative_margin=0)
    found = Miner(KnownEmbeddings(task, scorer)).mine([0, 2], range(4), settings)
    scores = scorer.scores(np.array([0, 2]), np.arange(4))
    for query, row in zip((0, 2), scores.tolist(), strict=True):
        below = [n for n in range(4) if n != query and row[n] <= row[query]]
        assert found[query].passages == sorted(below, key=lambda n: -row[n])
        assert found[query].scores == [row[number] for number in found[query].passages]
    assert found[0].passages != found[2].passages or similarity == "dot"


def test_ranks_and_scores_are_those_of_the_ranking_of_all_passages(write_pairs: MakePairs) -> None:
    rows = [pair("pump", "pump")] + [pair(f"q{n}", f"pump*{9 - n} belt") for n in range(8)]
    known = known_of(load_pairs(write_pairs(rows)))
    found = place(known.scorer, {0: [0, 1, 8], 3: []})
    assert [rank for rank, _ in found[0]] == [1, 2, 9]
    assert [score for _, score in found[0]] == pytest.approx([1, 9 / 82**0.5, 2 / 5**0.5])
    assert found[3] == []


def test_nothing_of_the_library_reaches_the_log(
    write_pairs: MakePairs, capsys: pytest.CaptureFixture[str]
) -> None:
    mined_texts(load_pairs(write_pairs([pair(f"pump q{n}", f"pump p{n}") for n in range(6)])))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank_range": (5, 5)}, "--rank-range 5 5: must be two places, 0 or more, the first"),
        ({"rank_range": (-1, 5)}, "--rank-range -1 5: must be two places"),
        ({"per_row": 0}, "--negatives-per-row 0: must be 1 or more, up to the 40 of --rank-range"),
        ({"per_row": 41}, "--negatives-per-row 41: must be 1 or more, up to the 40"),
        ({"relative_margin": 1.0}, "--relative-margin 1.0: must be 0 or more and below 1"),
        ({"relative_margin": float("nan")}, "--relative-margin nan: must be"),
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        MiningSettings(**options)


def test_a_task_of_the_file_is_scored_without_embedding_again(write_pairs: MakePairs) -> None:
    from evaluation.retrieval.evaluator import embed_task
    from evaluation.retrieval.task import limit_corpus, retrieval_task

    pairs = load_pairs(write_pairs([pair(f"pump q{n}", f"pump p{n}") for n in range(9)]))
    words = ["pump", *(f"{kind}{n}" for kind in "pq" for n in range(9))]
    model: Any = KeywordModel(words)
    known = embed_file(model, pairs)
    assert [len(texts) for texts in model.calls] == [9, 9]
    for task in (retrieval_task(pairs, [5, 2]), limit_corpus(retrieval_task(pairs, [4]), 3, 1)):
        calls = len(model.calls)
        found = known.scorer_of(task)
        assert len(model.calls) == calls
        expected = embed_task(model, task)
        assert torch.equal(found.queries, expected.queries)
        assert torch.equal(found.corpus, expected.corpus)
