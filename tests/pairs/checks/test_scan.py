"""A scan holds a file as numbers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import MakePairs, ScanRows, make_row
from own_models import DOCUMENT_PROMPT, own_model

from nic.errors import UserError
from nic.files import sha256_of
from nic.models import find_model
from pairs.checks.scan import BATCH, MEASURED, scan_file
from pairs.checks.split_texts import SplitTexts
from pairs.checks.tokens import TokenCounter, load_token_counter


def test_equal_texts_have_equal_numbers_and_passages_are_numbered_as_they_appear(
    scan_rows: ScanRows,
) -> None:
    scan = scan_rows(
        [
            make_row(0, "radar", query="why", positive="a b", negative="c d"),
            make_row(1, "hvac", query="how", positive="c d", negative="e f"),
            make_row(2, "radar", query=" why ", positive="g h", negative=" a b "),
        ]
    )
    assert scan.queries[0] == scan.queries[2] != scan.queries[1]
    assert scan.positives.tolist() == [0, 1, 3]
    assert scan.negatives.tolist() == [1, 2, 0]
    assert scan.domain_names == ["hvac", "radar"]
    assert scan.domains.tolist() == [1, 0, 1]
    assert scan.lines.tolist() == [1, 2, 3]
    assert (len(scan), len(scan.passages)) == (3, 4)


def test_tokens_are_counted_with_the_special_ones_and_beyond_what_the_model_reads(
    scan_rows: ScanRows,
) -> None:
    scan = scan_rows([make_row(0, "hvac", positive="pump valve", negative="motor " * 100)])
    assert scan.passages.tokens.tolist() == [4, 102]
    assert scan.passages.max_seq_length == 64


def test_of_a_text_of_megabytes_the_beginning_alone_is_measured(scan_rows: ScanRows) -> None:
    book = "pump valve " * (MEASURED // 10)
    scan = scan_rows([make_row(0, "hvac", positive=book), make_row(1, "hvac", positive=book + "!")])
    words = MEASURED // len("pump valve ") * 2
    assert len(scan.passages) == 4
    assert scan.passages.tokens.max() <= words + 4


def test_more_passages_than_a_batch_keep_their_order(scan_rows: ScanRows) -> None:
    rows = [
        make_row(0, "hvac", positive="pump " * (n % 7 + 1) + str(n), negative=f"no {n}")
        for n in range(BATCH)
    ]
    scan = scan_rows(rows)
    assert len(scan.passages) == 2 * BATCH
    digits = [len(str(n)) for n in range(BATCH)]
    expected = [n % 7 + 1 + digits[n] + 2 for n in range(BATCH)]
    assert scan.passages.tokens[scan.positives].tolist() == expected


def test_bad_lines_are_passed_over_and_named(tmp_path: Path, tiny_counter: TokenCounter) -> None:
    path = tmp_path / "pairs.jsonl.gz"
    good = json.dumps(make_row(0, "hvac"))
    path.write_bytes(gzip.compress(f"{good}\n\n{{}}\n{good}\nnonsense\n".encode()))
    scan = scan_file(path, tiny_counter)
    assert scan.bad_lines.tolist() == [3, 5]
    assert scan.lines.tolist() == [1, 4]
    assert [problem.split(": ")[0] for problem in scan.problems] == [f"{path}:3", f"{path}:5"]
    assert scan.sha256 == sha256_of(path)


def test_the_prompt_of_passages_counts_in_their_length(
    tiny_model_folder: Path, tmp_path: Path, two_domains: Path
) -> None:
    plain = load_token_counter(find_model(str(tiny_model_folder)))
    for kind in ("prompts", "passage"):
        source = find_model(str(own_model(tiny_model_folder, tmp_path / kind, kind)))
        own = load_token_counter(source)
        assert own.count(["pump leaks"]) == plain.count([f"{DOCUMENT_PROMPT}pump leaks"])
        assert load_token_counter(source, "").count(["pump"]) == plain.count(["pump"])
    tokens = scan_file(two_domains, own).passages.tokens
    assert tokens.min() > scan_file(two_domains, plain).passages.tokens.min()


def test_a_file_without_a_good_row_is_refused(tmp_path: Path, tiny_counter: TokenCounter) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    with pytest.raises(UserError, match='field "query" is missing'):
        scan_file(path, tiny_counter)
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(UserError, match="holds no pairs"):
        scan_file(path, tiny_counter)


def test_the_same_file_gives_the_same_numbers(
    two_domains: Path, tiny_counter: TokenCounter
) -> None:
    first, second = (scan_file(two_domains, tiny_counter) for _ in range(2))
    assert np.array_equal(first.queries, second.queries)
    assert np.array_equal(first.passages.groups, second.passages.groups)


def test_a_repeated_passage_is_looked_at_once(
    write_pairs: MakePairs, tiny_counter: TokenCounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    count = TokenCounter.count_split

    def spy(counter: TokenCounter, texts: SplitTexts) -> np.ndarray:
        counted.extend(texts.texts)
        return count(counter, texts)

    monkeypatch.setattr(TokenCounter, "count_split", spy)
    path = write_pairs([make_row(n % 3, "hvac", query=f"why {n}") for n in range(30)])
    scan_file(path, tiny_counter)
    assert len(counted) == len(set(counted)) == 6
