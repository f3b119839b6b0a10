import pytest

from manuals.documents.sentences import join_lines, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Open it. Wait 10 s. Close it.", ["Open it.", "Wait 10 s.", "Close it."]),
        ("Use grease, e.g. Molykote. Then close.", ["Use grease, e.g. Molykote.", "Then close."]),
        ("Die Pumpe läuft z. B. Tag und Nacht.", ["Die Pumpe läuft z. B. Tag und Nacht."]),
        ("See fig. 3. It leaks.", ["See fig. 3.", "It leaks."]),
        ("Torque is 2.5 Nm. 3 bolts.", ["Torque is 2.5 Nm.", "3 bolts."]),
        ("打开阀门。等待十秒。", ["打开阀门。", "等待十秒。"]),
        ("no end", ["no end"]),
    ],
)
def test_a_sentence_ends_at_its_point_and_at_no_abbreviation(
    text: str, sentences: list[str]
) -> None:
    assert split_sentences(text) == sentences


def test_a_word_that_is_hyphenated_over_lines_is_made_whole_and_a_compound_is_kept() -> None:
    assert join_lines(["commu-", "nicating with the", "KR-", "140"]) == (
        "communicating with the KR- 140"
    )
