"""An evaluation-only rerun: any models, any file, one report, one folder."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import MakePairs, make_row
from own_models import (
    DOCUMENT_PROMPT,
    QUERY_PROMPT,
    own_figures,
    own_model,
    plain_figures,
)

import evaluation
from evaluation import pipeline
from evaluation import run as run_module
from evaluation.arguments import EvaluationArguments, parse_arguments
from evaluation.pipeline import evaluate_models
from evaluation.report.output import check_output
from evaluation.report.tables import show_summary
from evaluation.results import read_results_folder
from evaluation.retrieval.task import retrieval_task
from evaluation.serialization import report_to_json
from evaluation.summary import EvaluationSummary
from nic.errors import UserError
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_file import save_split

MODELS = ["tiny", "tiny-base", "BM25", "BM25 + tiny", "BM25 + tiny-base"]


def evaluate(*given: object, probe: str = "none", speed: bool = False) -> EvaluationSummary:
    words = [str(word) for word in given] + ["--probe", probe, "--device", "cpu"]
    summary = evaluate_models(parse_arguments(words if speed else [*words, "--no-speed"]))
    assert summary is not None
    return summary


@pytest.fixture
def asked(tiny_copy: Path, tiny_model_folder: Path, two_domains: Path) -> list[object]:
    """The flags of a model with a split beside it, against its base."""
    pairs = load_pairs(two_domains)
    split = split_pairs(pairs, 0.2, seed=42, test_ratio=0.2)
    save_split(split, pairs, tiny_copy / "split.json")
    return ["--model", tiny_copy, "--base", tiny_model_folder, "--data-file", two_domains]


def test_the_test_queries_of_the_split_are_asked_and_every_file_is_written(
    asked: list[object], tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    summary = evaluate(*asked, "--output-dir", folder)
    assert summary.comparison.models == MODELS
    assert summary.comparison.overall.queries == 8
    assert summary.results.chose_checkpoint is False
    content = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert content["evidence"]["data"]["part"] == "test"
    reports = {name: report_to_json(report) for name, report in summary.reports.items()}
    assert content["models"] == reports
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"results.json", "per_query.jsonl", "report.html", "plots"} <= written
    assert not list(tmp_path.glob("*.incomplete"))


def test_without_a_test_part_the_report_says_that_the_queries_chose_the_checkpoint(
    asked: list[object], tiny_copy: Path, two_domains: Path
) -> None:
    pairs = load_pairs(two_domains)
    save_split(split_pairs(pairs, 0.2, seed=42), pairs, tiny_copy / "split.json")
    assert "chose the checkpoint" in evaluate(*asked).results.caveat


def test_figures_come_again_from_the_rows_alone(
    asked: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = evaluate(*asked, "--output-dir", tmp_path / "one", probe="general", speed=True)
    monkeypatch.setattr(pipeline, "collect", None)
    again = evaluate_models(
        parse_arguments(
            ["--from-results", str(tmp_path / "one"), "--output-dir", str(tmp_path / "two")]
        )
    )
    assert again is not None
    assert again.metrics() == first.metrics()
    one, two = (tmp_path / name / "per_query.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_the_corpus_of_a_domain_and_distractors(asked: list[object], tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text('{"text": "the mast"}\n', encoding="utf-8")
    extra = ["--extra-corpus", tmp_path / "more.jsonl"]
    whole, own = evaluate(*asked, *extra), evaluate(*asked, *extra, "--corpus", "domain")
    assert whole.results.task.candidates == {"forklift": 81, "vehicle_civilian": 81}
    assert own.results.task.candidates == {"forklift": 41, "vehicle_civilian": 41}
    assert own.results.task.extra_passages == 1
    ranks = [[row.rank for row in found.results.per_query["tiny"]] for found in (whole, own)]
    assert all(small <= large for large, small in zip(*ranks, strict=True))


@pytest.mark.parametrize("kind", ["prompts", "prompts_and_dot"])
def test_a_report_is_of_the_models_own_prompts_and_similarity(
    kind: str, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    own, folder = own_model(tiny_model_folder, tmp_path / "own", kind), tmp_path / "results"
    given = ["--model", own, "--base", tiny_model_folder, "--data-file", two_domains, "--all"]
    summary = evaluate(*given, "--output-dir", folder, probe=str(two_domains))
    task = retrieval_task(load_pairs(two_domains), range(40))
    expected = {"own": own_figures(own, task), "tiny-base": plain_figures(tiny_model_folder, task)}
    for name, figures in expected.items():
        found = summary.reports[name].overall
        assert (found["recall@5"], found["mrr"]) == pytest.approx(figures, abs=1e-6)
        assert summary.probe is not None
        probe = summary.probe.overall.estimates[name]
        assert (probe["recall@5"].value, probe["mrr"].value) == pytest.approx(figures, abs=1e-6)
    assert expected["own"] != pytest.approx(expected["tiny-base"], abs=1e-4)
    similarity = "dot product" if kind == "prompts_and_dot" else "cosine similarity"
    said = (
        'Encoding of own: queries with "why is the ", passages with "replace the ", '
        f"{similarity}; tiny-base: no prompts, cosine similarity."
    )
    assert said in show_summary(summary)
    assert read_results_folder(folder).encodings == summary.results.encodings
    page = html.unescape((folder / "report.html").read_text(encoding="utf-8"))
    assert said in page


def test_a_report_of_models_that_encode_plainly_says_nothing_of_it(asked: list[object]) -> None:
    assert "Encoding" not in show_summary(evaluate(*asked))


def test_prompts_are_given_to_models_that_store_none(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    own = own_model(tiny_model_folder, tmp_path / "own", "prompts")
    given = ["--data-file", two_domains, "--all", "--query-prompt", QUERY_PROMPT]
    given += ["--document-prompt", DOCUMENT_PROMPT]
    summary = evaluate("--model", own, "--base", tiny_model_folder, *given)
    assert summary.reports["own"] == summary.reports["tiny-base"]
    with pytest.raises(UserError, match="each of these models stores its own; leave them out"):
        evaluate("--model", own, "--base", own, *given)


def test_several_models_stand_in_one_report(
    asked: list[object], tiny_model_folder: Path, tmp_path: Path
) -> None:
    previous = tmp_path / "previous"
    previous.symlink_to(tiny_model_folder)
    models = evaluate(*asked, "--model", previous).comparison.models
    assert models == [*MODELS[:2], "previous", *MODELS[2:]]


def test_all_asks_every_query(tiny_model_folder: Path, two_domains: Path) -> None:
    given = ["--model", tiny_model_folder, "--base", tiny_model_folder]
    summary = evaluate(*given, "--data-file", two_domains, "--all")
    assert summary.comparison.overall.queries == 40
    assert summary.comparison.overall.differences.keys() == {"BM25", "BM25 + tiny-base"}
    assert summary.results.caveat == ""


def test_only_the_file_of_a_model_is_said_to_hold_what_it_was_trained_on(
    asked: list[object], write_pairs: MakePairs
) -> None:
    assert "trained on too" in evaluate(*asked, "--all").results.caveat
    other = write_pairs([make_row(n, "radar") for n in range(20)], "other.jsonl")
    assert evaluate(*asked[:-1], other, "--all").results.caveat == ""


def test_a_probe_of_ones_own(asked: list[object], write_pairs: MakePairs) -> None:
    probe = write_pairs([make_row(n, "general") for n in range(5)], "probe.jsonl")
    summary = evaluate(*asked, probe=str(probe))
    assert summary.probe is not None
    assert summary.probe.overall.queries == 5
    assert summary.probe.models == ["tiny", "tiny-base"]


def test_without_a_split_the_user_has_to_say_which_queries(
    tiny_model_folder: Path, two_domains: Path
) -> None:
    with pytest.raises(UserError, match="holds no split.json; give one with --split, or --all"):
        evaluate("--model", tiny_model_folder, "--data-file", two_domains)


def test_other_data_than_the_evaluations_leaves_the_page_with_ids(
    asked: list[object], tmp_path: Path, write_pairs: MakePairs, caplog: pytest.LogCaptureFixture
) -> None:
    evaluate(*asked, "--output-dir", tmp_path / "one")
    other = write_pairs([make_row(1, "radar")], "other.jsonl")
    for path, reason in ((other, "not the file of this evaluation"), ("nowhere", "is not there")):
        evaluate_models(
            parse_arguments(["--from-results", str(tmp_path / "one"), "--data-file", str(path)])
        )
        assert reason in caplog.text


def test_a_failed_gate_exits_with_three_where_it_is_asked_to(
    asked: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(word) for word in [*asked, "--probe", "none", "--no-speed", "--device", "cpu"]]
    monkeypatch.setattr(sys, "argv", ["nic-evaluate", *given])
    run_module.main()
    monkeypatch.setattr(sys, "argv", ["nic-evaluate", *given, "--gate"])
    with pytest.raises(SystemExit) as end:
        run_module.main()
    assert end.value.code == 3
    printed = capsys.readouterr().err
    assert "FAIL  One query must take less than 10 ms" in printed
    assert printed.splitlines()[-1].startswith("error: ")
    assert "gates failed: " in printed.splitlines()[-1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "give a model with --model, or an earlier evaluation with --from-results"),
        ("--model m --split s --all", "not allowed with argument --split"),
        ("--model m --batch-size 0", "--batch-size 0: must be 1 or more"),
        ("--model m --batch-size x", "invalid int value: 'x'"),
        ("--model m --corpus some", "invalid choice: 'some'"),
        ("--model m --nothing", "unrecognized arguments: --nothing"),
        ("--model m --bat 3", "unrecognized arguments: --bat 3"),
    ],
)
def test_a_wrong_command_line_is_one_line(given: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        parse_arguments(given.split())
    assert "\n" not in str(error.value)


def test_an_output_folder_that_cannot_be_written_is_refused_before_anything_is_computed(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="no such folder"):
        check_output(tmp_path / "nowhere" / "results", force=False)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine", encoding="utf-8")
    for force in (False, True):
        with pytest.raises(UserError, match="holds no evaluation"):
            check_output(tmp_path / "taken", force)


def test_an_earlier_evaluation_is_replaced_only_by_force(
    asked: list[object], tmp_path: Path
) -> None:
    evaluate(*asked, "--output-dir", tmp_path / "one")
    with pytest.raises(UserError, match="replace it with --force"):
        check_output(tmp_path / "one", force=False)
    check_output(tmp_path / "one", force=True)


def test_an_evaluation_with_a_file_of_the_user_is_not_replaced_even_by_force(
    asked: list[object], tmp_path: Path
) -> None:
    folder = tmp_path / "one"
    evaluate(*asked, "--output-dir", folder, "--export", "trec", "beir")
    check_output(folder, force=True)
    (folder / "mine").mkdir()
    for name in ("notes.txt", "plots/mine.svg", "trec/mine.txt", "mine/a.txt"):
        (folder / name).write_text("mine", encoding="utf-8")
        with pytest.raises(UserError, match=f"{name}: no evaluation wrote it"):
            check_output(folder, force=True)
        (folder / name).unlink()


def test_a_full_disk_leaves_the_earlier_evaluation_as_it_was(
    asked: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "one"
    evaluate(*asked, "--output-dir", folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evaluation.report.output.write_page", full)
    with pytest.raises(OSError, match="No space left"):
        evaluate(*asked, "--output-dir", folder, "--force")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not list(tmp_path.glob("*.incomplete"))


def test_the_same_evaluation_from_python(
    tiny_copy: Path, tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    arguments = EvaluationArguments(
        model=(tiny_copy,),
        base=str(tiny_model_folder),
        data_file=str(two_domains),
        all_queries=True,
        probe="none",
        speed=False,
        device="cpu",
    )
    summary = evaluation.evaluate_models(arguments)
    assert summary is not None
    given = ["--model", tiny_copy, "--base", tiny_model_folder, "--data-file", two_domains, "--all"]
    assert summary.metrics() == evaluate(*given).metrics()
    evaluation.write_report(summary, tmp_path / "report")
    assert evaluation.read_results_folder(tmp_path / "report") == summary.results
    assert "Ids only" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_the_defaults_from_python_are_those_of_the_command_line() -> None:
    arguments = EvaluationArguments(model="models/x")
    assert arguments == parse_arguments(["--model", "models/x"])
    assert arguments == EvaluationArguments(model=("models/x",))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give a model with --model"),
        ({"model": ("m",), "batch_size": 0}, "--batch-size 0: must be 1 or more"),
        ({"model": ("m",), "split": "s", "all_queries": True}, "--split, --all, --from-results"),
        ({"model": ("m",), "corpus": "some"}, "--corpus some: must be one of all, domain"),
        ({"model": ("m",), "device": "tpu"}, "--device tpu: must be one of auto, cpu, cuda, mps"),
    ],
)
def test_impossible_arguments_from_python_are_refused(given: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        EvaluationArguments(**given)


HELP = """
import sys

sys.argv = ["nic-evaluate", sys.argv[1]]
from evaluation.run import main

try:
    main()
finally:
    heavy = {"torch", "sentence_transformers", "transformers", "datasets", "matplotlib", "scipy"}
    print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("flag", "words"), [("--help", "3 a gate failed and --gate was given"), ("--version", "1.")]
)
def test_help_and_version_import_no_heavy_library(flag: str, words: str) -> None:
    result = subprocess.run([sys.executable, "-c", HELP, flag], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith("usage: nic-evaluate" if flag == "--help" else "nic-evaluate 1.")
    assert words in " ".join(result.stdout.split())
    assert lines[-1] == "[]"
