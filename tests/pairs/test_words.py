"""Words in any script, and the form in which texts are compared."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from conftest import MakePairs, ScanRows, make_row

from evaluation.retrieval.task import add_distractors, retrieval_task
from pairs.checks.findings import find_all
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_counts import describe_split
from pairs.words import comparable, folded, is_blank, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Open the T6-valve, 12 x", ["Open", "the", "T6", "valve", "12", "x"]),
        ("पंप नहीं चलता", ["पंप", "नहीं", "चलता"]),
        ("换油5W-30", ["换", "油", "5W", "30"]),
        ("ポンプの", ["ポ", "ン", "プ", "の"]),
        ("มั่น", ["มั่", "น"]),
        ("می‌شود", ["می‌شود"]),
        ("pru\u0308fen", ["pru\u0308fen"]),
    ],
)
def test_marks_belong_to_their_word_and_letters_without_spaces_are_words(
    text: str, words: list[str]
) -> None:
    assert words_of(text) == words


def test_only_a_visible_character_makes_a_text() -> None:
    for text in ("", " \t", "\u200b", "\u200e\u2060\ufeff", "\u00ad", "\u3164", "\u2800"):
        assert is_blank(text)
    for text in ("a", "-", "\u200b油", "é", "\U0001f527"):
        assert not is_blank(text)


def test_forms_of_one_text_are_equal_and_other_texts_differ() -> None:
    forms = [unicodedata.normalize(form, "Kühlöl prüfen") for form in ("NFC", "NFD")]
    assert len({comparable(form) for form in [*forms, "Kühl\u00adöl prüfen\u200b "]}) == 1
    assert comparable("Kuhlol prufen") != comparable(forms[0])


def twins(write_pairs: MakePairs) -> Path:
    """Forty pairs in the composed form, then the same in the decomposed one."""
    rows = [
        make_row(
            n,
            "kühlung",
            query=f"Wie prüfe ich Behälter {n}?",
            positive=f"Kühlöl im Behälter {n} prüfen.",
            negative="Ölwechsel durchführen.",
        )
        for n in range(40)
    ]
    decomposed = [
        {name: unicodedata.normalize("NFD", text) for name, text in row.items()} for row in rows
    ]
    return write_pairs([*rows, *decomposed])


def test_the_twin_of_a_held_out_passage_is_not_trained_on(write_pairs: MakePairs) -> None:
    pairs = load_pairs(twins(write_pairs))
    split = split_pairs(pairs, val_ratio=0.25)
    assert {row % 40 for row in split.validation}.isdisjoint(row % 40 for row in split.train)
    counts = describe_split(split, pairs)
    assert (counts.shared_passages, counts.shared_queries) == (0, 0)
    assert sum(counts.passages.values()) == 40
    assert list(counts.domains) == ["kühlung"]


def test_twins_are_one_passage_of_the_corpus_as_its_first_row_gives_it(
    write_pairs: MakePairs,
) -> None:
    pairs = load_pairs(twins(write_pairs))
    task = retrieval_task(pairs, range(80))
    assert task.queries == pairs.column("query")[:40]
    assert task.corpus == [*pairs.column("positive")[:40], "Ölwechsel durchführen."]
    assert task.relevant == [[n] for n in range(40)]
    decomposed = unicodedata.normalize("NFD", task.corpus[0])
    assert add_distractors(task, {decomposed: "x1"}).corpus == task.corpus


def test_a_decomposed_file_keeps_its_texts(write_pairs: MakePairs) -> None:
    row = make_row(0, "hvac", query="Pru\u0308fen?")
    pairs = load_pairs(write_pairs([row]))
    assert pairs.column("query") == ["Pru\u0308fen?"]
    assert retrieval_task(pairs, [0]).queries == ["Pru\u0308fen?"]


def test_the_check_finds_twins(scan_rows: ScanRows) -> None:
    row = make_row(0, "kühlung", positive="Kühlöl im Behälter prüfen und bei Bedarf füllen")
    twin = {name: unicodedata.normalize("NFD", text) for name, text in row.items()}
    scan = scan_rows([row, twin])
    lines = {finding.key: finding.lines for finding in find_all(scan) if finding.count}
    assert lines["exact_duplicates"] == [2]
    assert scan.domain_names == ["kühlung"]


def test_titles_that_differ_in_case_and_blanks_alone_are_one() -> None:
    assert folded(" Replace\tthe  FILTER ") == folded("replace the filter") == "replace the filter"
