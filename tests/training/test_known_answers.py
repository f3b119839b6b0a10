"""With `--keep-apart answers` no row of a batch meets another answer to its query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import MakePairs, make_row
from tiny_runs import train_tiny

from nic.errors import UserError
from nic.models import find_model
from pairs.checks.scan import Scan, scan_file
from pairs.checks.tokens import load_token_counter
from training import fitting
from training.known_answers import known_answers
from training.loop.batch_sampler import Values, conflicts

ANSWER = "Drain the hydraulic tank, remove the filter bowl and fit a new element before refilling."
ALIKE = ANSWER.replace("Drain", "First drain")
OTHER = "Charge the battery overnight and check the level of the acid in the morning of the shift."


@pytest.fixture
def scan(write_pairs: MakePairs, tiny_model_folder: Path) -> Scan:
    """Rows of which several answer the query of the first one."""
    rows = [
        ("how to change the filter", ANSWER, OTHER + " one"),
        ("how to change the filter", OTHER, "a wrong passage about tyres"),
        ("what to do with the bowl", ALIKE, "a wrong passage about lamps"),
        ("when to charge", OTHER, "a wrong passage about seats"),
        ("when to paint", "Paint it in spring.", ALIKE),
        ("when to grease", "Grease it in autumn.", "a wrong passage about lamps"),
    ]
    keys = ("query", "positive", "negative")
    path = write_pairs([{**dict(zip(keys, row, strict=True)), "domain": "hvac"} for row in rows])
    return scan_file(path, load_token_counter(find_model(str(tiny_model_folder))))


def apart(values: list[Values]) -> set[tuple[int, int]]:
    """The pairs of rows that may not stand in one batch."""
    numbers = range(len(values))
    return {
        (one, two)
        for one in numbers
        for two in numbers
        if one < two and conflicts(values[two], set(values[one]))
    }


def test_positives_and_negatives_that_answer_a_query_are_kept_from_it(scan: Scan) -> None:
    found = apart(known_answers(scan, range(6), negatives=1, shared=True))
    # 1 has the query of 0; 2 a passage that nearly equals an answer; 3 another answer of the query;
    # the negative of 4 nearly equals an answer of 0, 1 and 2.
    assert found >= {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (0, 4), (1, 4), (2, 4)}
    assert not [pair for pair in found if 5 in pair]
    assert (3, 4) not in found


def test_negatives_do_not_count_where_they_are_not_trained_on_and_may_be_shared(scan: Scan) -> None:
    without = apart(known_answers(scan, range(6), negatives=0, shared=True))
    assert not [pair for pair in without if 4 in pair]
    assert (2, 5) not in apart(known_answers(scan, range(6), negatives=1, shared=True))
    assert (2, 5) in apart(known_answers(scan, range(6), negatives=1, shared=False))


def test_rows_are_those_that_are_trained_on(scan: Scan) -> None:
    whole = known_answers(scan, range(6), negatives=1, shared=True)
    assert known_answers(scan, [5, 0], negatives=1, shared=True) == [whole[5], whole[0]]


@pytest.mark.usefixtures("no_pictures")
def test_no_batch_of_a_run_holds_two_answers_to_a_query(
    tiny_model_folder: Path,
    write_pairs: MakePairs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Ten queries with three passages each: rows 0, 10 and 20 share a query, and so on.
    rows = [{**make_row(n, "hvac"), "query": f"question number {n % 10}"} for n in range(30)]
    # Rows of other queries with a passage of the first one as their negative.
    rows += [{**make_row(30 + n, "hvac"), "negative": rows[n]["positive"]} for n in range(10)]
    path = write_pairs(rows)
    built: list[Any] = []
    build = fitting.build_trainer

    def keep(*given: Any) -> Any:
        built.append(build(*given))
        return built[-1]

    monkeypatch.setattr(fitting, "build_trainer", keep)
    flags = ("--epochs", "1", "--batch-size", "4", "--keep-apart", "answers")
    train_tiny(tiny_model_folder, path, tmp_path / "model", *flags)
    (trainer,) = built
    data = trainer.train_dataset
    answers: dict[str, set[str]] = {}
    for row in rows:
        answers.setdefault(row["query"], set()).add(row["positive"])
    sampler = trainer.get_batch_sampler(
        data, batch_size=4, drop_last=True, generator=torch.Generator(), seed=42
    )
    batches = list(sampler)
    assert batches
    for batch in batches:
        for one in batch:
            passages = {
                data[other][name]
                for other in batch
                if other != one
                for name in ("positive", "negative")
            }
            assert not passages & answers[data[one]["query"]]


def test_a_sampler_that_keeps_nothing_apart_is_refused(
    tiny_model_folder: Path, two_domains: Path, tmp_path: Path
) -> None:
    flags = ("--keep-apart", "answers", "--batch-sampler", "batch_sampler")
    with pytest.raises(
        UserError, match="--keep-apart answers: needs --batch-sampler no_duplicates"
    ):
        train_tiny(tiny_model_folder, two_domains, tmp_path / "model", *flags)
