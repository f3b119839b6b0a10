"""An evaluation-only rerun: any models, any file, one table, one JSON file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluation.results import check_output
from evaluation.run import evaluate_models, parse_arguments
from training.errors import UserError
from training.pairs import load_pairs
from training.split import save_split, split_by_passage


def arguments(*given: object) -> list[str]:
    return [str(word) for word in given]


def test_models_are_scored_on_the_queries_of_a_split(
    tiny_copy: Path, two_domains: Path, tmp_path: Path
) -> None:
    pairs = load_pairs(two_domains)
    split = split_by_passage(pairs, 0.2, 42)
    save_split(split, pairs, tiny_copy / "split.json")
    output = tmp_path / "results.json"
    given = arguments("--model", tiny_copy, "--data-file", two_domains, "--output", output)
    reports = evaluate_models(parse_arguments(given))
    report = reports[str(tiny_copy)]
    assert report.overall["queries"] == len(split.validation) == 8
    content = json.loads(output.read_text(encoding="utf-8"))
    assert content["models"] == {str(tiny_copy): report.as_dict()}
    assert content["data"] == {"file": "pairs.jsonl", "sha256": pairs.sha256, "rows_asked": 8}
    assert "_interpreter_path" not in content
    assert [path.name for path in tmp_path.glob("*.json")] == ["results.json"]


def test_all_asks_every_query(tiny_model_folder: Path, two_domains: Path) -> None:
    given = arguments("--model", tiny_model_folder, "--data-file", two_domains, "--all")
    (report,) = evaluate_models(parse_arguments(given)).values()
    assert report.overall["queries"] == 40


def test_without_a_split_the_user_has_to_say_which_queries(
    tiny_model_folder: Path, two_domains: Path
) -> None:
    given = arguments("--model", tiny_model_folder, "--data-file", two_domains)
    with pytest.raises(UserError, match="holds no split.json; give one with --split, or --all"):
        evaluate_models(parse_arguments(given))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "the following arguments are required: --model"),
        ("--model m --split s --all", "not allowed with argument --split"),
        ("--model m --batch-size 0", "--batch-size 0: must be 1 or more"),
        ("--model m --batch-size x", "invalid int value: 'x'"),
        ("--model m --nothing", "unrecognized arguments: --nothing"),
    ],
)
def test_a_wrong_command_line_is_one_line(given: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        parse_arguments(given.split())
    assert "\n" not in str(error.value)


def test_a_result_file_that_cannot_be_written_is_refused_before_anything_is_computed(
    tmp_path: Path,
) -> None:
    with pytest.raises(UserError, match="ends in .json"):
        check_output("results.txt")
    with pytest.raises(UserError, match="no such folder"):
        check_output(str(tmp_path / "nowhere" / "results.json"))
