"""nic-advise: every way on one split, the cheapest that nothing beats, passages to label."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import train_tiny

from evaluation.advice import NO_MODEL, NO_TRAINING, QUERIES_ALONE, TRAINING
from evaluation.retrieval import baselines
from evaluation.retrieval.baselines import BM25Scorer, choose_fusion_weight
from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval.ranking import DenseScorer
from evaluation.retrieval.task import retrieval_task
from nic.errors import UserError
from nic.models import find_model, load_model
from nic.query_adapter import has_query_adapter
from pairs.loading import load_pairs
from pairs.split_file import load_split
from training.advice.arguments import AdviceArguments, parse_arguments
from training.advice.labels import choose_passages
from training.advice.pipeline import give_advice

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def short_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The adapter is trained on batches that the small files fill."""
    monkeypatch.setattr(
        AdviceArguments,
        "adapter_flags",
        lambda self, flags=AdviceArguments.adapter_flags: [
            *flags(self),
            "--batch-size",
            "8",
            "--epochs",
            "1",
            "--probe",
            "none",
        ],
    )


def arguments(base: Path, data: Path, output: Path, **more: object) -> AdviceArguments:
    given = {"val_ratio": 0.2, "test_ratio": 0.2, "device": "cpu", "label": 7, **more}
    return AdviceArguments(
        data_file=str(data),
        base_model=str(base),
        output_dir=str(output),
        **given,  # type: ignore[arg-type]
    )


@pytest.mark.usefixtures("short_recipe")
def test_it_compares_every_way_and_leaves_the_adapter_as_a_model(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tuned = tmp_path / "tuned"
    train_tiny(tiny_model_folder, two_domains, tuned, "--test-ratio", "0.2")
    output = tmp_path / "advice"
    given = arguments(tiny_model_folder, two_domains, output, model=[str(tuned)])
    advice = give_advice(given)
    assert advice is not None
    base = "tiny-base"
    assert {way.name: way.needs for way in advice.ways} == {
        "BM25": NO_MODEL,
        base: NO_TRAINING,
        f"BM25 + {base}": NO_TRAINING,
        "query-adapter": QUERIES_ALONE,
        "BM25 + query-adapter": QUERIES_ALONE,
        "tuned": TRAINING,
        "BM25 + tuned": TRAINING,
    }
    content = json.loads((output / "advice.json").read_text(encoding="utf-8"))
    assert content["cheapest"] == advice.cheapest
    assert content["part"] == "test"
    assert content["estimates"]["tuned"]["recall@5"]
    assert set(content["bm25_weights"]) == {name for name in content["estimates"] if " + " in name}
    passages = [
        json.loads(line)
        for line in (output / "label_next.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(passages) == 7
    assert all(one["queries"] == 0 and one["passage"] for one in passages)
    assert not any(one["passage"] in json.dumps(content) for one in passages)
    assert has_query_adapter(load_model(find_model(str(output / "query-adapter")), "cpu"))
    shown = capfd.readouterr().err
    assert "Ways to search, the cheapest first; " in shown
    assert "The cheapest way that no dearer one significantly beats is" in shown
    # The adapter was trained on the rows that the tuned model was trained on.
    pairs = load_pairs(two_domains)
    folders = (tuned, output / "query-adapter")
    splits = [load_split(folder / "split.json", pairs) for folder in folders]
    assert splits[0].parts() == splits[1].parts()

    with pytest.raises(
        UserError, match="holds an advice, or a part of one; replace it with --force"
    ):
        give_advice(given)


@pytest.mark.usefixtures("short_recipe")
def test_every_way_encodes_with_the_prompts_that_are_given(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "advice"
    prompts = {"query_prompt": "why ", "document_prompt": "check the pump "}
    give_advice(arguments(tiny_model_folder, two_domains, output, **prompts))
    estimates = json.loads((output / "advice.json").read_text(encoding="utf-8"))["estimates"]
    metadata = json.loads((output / "query-adapter" / "metadata.json").read_text(encoding="utf-8"))
    report = metadata["evaluation"]["comparison"]["groups"]["overall"]["estimates"]
    assert metadata["evaluation"]["keeps_passages"]
    for name in ("query-adapter", "tiny-base"):
        assert estimates[name]["mrr"]["value"] == pytest.approx(report[name]["mrr"]["value"])


def test_a_further_model_that_was_trained_on_the_queries_that_compare_is_refused(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    models = [tmp_path / "one", tmp_path / "other"]
    for seed, model in enumerate(models):
        more = ("--test-ratio", "0.2", "--seed", str(seed), "--epochs", "1")
        train_tiny(tiny_model_folder, two_domains, model, *more)
    output = tmp_path / "advice"
    given = {"model": [str(model) for model in models]}
    with pytest.raises(UserError, match="other: was trained on .* of the 16 rows that compare"):
        give_advice(arguments(tiny_model_folder, two_domains, output, **given))
    assert not output.exists()


@pytest.mark.usefixtures("short_recipe")
def test_wrong_input_leaves_an_earlier_advice_as_it_is(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    output = tmp_path / "advice"
    (output / "query-adapter").mkdir(parents=True)
    (output / "advice.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="a part of one"):
        give_advice(arguments(tiny_model_folder, two_domains, output))
    nowhere = tmp_path / "nowhere.jsonl"
    with pytest.raises(UserError, match=r"nowhere.jsonl"):
        give_advice(arguments(tiny_model_folder, nowhere, output, force=True))
    assert (output / "advice.json").read_text(encoding="utf-8") == "{}"


def test_a_folder_with_something_else_is_refused_before_any_work(tmp_path: Path) -> None:
    output = tmp_path / "advice"
    output.mkdir()
    (output / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="holds thesis.txt, which no advice wrote"):
        give_advice(AdviceArguments(output_dir=str(output), force=True))
    assert (output / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_a_split_without_a_test_part_is_said(
    tiny_model_folder: Path,
    two_domains: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    short_recipe: None,
) -> None:
    tuned = tmp_path / "tuned"
    train_tiny(tiny_model_folder, two_domains, tuned)
    output = tmp_path / "advice"
    give_advice(arguments(tiny_model_folder, two_domains, output, model=[str(tuned)]))
    assert "has no test part" in capfd.readouterr().err
    content = json.loads((output / "advice.json").read_text(encoding="utf-8"))
    assert content["part"] == "validation"


@pytest.mark.parametrize(("better", "expected"), [("dense", 0.1), ("lexical", 0.9)])
def test_the_weight_follows_what_finds_more_on_the_queries_that_choose(
    better: str, expected: float, two_domains: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = retrieval_task(load_pairs(two_domains), range(20))
    right = torch.zeros(len(task.queries), len(task.corpus))
    for number, relevant in enumerate(task.relevant):
        right[number, relevant] = 1.0
    noise = torch.rand(right.shape, generator=torch.Generator().manual_seed(0)) + 0.01
    scores = {"dense": noise, "lexical": noise.flip(1), better: right * 2 + noise / 10}

    def bm25(self: BM25Scorer, queries: np.ndarray, candidates: np.ndarray) -> torch.Tensor:
        return scores["lexical"][queries][:, candidates]

    monkeypatch.setattr(BM25Scorer, "scores", bm25)
    dense = DenseScorer(torch.eye(len(task.queries)), scores["dense"].T.contiguous())
    lexical = BM25Scorer.of(task)
    assert choose_fusion_weight(dense, lexical, task) == expected


def test_where_nothing_decides_the_weight_is_even(two_domains: Path) -> None:
    task = retrieval_task(load_pairs(two_domains), range(20))
    lexical = BM25Scorer.of(task)
    same = DenseScorer(
        torch.eye(len(task.queries)),
        lexical.scores(np.arange(len(task.queries)), np.arange(len(task.corpus))).T.contiguous(),
    )
    assert choose_fusion_weight(same, lexical, task) == baselines.EVEN


def test_passages_without_a_query_come_first_then_the_disputed(two_domains: Path) -> None:
    task = retrieval_task(load_pairs(two_domains), range(40))
    covered = task.passage_ids[task.relevant[0][0]]
    alone = next(id_ for id_ in task.passage_ids if id_.startswith("n"))

    def results(*first: str) -> list[QueryResult]:
        return [QueryResult(q, "d", 0, [1], 80, list(first), []) for q in task.query_ids]

    chosen = choose_passages(task, {"BM25": results(alone, covered), "base": results("x")}, 100)
    assert chosen[0].passage_id == alone
    assert (chosen[0].queries, chosen[0].disputed) == (0, len(task.queries))
    answered = [one for one in chosen if one.queries]
    assert answered[0].passage_id == covered
    assert chosen.index(answered[0]) > max(n for n, one in enumerate(chosen) if not one.queries)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--test-ratio", "0"], "--test-ratio 0.0: must be above 0, below 1"),
        (["--label", "-1"], "--label -1: must be 0 or more"),
        (["--language", "English"], "give one ISO 639 code"),
        (["--epochs", "3"], "--help lists every flag"),
    ],
)
def test_impossible_arguments_are_refused(flags: list[str], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        parse_arguments(flags)
