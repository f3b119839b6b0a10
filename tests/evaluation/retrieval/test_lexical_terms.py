"""BM25 finds a passage by its words in any language."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import MakePairs, make_row
from maintenance_pairs import PAIRS

from evaluation.arguments import EvaluationArguments
from evaluation.retrieval.baselines import BM25Scorer
from evaluation.retrieval.lexical_terms import STEMMERS, lexical_terms
from evaluation.retrieval.task import retrieval_task
from nic.errors import UserError
from pairs.languages import COMMON_WORDS, one_language
from pairs.loading import load_pairs

# Queries in other forms than the words of the passage with the same number in `PAIRS`.
QUERIES = {
    "de": ("Ventile der Kraftstoffhochdruckpumpe und Handbremsseilverstellung", 0),
    "fr": ("contrôler les niveaux", 0),
    "ru": ("остаток топлива в корпусе", 0),
    "hi": ("मोटर की जांच", 1),
    "ar": ("الزيت القديم", 0),
    "zh": ("机油更换", 0),
    "ja": ("巻線の抵抗", 0),
    "ko": ("오일을 교환", 1),
    "th": ("ไส้กรองน้ำมันเครื่อง", 0),
    "fa": ("مقاومت سیم‌پیچ", 1),
}


@pytest.mark.parametrize("language", QUERIES)
def test_a_query_finds_the_passage_that_shares_its_words(
    language: str, write_pairs: MakePairs
) -> None:
    query, wanted = QUERIES[language]
    passages = [positive for _, positive in PAIRS[language]][:2]
    row = make_row(0, "shop", query=query, positive=passages[wanted], negative=passages[1 - wanted])
    task = retrieval_task(load_pairs(write_pairs([row])), [0])
    found = BM25Scorer.of(task).scores(np.array([0]), np.arange(2))[0].tolist()
    assert found[0] > found[1]


def test_english_words_are_stemmed_without_stop_words_and_single_letters() -> None:
    assert lexical_terms(["Replace the pumps, a T6 and x_1"], "en") == [
        ["replac", "pump", "t6", "x_1"]
    ]


def test_words_of_an_unknown_language_stay_whole() -> None:
    assert lexical_terms(["Ngā papu hou"], None) == [["ngā", "papu", "hou"]]
    assert lexical_terms(["Die Pumpen prüfen"], "de-AT") == [["pump", "pruf"]]
    assert lexical_terms(["Pumpene og ventilene"], "nb") == [["pump", "ventil"]]


def test_scripts_without_spaces_give_pairs_of_letters() -> None:
    assert lexical_terms(["更换机油, 5W-30"], "zh") == [
        ["5w", "30", "更", "换", "机", "油", "更换", "换机", "机油"]
    ]
    assert lexical_terms(["ポンプ"], "ja") == [["ポン", "ンプ"]]
    assert lexical_terms(["물 펌프가"], "ko") == [["물", "펌프", "프가"]]


def test_composed_and_decomposed_words_are_one_term() -> None:
    one, other = lexical_terms(["Kühlöl", "Ku\u0308hlo\u0308l"], "de")
    assert one == other


def test_every_stemmer_is_there() -> None:
    for code in STEMMERS:
        assert lexical_terms(["abc"], code)
    assert set(COMMON_WORDS) - set(STEMMERS) == {"uk", "bg", "ur", "mr"}


def test_one_language_is_used_and_several_are_told_from_the_texts() -> None:
    assert one_language("de") == "de"
    assert [one_language(stated) for stated in (None, "en,de", "multilingual")] == [None] * 3


def test_a_language_that_is_no_code_is_refused() -> None:
    assert EvaluationArguments(model="m", language="pt-BR").language == "pt-BR"
    with pytest.raises(UserError, match="--language german: give one ISO 639 code"):
        EvaluationArguments(model="m", language="german")
