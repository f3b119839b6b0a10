"""Rows per query on disk: every metric comes back from them, and damage is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import make_evaluation, make_results

from evaluation.gates import read_thresholds
from evaluation.results import (
    PER_QUERY,
    RESULTS,
    DataDescription,
    is_results_folder,
    read_results_folder,
    write_results_folder,
)
from evaluation.retrieval.query_results import FIELDS
from evaluation.summary import summarise
from nic.errors import UserError


@pytest.fixture
def written(tmp_path: Path) -> Path:
    results = make_evaluation()
    write_results_folder(results, summarise(results, read_thresholds()).metrics(), tmp_path)
    return tmp_path


def test_the_results_and_every_metric_come_back(written: Path) -> None:
    results = read_results_folder(written)
    assert results == make_evaluation()
    metrics = summarise(results, read_thresholds()).metrics()
    stored = json.loads((written / RESULTS).read_text(encoding="utf-8"))
    assert json.loads(json.dumps(metrics)) == {key: stored[key] for key in metrics}


def test_one_row_per_query_and_model_with_ids_and_no_text(written: Path) -> None:
    rows = [json.loads(line) for line in (written / PER_QUERY).read_text("utf-8").splitlines()]
    assert len(rows) == 3 * 60
    assert all(tuple(row) == FIELDS for row in rows)
    assert rows[0]["rank"] == 1
    assert len(rows[0]["top_ids"]) == len(rows[0]["top_scores"]) == 10


def test_the_result_file_names_no_folder_of_this_machine(written: Path) -> None:
    content = json.loads((written / RESULTS).read_text(encoding="utf-8"))
    assert "_interpreter_path" not in content
    assert "_timestamp" in content


def test_several_relevant_passages_keep_all_their_ranks(tmp_path: Path) -> None:
    rows = [make_results("a", [2])[0]]
    rows[0].ranks.append(7)
    results = make_evaluation(per_query={"tuned": rows, "base": rows}, probe=None, probe_data=None)
    write_results_folder(results, {}, tmp_path)
    found = read_results_folder(tmp_path).per_query["tuned"][0]
    assert found.ranks == [2, 7]
    assert found.metrics()["recall@5"] == 0.5
    assert not (tmp_path / "probe_per_query.jsonl").exists()


def cut(folder: Path) -> None:
    path = folder / PER_QUERY
    path.write_text(path.read_text("utf-8")[:-40], encoding="utf-8")


def lose_a_row(folder: Path) -> None:
    lines = (folder / PER_QUERY).read_text("utf-8").splitlines()
    (folder / PER_QUERY).write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")


def lose_the_base(folder: Path) -> None:
    lines = (folder / PER_QUERY).read_text("utf-8").splitlines()
    kept = [line for line in lines if '"model": "base"' not in line]
    (folder / PER_QUERY).write_text("\n".join(kept) + "\n", encoding="utf-8")


def spoil_a_rank(folder: Path) -> None:
    path = folder / PER_QUERY
    path.write_text(path.read_text("utf-8").replace('"rank": 1,', '"rank": 0,', 1), "utf-8")


def lose_the_model_of_a_row(folder: Path) -> None:
    path = folder / PER_QUERY
    path.write_text(path.read_text("utf-8").replace('"model": "tuned", ', "", 1), "utf-8")


def spoil_a_cluster(folder: Path) -> None:
    path = folder / PER_QUERY
    path.write_text(
        path.read_text("utf-8").replace('"cluster": 0,', '"cluster": 1e999,', 1), "utf-8"
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lose_the_model_of_a_row, "per_query.jsonl:1: not a row of results .KeyError 'model'"),
        (spoil_a_cluster, "per_query.jsonl:1: not a row of results"),
        (cut, "per_query.jsonl:180: not a row of results"),
        (lose_a_row, "were not asked the same queries"),
        (lose_the_base, "holds no row of base"),
        (spoil_a_rank, "per_query.jsonl:1: not a row of results .ranks do not fit"),
        (lambda folder: (folder / PER_QUERY).unlink(), "cannot be read .*--from-results"),
        (lambda folder: (folder / RESULTS).unlink(), "give the folder of an evaluation"),
        (lambda folder: (folder / RESULTS).write_text("[]"), "give the folder of an evaluation"),
        (lambda folder: (folder / RESULTS).write_text("{"), "give the folder of an evaluation"),
    ],
)
def test_damage_is_one_line(written: Path, damage: Callable[[Path], Any], message: str) -> None:
    damage(written)
    with pytest.raises(UserError, match=message) as error:
        read_results_folder(written)
    assert "\n" not in str(error.value)


def test_the_reader_is_told_what_the_queries_were() -> None:
    assert make_evaluation(chose_checkpoint=False).caveat == ""
    assert "chose the checkpoint" in make_evaluation().caveat
    everything = DataDescription("f", "s", "all")
    assert "trained on too" in make_evaluation(data=everything).caveat
    assert make_evaluation(data=everything, chose_checkpoint=None).caveat == ""
    made = DataDescription("f", "s", "test", rows_asked=40, made_rows=30)
    assert make_evaluation(data=made, chose_checkpoint=False).caveat.startswith(
        "Measured on generated queries: 30 of 40 pairs asked were made from their passages"
    )
    by_date = DataDescription("f", "s", "test", split_by="date")
    assert "later than those trained on" in make_evaluation(data=by_date).caveat


def test_results_of_an_earlier_version_are_read(written: Path) -> None:
    """The keys on disk do not change; what a version does not know is ignored or missing."""
    path = written / RESULTS
    content = json.loads(path.read_text(encoding="utf-8"))
    facts = content["evidence"]
    assert list(facts) == [
        *("model", "base", "data", "task", "chose_checkpoint", "probe_data"),
        *("speed", "loads", "history", "best_step", "encodings", "mixing", "dimensions"),
        *("keeps_passages", "search", "known", "negatives"),
    ]
    assert list(facts["speed"]) == ["models", "runs", "machine"]
    assert list(facts["speed"]["models"]["base"]) == ["latency", "queries", "corpus"]
    added = (
        *("loads", "best_step", "encodings", "mixing", "dimensions", "keeps_passages", "search"),
        *("known", "negatives"),
    )
    for key in added:
        del facts[key]
    del facts["data"]["rows_asked"], facts["data"]["folds"]
    facts["of_another_version"] = facts["task"]["of_another_version"] = 1
    path.write_text(json.dumps(content), encoding="utf-8")
    found = read_results_folder(written)
    assert (found.data.rows_asked, found.loads, found.best_step) == (None, None, None)
    assert (found.task, found.speed) == (make_evaluation().task, make_evaluation().speed)
    assert is_results_folder(written)


def test_git_is_not_asked_about_the_folder_that_the_user_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_results_folder(make_evaluation(), {}, tmp_path)
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    write_results_folder(make_evaluation(), {}, tmp_path)
    assert is_results_folder(tmp_path)
