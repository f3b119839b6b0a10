"""Languages: told from texts by their script and their commonest words, without a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import regex

from pairs.words import words_of

ENGLISH = "en"
MULTILINGUAL = "multilingual"
TEXTS_READ = 100
LETTERS_READ = 20_000
KANA_SHARE = 0.05
# Scripts that tell the language, or the commonest of those they write.
SCRIPTS = {
    "Han": "zh",
    "Hiragana": "ja",
    "Katakana": "ja",
    "Hangul": "ko",
    "Thai": "th",
    "Greek": "el",
    "Hebrew": "he",
    "Arabic": "ar",
    "Devanagari": "hi",
    "Cyrillic": "ru",
    "Armenian": "hy",
    "Tamil": "ta",
    "Latin": "",
}
# Function words by which languages of one script are told apart.
COMMON_WORDS = {
    "en": "the of and to in is that it for with on are this be from or as by not when an at if was",
    "de": "der die das und ist nicht ein eine den dem des mit auf für von zu im sich werden wird "
    "bei oder auch nach wie wenn sind aus vor",
    "nl": "de het een en van is niet op met voor aan dat die bij of te zijn als wordt worden naar "
    "uit door ook er",
    "sv": "och att det är en som på av för med den till inte ett om har från eller när ska vid",
    "da": "og at det er en som på af for med den til ikke et om har fra eller når skal ved der",
    "no": "og at det er en som på av for med den til ikke et om har fra eller når skal ved bør",
    "fi": "ja on ei se että kun tai jos ovat ole sen mutta niin kuin voi myös ennen jälkeen "
    "sekä kanssa pois",
    "et": "ja on ei see et kui või ning ka mis oma selle pole enne pärast peab",
    "hu": "a az és hogy nem egy is ha meg vagy van ez csak kell után előtt lehet",
    "fr": "le la les de des du et est un une dans pour que qui sur avec pas au par en ne ou il "
    "sont ce se",
    "es": "el la los las de del y es un una en para que con por no se al lo como su si o está",
    "pt": "o a os as de do da dos e é um uma em para que com por não se ao no na ou está são",
    "it": "il lo la i gli le di del della e è un una in per che con non si al da sono o nel se",
    "ca": "el la els les de del i és un una en per que amb no es al si o dels està",
    "ro": "și de la în este un o cu pe nu se că din care pentru sau sunt dacă",
    "pl": "i w na z do nie się jest to że o jak przez od po lub oraz gdy są przed",
    "cs": "a v na je se že s z do o to jako nebo není pro při po před jsou když",
    "tr": "ve bir bu için ile de da olarak daha gibi değil veya ne kadar çok sonra önce",
    "id": "yang dan di ini itu dengan untuk tidak dari dalam ke pada adalah atau jika",
    "ru": "и в на не что с по как для из или если при от до это его к за",
    "uk": "і в на не що з по як для із або якщо при від до це його та у за",
    "bg": "и в на не че с по как за от или ако при до това се да е са",
    "ar": "في من على إلى أن لا ما هذا هذه مع عن أو إذا قبل بعد",
    "fa": "در از به که این را با است برای یا تا آن می شود اگر",
    "ur": "کے کی میں سے ہے کو اور کا پر یہ نہیں اگر ہیں",
    "hi": "के की में है से को और का पर यह नहीं तो हैं या करें",
    "mr": "आहे आणि च्या मध्ये ते हे नाही किंवा तर आहेत",
}
_SCRIPT = {script: regex.compile(rf"\p{{Script={script}}}") for script in SCRIPTS}
_COMMON = {code: frozenset(words.split()) for code, words in COMMON_WORDS.items()}


def tell_language(texts: Sequence[str]) -> str | None:
    """Tells the language of most of the texts by their script and commonest words.

    Args:
        texts: The texts, of which up to a hundred are read, 20,000 letters in all.

    Returns:
        The language's ISO 639 code, such as "de"; None where nothing tells.
    """
    sample = _sample(texts)
    by_script = _of_script(sample)
    words = Counter(words_of(sample.lower()))
    found = {code: sum(words[word] for word in common) for code, common in _COMMON.items()}
    best = max(found.values())
    if not best or by_script in ("zh", "ja"):
        return by_script
    told = [code for code, count in found.items() if count == best]
    return told[0] if len(told) == 1 else by_script


def one_language(stated: str | None) -> str | None:
    """Returns the language that a list of codes such as "en" or "en,de" names, if it is one."""
    codes = [] if stated is None else [code.strip() for code in stated.split(",")]
    return codes[0] if len(codes) == 1 and codes[0] != MULTILINGUAL else None


def _sample(texts: Sequence[str]) -> str:
    """Returns the beginnings of texts from all over a collection."""
    chosen = texts[:: len(texts) // TEXTS_READ + 1]
    return "\n".join(text[: LETTERS_READ // len(chosen)] for text in chosen)


def _of_script(sample: str) -> str | None:
    """Returns the language of the commonest script; a twentieth of Kana makes Han Japanese."""
    counts = Counter[str]()
    if sample.isascii():
        return None
    for script, code in SCRIPTS.items():
        counts[code] += len(_SCRIPT[script].findall(sample))
    if counts["ja"] > KANA_SHARE * counts["zh"]:
        counts["ja"] += counts.pop("zh")
    code, count = counts.most_common(1)[0]
    return code if count and code else None
