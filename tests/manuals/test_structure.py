from collections import Counter

from manuals.cutting import Piece
from manuals.documents.blocks import Table, Text
from manuals.documents.reading import LeftOut
from manuals.passages import Passage
from manuals.pieces import ManualPassages, ReadDocument, flaw_of
from manuals.structure import make_structure_pairs


def passages(*texts: str, symptom: str = "", domain: str = "hvac") -> ManualPassages:
    """Passages with a fault table each, whose symptoms are the same."""
    pieces = []
    for text in texts:
        table = Table(("Symptom", "Remedy"), ((symptom or text, "Mend the fan."),))
        pieces.append(Piece(Passage(text, "m.md", domain), (table, Text(text))))
    return ManualPassages([ReadDocument("m.md", domain, None, 0, pieces)], LeftOut())


def make(found: ManualPassages) -> tuple[list[str], dict[str, int]]:
    made = make_structure_pairs(found, ["fault table", "sentence"])
    return [pair.query for pair in made.pairs], dict(+Counter(made.left_out))


def test_a_query_that_leads_to_more_than_three_passages_is_left_out() -> None:
    texts = [f"pump number {n}" for n in range(4)]
    assert make(passages(*texts[:3], symptom="fan is dead"))[0] == ["fan is dead"] * 3
    assert make(passages(*texts, symptom="fan is dead")) == ([], {"more_than_3_passages": 4})


def test_a_query_that_says_nothing_is_too_long_or_is_the_passage_is_left_out() -> None:
    assert make(passages("pump", symptom="see the table"))[1] == {"no_content_words": 1}
    assert make(passages("pump", symptom="pump " * 41))[1] == {"longer_than_40_words": 1}
    assert make(passages("Fan is dead."))[1] == {"is_the_passage": 1}


def test_a_query_takes_the_origin_of_the_first_maker_that_makes_it() -> None:
    sentence = "the fan does not start at all."
    found = passages(f"In winter {sentence} Wait then for it.", symptom="x fan")
    piece = found.documents[0].pieces[0]
    table = Table(("Symptom", "Remedy"), ((sentence, "Mend the fan."),))
    found.documents[0].pieces[0] = Piece(piece.passage, (table, Text(sentence)))
    made = make_structure_pairs(found, ["fault table", "sentence"])
    assert [(pair.query, pair.origin) for pair in made.pairs] == [
        ("the fan does not start at all", "fault table")
    ]
    assert made.left_out["repeated"] == 1


def test_passages_are_left_out_as_the_check_flags_them() -> None:
    assert flaw_of("Replace the fuse and check the worn drive belt.") is None
    assert flaw_of("Replace it.") == "too_short"
    words = "pump valve motor filter sensor relay "
    assert flaw_of(words + "........ 12") == "contents_table"
    assert flaw_of(words + "1234567890 " * 9) == "mostly_digits"
    assert flaw_of(words + "(cid:3) (cid:4) (cid:5)") == "extraction_debris"
