"""The terms by which BM25 finds texts: stems, or pairs of letters, by language and script."""

from __future__ import annotations

from itertools import groupby, pairwise

import regex
import Stemmer
from bm25s import stopwords

from pairs.languages import ENGLISH
from pairs.words import comparable, is_unspaced, runs_of

SHORTEST_WORD = 2
# The Snowball stemmers, by ISO 639 code; other languages are not stemmed.
STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
STOP_WORDS = {
    "da": stopwords.STOPWORDS_DANISH,
    "de": stopwords.STOPWORDS_GERMAN,
    ENGLISH: stopwords.STOPWORDS_EN,
    "es": stopwords.STOPWORDS_SPANISH,
    "fr": stopwords.STOPWORDS_FRENCH,
    "it": stopwords.STOPWORDS_ITALIAN,
    "nl": stopwords.STOPWORDS_DUTCH,
    "no": stopwords.STOPWORDS_NORWEGIAN,
    "pt": stopwords.STOPWORDS_PORTUGUESE,
    "ru": stopwords.STOPWORDS_RUSSIAN,
    "sv": stopwords.STOPWORDS_SWEDISH,
    "tr": stopwords.STOPWORDS_TURKISH,
}
_HAN = regex.compile(r"\p{Script=Han}")
_HANGUL = regex.compile(r"\p{Script=Hangul}+")


def lexical_terms(texts: list[str], language: str | None) -> list[list[str]]:
    """Returns the terms of each text, in lower case.

    A word is stemmed where its language has a stemmer, and left out where it is a stop word or a
    single letter. Chinese, Japanese, Thai and other scripts without spaces, and Korean, whose words
    carry particles, give each pair of neighbouring letters instead; each Chinese letter is a term
    too.

    Args:
        texts: The texts.
        language: ISO 639 code; None stems no word.
    """
    code = (language or "").split("-")[0]
    code = "no" if code in ("nb", "nn") else code
    stop_words = frozenset(STOP_WORDS.get(code, ()))
    stemmer = Stemmer.Stemmer(STEMMERS[code]) if code in STEMMERS else None
    return [_terms(comparable(text).lower(), stop_words, stemmer) for text in texts]


def _terms(text: str, stop_words: frozenset[str], stemmer: Stemmer.Stemmer | None) -> list[str]:
    words: list[str] = []
    pairs: list[str] = []
    for run in runs_of(text):
        for unspaced, group in groupby(run, is_unspaced):
            if unspaced:
                pairs += _pairs(list(group))
                continue
            for word in group:
                hangul = _HANGUL.findall(word)
                pairs += [pair for part in hangul for pair in _pairs(list(part))]
                if not hangul and len(word) >= SHORTEST_WORD and word not in stop_words:
                    words.append(word)
    return (stemmer.stemWords(words) if stemmer else words) + pairs


def _pairs(letters: list[str]) -> list[str]:
    """Returns the pairs of neighbouring letters, and the letters that are terms by themselves."""
    alone = letters if len(letters) == 1 else [sign for sign in letters if _HAN.match(sign)]
    return [*alone, *(first + second for first, second in pairwise(letters))]
