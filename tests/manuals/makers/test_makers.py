from collections.abc import Sequence

import pytest

from manuals.cutting import cut_document
from manuals.documents.blocks import Block, Caption, Document, Entries, Heading, Items, Table, Text
from manuals.makers.manual import Manual
from manuals.makers.table import MAKERS

STEPS = Items(
    ("Open the valve slowly.", "Wait for ten seconds.", "Close the valve again."), numbered=True
)


def ask(origin: str, blocks: Sequence[Block]) -> list[tuple[str, str]]:
    """The queries of a maker, each with the last heading of its passage."""
    pieces = cut_document(Document("m.md", "all", tuple(blocks)), words, 200)
    found = MAKERS[origin](Manual(pieces))
    return [(query, (piece.passage.heading or ("",))[-1]) for query, piece in found]


def words(texts: list[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.mark.parametrize(
    "header",
    [
        ("Symptom", "Possible cause", "Remedy"),
        ("Störung", "Ursache", "Abhilfe"),
        ("Problem", "Cause", "Corrective action"),
        ("Panne", "Cause", "Remède"),
    ],
)
def test_a_symptom_asks_for_its_row_and_an_empty_cell_repeats_it(header: tuple[str, ...]) -> None:
    table = Table(header, (("Fan dead", "Fuse", "Replace it."), ("", "Motor", "Rewind it.")))
    assert ask("fault table", [Heading("Faults", 1), table]) == [("Fan dead", "Faults")] * 2


def test_a_symptom_asks_for_the_section_that_its_row_refers_to() -> None:
    table = Table(("Fault", "Remedy"), (("Fan dead", "See section 4.2."),))
    blocks: list[Block] = [
        Heading("Faults", 1),
        table,
        Heading("4.2 Fuses", 1),
        Text("Replace the fuse F2."),
    ]
    assert ask("fault table", blocks) == [("Fan dead", "4.2 Fuses")]


def test_a_paragraph_or_an_entry_that_is_labelled_as_a_symptom_asks() -> None:
    blocks: list[Block] = [
        Heading("Pump", 1),
        Text("Symptom: oil foams at start-up. Cause: a cold sump."),
        Text("Note: oil is hot."),
        Entries((("Störung", "Öl schäumt. Es ist heiß."), ("Abhilfe", "Warten."))),
    ]
    expected = [("oil foams at start-up.", "Pump"), ("Öl schäumt.", "Pump")]
    assert ask("fault table", blocks) == expected


def test_a_table_of_another_sort_makes_no_pair() -> None:
    table = Table(("Size", "Torque"), (("M8", "14 Nm"), ("M10", "40 Nm")))
    for origin in ("fault table", "code list", "part list", "glossary"):
        assert ask(origin, [Heading("Torques", 1), table]) == []


def test_a_fault_code_and_its_meaning_ask_and_a_bare_number_takes_the_name_of_its_column() -> None:
    table = Table(("Fault code", "Meaning"), (("E47", "Overcurrent"), ("12", "Phase lost")))
    assert [query for query, _ in ask("code list", [table])] == [
        "E47",
        "Overcurrent",
        "Fault code 12",
        "Phase lost",
    ]
    bare = Table(("Code", "Bedeutung"), (("3", "Notaus gedrückt"),))
    assert [query for query, _ in ask("code list", [bare])] == ["Notaus gedrückt"]


def test_a_procedure_is_asked_for_by_its_title_and_no_question_is_made_of_it() -> None:
    blocks: list[Block] = [Heading("4 Pump", 1), Heading("4.2 Bleeding the pump", 2), STEPS]
    assert ask("procedure", blocks) == [("Bleeding the pump", "4.2 Bleeding the pump")]


def test_a_title_that_says_nothing_follows_the_one_above_it() -> None:
    blocks: list[Block] = [Heading("4 Kühlmittelpumpe", 1), Heading("4.1 Ausbau", 2), STEPS]
    assert ask("procedure", blocks) == [("Kühlmittelpumpe: Ausbau", "4.1 Ausbau")]


def test_a_heading_without_steps_and_a_legend_of_single_words_make_no_procedure() -> None:
    legend = Items(("Housing", "Shaft", "Seal"), numbered=True)
    blocks: list[Block] = [Heading("Pump", 1), Text("It pumps."), Heading("View", 1), legend]
    assert ask("procedure", blocks) == []


def test_steps_that_paragraphs_interrupt_are_one_procedure() -> None:
    parts: list[Block] = [STEPS.cut(0, 2), Text("Mind the heat."), STEPS.cut(2, 3)]
    assert ask("procedure", [Heading("Bleeding", 1), *parts]) == [("Bleeding", "Bleeding")]


def test_a_part_is_asked_for_by_name_and_by_number() -> None:
    table = Table(
        ("Pos.", "Benennung", "Bestell-Nr."), (("1", "Filterpatrone", "4711-0815"), ("2", "", "7"))
    )
    assert [query for query, _ in ask("part list", [table])] == ["Filterpatrone", "4711-0815"]


@pytest.mark.parametrize(
    "block",
    [
        Table(("Term", "Meaning"), (("TXV", "expansion valve"),)),
        Entries((("TXV", "expansion valve"),)),
        Text("TXV: expansion valve"),
        Items(("TXV – expansion valve",)),
    ],
)
def test_a_glossary_is_asked_both_ways_in_each_of_its_forms(block: Block) -> None:
    expected = [("TXV", "Glossary"), ("expansion valve", "Glossary")]
    assert ask("glossary", [Heading("Glossary", 1), block]) == expected


def test_abbreviations_with_the_letter_of_their_meaning_are_a_list_without_a_heading() -> None:
    found = (("TXV", "thermo valve"), ("PSU", "power supply"), ("UPS", "standby supply"))
    options = (("NO", "no check"), ("REQUEST", "ask for it"), ("DEMAND", "insist"))
    assert ask("glossary", [Entries((*found[:2], ("UPS", "uninterruptible supply")))]) != []
    assert ask("glossary", [Entries(options)]) == []
    assert ask("glossary", [Entries(found[:2])]) == []


def test_a_sentence_is_asked_with_the_other_word_of_the_glossary() -> None:
    blocks: list[Block] = [
        Heading("Valves", 1),
        Text("Replace the expansion valve when superheat hunts."),
        Heading("Glossary", 1),
        Text("TXV: expansion valve"),
    ]
    expected = [("Replace the TXV when superheat hunts.", "Valves")]
    assert ask("glossary in context", blocks) == expected


@pytest.mark.parametrize(
    ("sentence", "query"),
    [
        ("If the pump stays noisy, see 4.2.", "If the pump stays noisy"),
        ("If the pump stays noisy (see section 4.2), stop.", "If the pump stays noisy, stop"),
        ("Bei lauter Pumpe weiter wie in Abschnitt 4.2.", "Bei lauter Pumpe weiter"),
        ('Noise of the pump is covered in section "Bleeding".', "Noise of the pump is covered"),
        ("Bleed a noisy pump as described in chapter 4.", "Bleed a noisy pump"),
    ],
)
def test_a_sentence_asks_for_the_section_that_it_refers_to(sentence: str, query: str) -> None:
    blocks: list[Block] = [
        Heading("3 Noise", 1),
        Text(sentence),
        Heading("4 Pump", 1),
        Heading("4.2 Bleeding", 2),
        Text("Open it."),
    ]
    assert ask("cross-reference", blocks) == [(query, "4.2 Bleeding")]


@pytest.mark.parametrize(
    "sentence",
    [
        "Noise falls under the terms of section 4 of the law.",
        "Noise is measured here as told in section 3.1.",
        "See section 4.2 for more.",
        "Section 4.2 tells all about the noise of a pump.",
    ],
    ids=["of a law", "of itself", "says nothing", "begins with it"],
)
def test_a_reference_asks_nothing_where(sentence: str) -> None:
    blocks: list[Block] = [
        Heading("3.1 Noise", 1),
        Text(sentence),
        Heading("4 Pump", 1),
        Heading("4.2 Bleeding", 2),
        Text("Open it."),
    ]
    assert ask("cross-reference", blocks) == []


def test_a_caption_asks_for_a_passage_that_says_more() -> None:
    more = Text(
        "The bleed valve sits on top of the housing, next to the pressure sensor of pump 2."
    )
    caption = Caption("Abb. 3-1: Entlüftungsventil der Pumpe")
    assert ask("caption", [Heading("Pump", 1), more, caption]) == [
        ("Entlüftungsventil der Pumpe", "Pump")
    ]
    assert ask("caption", [Heading("Pump", 1), caption]) == []


def test_the_sentence_of_the_rarest_words_asks_for_its_passage() -> None:
    blocks: list[Block] = []
    for part in ("rotor", "stator"):
        blocks += [
            Heading(part, 1),
            Text(f"Switch off the main switch first. Measure the {part} with a bridge then."),
        ]
    assert ask("sentence", blocks) == [
        ("Measure the rotor with a bridge then.", "rotor"),
        ("Measure the stator with a bridge then.", "stator"),
    ]


def test_code_short_lines_and_the_label_of_a_symptom_are_no_queries() -> None:
    blocks: list[Block] = [
        Text("$ tar xzf a-1.2.tgz -C /opt; ls -l /opt/*.so | wc -l"),
        Text("Wait here."),
        Text("Set BUILD_CAPS=drivers OS_FAMILY=linux COMPILER=CLANG and then run it."),
    ]
    assert ask("sentence", blocks) == []
    labelled = [Text("Symptom: the oil foams in the sump.")]
    assert ask("sentence", labelled) == [("the oil foams in the sump.", "")]
