"""What other tools compute from the exported files is what the report says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import ir_measures
import numpy as np
import pytest
import torch
from ir_measures import AP, MRR, R, Success, nDCG
from random_tasks import random_task

from evaluation.arguments import EvaluationArguments, parse_arguments
from evaluation.exports import Rankings, run_files, write_exports
from evaluation.pipeline import evaluate_models
from evaluation.retrieval.baselines import BM25Scorer, FusionScorer
from evaluation.retrieval.query_results import score_task
from evaluation.retrieval.ranking import DenseScorer, Scorer
from evaluation.retrieval.task import RetrievalTask
from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_file import save_split

MEASURES = {
    "recall@1": R @ 1,
    "recall@5": R @ 5,
    "recall@10": R @ 10,
    "hit_rate@1": Success @ 1,
    "hit_rate@5": Success @ 5,
    "hit_rate@10": Success @ 10,
    "mrr": MRR,
    "ndcg@10": nDCG @ 10,
    "map@100": AP @ 100,
}
QUERIES, PASSAGES = 40, 1500


def whole_scores(levels: int) -> DenseScorer:
    """Scores that are whole numbers: with few levels nearly all tie."""
    scores = np.random.default_rng(levels).integers(0, levels, (PASSAGES, QUERIES))
    return DenseScorer(torch.eye(QUERIES), torch.from_numpy(scores).float())


def word_task() -> RetrievalTask:
    """A task whose texts share words, so that BM25 gives many passages 0."""
    rng = np.random.default_rng(3)
    words = [f"word{n}" for n in range(60)]
    texts = [" ".join(rng.choice(words, 4)) for _ in range(PASSAGES)]
    return random_task(rng, [" ".join(rng.choice(words, 3)) for _ in range(QUERIES)], texts)


def computed(folder: Path, run: str) -> dict[tuple[str, str], float]:
    """What ir_measures says of a run, by query and measure."""
    qrels = list(ir_measures.read_trec_qrels(str(folder / "qrels.txt")))
    found = ir_measures.iter_calc(
        list(MEASURES.values()), qrels, ir_measures.read_trec_run(str(folder / run))
    )
    return {(metric.query_id, str(metric.measure)): metric.value for metric in found}


def assert_equal_figures(task: RetrievalTask, scorers: Mapping[str, Scorer], folder: Path) -> None:
    write_exports(Rankings(task, scorers), ["trec"], folder)
    for name, file in run_files(scorers).items():
        theirs = computed(folder / "trec", file)
        for row in score_task(scorers[name], task):
            for key, value in row.metrics().items():
                expected = theirs[row.query_id, str(MEASURES[key])]
                assert value == pytest.approx(expected, abs=1e-6), (name, row.query_id, key)


@pytest.mark.parametrize("levels", [1, 3, 2000, 10**7])
def test_ir_measures_finds_every_metric_of_every_query_in_a_run(
    levels: int, tmp_path: Path
) -> None:
    task = random_task(np.random.default_rng(1), [""] * QUERIES, [""] * PASSAGES)
    assert_equal_figures(task, {"org/model": whole_scores(levels)}, tmp_path)


def test_ir_measures_finds_the_metrics_of_bm25_and_of_its_fusion(tmp_path: Path) -> None:
    task = word_task()
    lexical = BM25Scorer.of(task, "en")
    dense = whole_scores(10**6)
    scorers: dict[str, Scorer] = {"BM25": lexical, "BM25 + tiny": FusionScorer(dense, lexical)}
    assert_equal_figures(task, scorers, tmp_path)


def test_a_run_ends_behind_rank_1000_only_where_a_relevant_passage_stands_there(
    tmp_path: Path,
) -> None:
    task = random_task(np.random.default_rng(1), [""] * QUERIES, [""] * PASSAGES)
    scorer = whole_scores(10**7)
    write_exports(Rankings(task, {"m": scorer}), ["trec"], tmp_path)
    lines = (tmp_path / "trec" / "run.m.txt").read_text(encoding="utf-8").splitlines()
    written = {id_: sum(line.startswith(f"{id_} ") for line in lines) for id_ in task.query_ids}
    assert written == {row.query_id: max(1000, row.ranks[-1]) for row in score_task(scorer, task)}


def test_runs_of_models_whose_names_look_alike_go_to_files_of_their_own() -> None:
    files = run_files(["a/b", "a b", "BM25 + a/b", "a/b@v1.0"])
    assert files == {
        "a/b": "run.a_b.txt",
        "a b": "run.a_b-2.txt",
        "BM25 + a/b": "run.BM25_a_b.txt",
        "a/b@v1.0": "run.a_b_v1.0.txt",
    }


@pytest.fixture
def flags(tiny_copy: Path, tiny_model_folder: Path, two_domains: Path) -> list[str]:
    """A model with a split beside it, against its base."""
    pairs = load_pairs(two_domains)
    save_split(split_pairs(pairs, 0.2, test_ratio=0.2), pairs, tiny_copy / "split.json")
    models = ["--model", tiny_copy, "--base", tiny_model_folder, "--data-file", two_domains]
    return [*map(str, models), "--probe", "none", "--no-speed", "--device", "cpu"]


def test_an_evaluation_exports_the_figures_that_it_reports(
    flags: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    flags += ["--output-dir", str(folder), "--export", "trec", "beir"]
    summary = evaluate_models(parse_arguments(flags))
    assert summary is not None
    qrels = ir_measures.read_trec_qrels(str(folder / "trec" / "qrels.txt"))
    runs = sorted((folder / "trec").glob("run.*.txt"))
    assert len(runs) == len(summary.reports)
    run = ir_measures.read_trec_run(str(folder / "trec" / "run.tiny.txt"))
    found = ir_measures.calc_aggregate(list(MEASURES.values()), list(qrels), run)
    shown = {
        key: value for key, value in summary.reports["tiny"].overall.items() if "quer" not in key
    }
    assert {"recall@5", "mrr", "ndcg@10"} <= set(shown)
    for key, value in shown.items():
        assert found[MEASURES[key]] == pytest.approx(value), key


def test_the_domains_of_the_queries_are_exported_without_any_text(
    flags: list[str], tmp_path: Path, two_domains: Path
) -> None:
    flags += ["--output-dir", str(tmp_path / "results"), "--export", "trec"]
    summary = evaluate_models(parse_arguments(flags))
    assert summary is not None
    written = (tmp_path / "results" / "trec" / "queries.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in written.splitlines()]
    assert rows[0] == ["query_id", "domain", "cluster"]
    asked = summary.results.per_query["tiny"]
    assert rows[1:] == [[row.query_id, row.domain, str(row.cluster)] for row in asked]
    everything = "".join(
        p.read_text(encoding="utf-8") for p in (tmp_path / "results/trec").iterdir()
    )
    assert not any(text in everything for text in load_pairs(two_domains).texts())


def test_a_beir_folder_holds_the_corpus_the_queries_and_what_is_relevant(
    flags: list[str], tmp_path: Path, two_domains: Path
) -> None:
    flags += ["--output-dir", str(tmp_path / "results"), "--export", "beir"]
    summary = evaluate_models(parse_arguments(flags))
    assert summary is not None
    folder = tmp_path / "results" / "beir"
    corpus, queries = (
        {row["_id"]: row for row in map(json.loads, (folder / name).open(encoding="utf-8"))}
        for name in ("corpus.jsonl", "queries.jsonl")
    )
    pairs = load_pairs(two_domains)
    assert {row["text"] for row in corpus.values()} == set(pairs.texts(["positive", "negative"]))
    assert list(queries) == [row.query_id for row in summary.results.per_query["tiny"]]
    header, *lines = (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "query-id\tcorpus-id\tscore"
    given = set(zip(pairs.column("query"), pairs.column("positive"), strict=True))
    found = [line.split("\t") for line in lines]
    assert {(queries[q]["text"], corpus[p]["text"]) for q, p, _ in found} <= given
    assert {q for q, _, _ in found} == set(queries)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"output_dir": None}, "--export: give a folder for the files with --output-dir"),
        ({"from_results": "old", "model": ()}, "evaluate the models again, with --model"),
        ({"export": ["beir"], "corpus": "domain"}, "leave --corpus domain out"),
        ({"export": ["csv"]}, "--export csv: must be one of trec, beir"),
    ],
)
def test_an_export_that_cannot_be_written_is_refused_at_once(
    changes: dict[str, object], says: str
) -> None:
    given: dict[str, object] = {"model": ["m"], "output_dir": "out", "export": ["trec"], **changes}
    with pytest.raises(UserError, match=says):
        EvaluationArguments(**given)  # type: ignore[arg-type]
