"""A check from Python: the report comes back, and only what is asked for is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import MakePairs, make_row
from own_models import DOCUMENT_PROMPT, QUERY_PROMPT, own_model

from nic.errors import UserError
from pairs.arguments import CheckArguments, parse_arguments
from pairs.checks.run import check_pairs


def test_a_check_from_python_prints_nothing_and_writes_what_is_asked_for(
    two_domains: Path, tiny_model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = two_domains.with_name("check.html")
    report = check_pairs(
        CheckArguments(two_domains, str(tiny_model_folder), val_ratio=0.2, html=page)
    )
    assert (report.rows, report.refused, report.found("warning")) == (40, False, [])
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in two_domains.parent.iterdir()) == [
        "check.html",
        "pairs.jsonl",
    ]


def test_a_file_that_training_would_refuse_is_reported_and_not_raised(
    two_domains: Path, tiny_model_folder: Path
) -> None:
    arguments = CheckArguments(two_domains, str(tiny_model_folder), batch_size=64)
    report = check_pairs(arguments)
    assert report.refused
    assert report.refusal is not None
    assert report.refusal.startswith("36 training pairs do not fill one batch of 64")


def test_given_prompts_are_as_those_that_a_model_stores(
    two_domains: Path, tiny_model_folder: Path, tmp_path: Path
) -> None:
    own = own_model(tiny_model_folder, tmp_path / "own", "prompts")
    stored = CheckArguments(two_domains, str(own), semantic=True, margin=0)
    given = replace(
        stored,
        base_model=str(tiny_model_folder),
        query_prompt=QUERY_PROMPT,
        document_prompt=DOCUMENT_PROMPT,
    )
    found = check_pairs(stored).suspects, check_pairs(given).suspects
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].lines == found[1].lines
    plain = check_pairs(replace(stored, base_model=str(tiny_model_folder)))
    assert plain.suspects is not None
    assert plain.suspects.lines != found[0].lines
    assert check_pairs(stored).tokens == check_pairs(given).tokens != plain.tokens


def test_the_json_of_a_check_is_its_report(two_domains: Path, tiny_model_folder: Path) -> None:
    path = two_domains.with_name("check.json")
    report = check_pairs(CheckArguments(two_domains, str(tiny_model_folder), json=path))
    assert json.loads(path.read_text(encoding="utf-8")) == report.as_dict()


def test_a_clean_copy_is_never_written_over_the_file(
    two_domains: Path, tiny_model_folder: Path
) -> None:
    flags = ["--data-file", str(two_domains), "--base-model", str(tiny_model_folder)]
    before = two_domains.read_bytes()
    with pytest.raises(UserError, match="nothing is ever changed in place"):
        check_pairs(parse_arguments([*flags, "--write-clean", str(two_domains)]))
    assert two_domains.read_bytes() == before


def test_a_model_without_a_tokenizer_is_one_line(two_domains: Path, tiny_copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tiny_copy / name).unlink()
    flags = ["--data-file", str(two_domains), "--base-model", str(tiny_copy)]
    with pytest.raises(UserError, match="tiny: its tokenizer has no vocabulary"):
        check_pairs(parse_arguments(flags))


def test_lines_are_those_of_a_row_wherever_blank_lines_stand(
    write_pairs: MakePairs, tiny_model_folder: Path
) -> None:
    path = write_pairs([make_row(n, "hvac") for n in range(40)])
    first = path.read_bytes().split(b"\n")[0]
    path.write_bytes(b"\n\n" + path.read_bytes() + b"\n" + first)
    flags = ["--data-file", str(path), "--base-model", str(tiny_model_folder)]
    report = check_pairs(parse_arguments(flags))
    assert report.found("warning")[0].lines == [44]
