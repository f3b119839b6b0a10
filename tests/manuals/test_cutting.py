from collections.abc import Sequence

import pytest

from manuals.cutting import cut_document
from manuals.documents.blocks import Block, Document, Heading, Items, Table, Text

SENTENCE = "The pump moves oil to the valve."


def count(texts: list[str]) -> list[int]:
    """A token for each word."""
    return [len(text.split()) for text in texts]


def cut(blocks: Sequence[Block], limit: int) -> list[tuple[tuple[str, ...], str]]:
    pieces = cut_document(Document("m.pdf", "hvac", tuple(blocks)), count, limit)
    return [(piece.passage.heading, piece.passage.text) for piece in pieces]


def test_a_passage_ends_at_a_heading_and_knows_those_above_it() -> None:
    blocks: list[Block] = [
        Heading("Manual", 1),
        Heading("3 Pump", 2),
        Text("It pumps.", 4),
        Heading("3.1 Oil", 3),
        Text("It is green.", 5),
        Heading("4 Valve", 2),
        Text("It opens.", 6),
    ]
    pieces = cut_document(Document("m.pdf", "hvac", tuple(blocks)), count, 50)
    assert [(p.passage.heading, p.passage.text, p.passage.page) for p in pieces] == [
        (("Manual", "3 Pump"), "It pumps.", 4),
        (("Manual", "3 Pump", "3.1 Oil"), "It is green.", 5),
        (("Manual", "4 Valve"), "It opens.", 6),
    ]
    assert {(p.passage.document, p.passage.domain) for p in pieces} == {("m.pdf", "hvac")}


def test_a_section_is_cut_into_passages_of_about_one_length() -> None:
    # Seven words a sentence: 84 words in passages of 50 at most are two of 42.
    passages = cut([Text(SENTENCE) for _ in range(12)], 50)
    assert [len(text.split()) for _, text in passages] == [42, 42]


def test_a_table_and_a_procedure_are_not_cut_where_they_fit() -> None:
    table = Table(("Symptom", "Remedy"), tuple((f"Fault {n}", "Mend it.") for n in range(5)))
    steps = Items(tuple(f"Turn screw {n}." for n in range(6)), numbered=True)
    passages = cut([Text(SENTENCE), table, Text("Proceed as follows:"), steps], 40)
    assert [text.split("\n")[0] for _, text in passages] == [SENTENCE, "Proceed as follows:"]


def test_a_long_table_is_cut_between_rows_and_a_long_list_keeps_its_numbers() -> None:
    table = Table(("Symptom", "Remedy"), tuple((f"Fault {n}", "Mend it.") for n in range(5)))
    passages = [text for _, text in cut([table], 13)]
    assert passages[0] == "Symptom: Fault 0; Remedy: Mend it.\nSymptom: Fault 1; Remedy: Mend it."
    assert len(passages) == 3
    steps = Items(tuple(f"Turn the screw {n}." for n in range(6)), numbered=True)
    assert [text for _, text in cut([steps], 15)] == [
        "1. Turn the screw 0.\n2. Turn the screw 1.\n3. Turn the screw 2.",
        "4. Turn the screw 3.\n5. Turn the screw 4.\n6. Turn the screw 5.",
    ]


@pytest.mark.parametrize("limit", [5, 13, 40])
def test_no_passage_is_longer_than_the_model_reads_and_no_word_is_lost(limit: int) -> None:
    blocks: list[Block] = [
        Text(" ".join([SENTENCE] * 9)),
        Text("word " * 99 + "end"),
        Items(("one two three", "four " * 30)),
        Table((), (("a b", "c d"), ("e " * 20, "f"))),
    ]
    passages = [text for _, text in cut(blocks, limit)]
    assert max(map(len, map(str.split, passages))) <= limit
    assert " ".join(passages).count("four") == 30
    assert " ".join(passages).count("word") == 99


@pytest.mark.parametrize("heading", ["Contents", "Inhaltsverzeichnis", "Index"])
def test_contents_and_indexes_are_left_out(heading: str) -> None:
    blocks: list[Block] = [
        Heading(heading, 1),
        Text("Pump 4"),
        Heading("Valve 5", 2),
        Text("Oil 6"),
        Heading("Pump", 1),
        Text("It pumps."),
    ]
    assert cut(blocks, 50) == [(("Pump",), "It pumps.")]
