"""Words by which manuals label their parts: English, German, and the commonest of other languages.

A structure in a language that is not here is found by its form where it has one: numbered steps,
codes, abbreviations in capitals.
"""

from __future__ import annotations

from enum import Enum

import regex


class Column(Enum):
    """What a column of a table, or a labelled paragraph, holds."""

    SYMPTOM = "symptom"
    CAUSE = "cause"
    REMEDY = "remedy"
    CODE = "code"
    MEANING = "meaning"
    PART = "part"
    PART_NUMBER = "part number"
    TERM = "term"
    DEFINITION = "definition"


_NUMBER = r"(?:code|no|nr|number|nummer|id)s?"
LABELS: dict[Column, str] = {
    Column.CODE: (
        rf"(?:fault|error|alarm|trouble|diagnostic|blink|flash|failure|message|event)[ -]?{_NUMBER}"
        rf"|(?:fehler|störungs?|alarm|melde|meldungs|blink)[ -]?{_NUMBER}|codes?|dtc|alarm"
        r"|code (?:d'erreur|de défaut|défaut)|código(?: de (?:error|fallo|avería))?"
    ),
    Column.SYMPTOM: (
        r"(?:observed )?(?:symptom|fault|problem|malfunction|complaint|failure)s?|trouble"
        r"|fault description|störung(?:en|sbild)?|fehler(?:bild|beschreibung)?|symptome?|probleme?"
        r"|panne|défauts?|anomalie|problème|symptôme|avería|fallo|síntoma|problema"
    ),
    Column.CAUSE: (
        r"(?:(?:possible|probable|likely) )?(?:causes?|reasons?)"
        r"|(?:(?:mögliche|wahrscheinliche) )?ursachen?|grund|causes? (?:possible|probable)s?"
        r"|causas?(?: (?:posible|probable)s?)?"
    ),
    Column.REMEDY: (
        r"remed(?:y|ies)|(?:(?:corrective|recommended|required) )?actions?|solutions?|corrections?"
        r"|countermeasures?|rectification|repair|what to do|(?:mögliche )?abhilfen?"
        r"|(?:abhilfe)?maßnahmen?|(?:fehler|störungs)?(?:behebung|beseitigung)|lösung(?:en)?"
        r"|remèdes?|solución|soluciones|remedios?|acción"
    ),
    Column.MEANING: (
        r"meanings?|descriptions?|messages?|faults?|errors?|text|display|bedeutung|beschreibung"
        r"|meldung|klartext|bezeichnung|störung|fehler|signification|désignation|significado"
        r"|descripción"
    ),
    Column.PART_NUMBER: (
        rf"(?:(?:spare )?part|order(?:ing)?|article)[ -]?(?:#|{_NUMBER})|p/?n"
        rf"|(?:(?:ersatz)?teile?|bestell|artikel|sach|ident)[ -]?{_NUMBER}"
        r"|référence|n° de pièce|n.º de pieza|referencia"
    ),
    Column.PART: (
        r"parts?(?: name)?|descriptions?|designation|components?|items?|name|bezeichnung|benennung"
        r"|ersatzteil|bauteil|teil|désignation|pièce|denominación|pieza"
    ),
    Column.TERM: (
        r"terms?|abbreviations?|acronyms?|abbrev|expressions?|begriffe?|abkürzung(?:en)?|fachbegriff"
        r"|kürzel|terme|abréviation|término|abreviatura"
    ),
    Column.DEFINITION: (
        r"definition(?:en|s)?|meanings?|explanations?|descriptions?|full (?:form|name)|bedeutung"
        r"|erklärung|erläuterung|beschreibung|langform|définition|signification|definición"
        r"|significado"
    ),
}
# Two columns tell what a table is; the first that fits is taken.
TABLES: tuple[tuple[Column, Column], ...] = (
    (Column.CODE, Column.MEANING),
    (Column.CODE, Column.REMEDY),
    (Column.CODE, Column.CAUSE),
    (Column.SYMPTOM, Column.REMEDY),
    (Column.SYMPTOM, Column.CAUSE),
    (Column.PART_NUMBER, Column.PART),
    (Column.TERM, Column.DEFINITION),
)
GLOSSARY = (
    r"glossar(?:y|ies)?|abbreviations?|acronyms?|terms|terminology|definitions"
    r"|abkürzung(?:en|sverzeichnis)|begriffe|begriffs(?:erklärung(?:en)?|bestimmung(?:en)?)"
    r"|fachbegriffe|glossaire|abréviations|glosario|abreviaturas"
)
CONTENTS = (
    r"(?:table of )?contents|inhalt(?:sverzeichnis)?|index|stichwortverzeichnis|sachverzeichnis"
    r"|list of (?:figures|tables)|(?:abbildungs|tabellen)verzeichnis|table des matières|sommaire"
    r"|índice|contenido"
)
GENERIC_TITLES = (
    r"procedures?|steps?|instructions?|operation|method|work steps|introduction|overview|general"
    r"|description|synopsis|notes?|examples?|usage|set-?up|configuration|maintenance|removal|(?:re)?installation"
    r"|(?:dis)?assembly|inspection|adjustment|cleaning|replacement|test(?:ing)?|vorgehen(?:sweise)?"
    r"|allgemeines|einleitung|übersicht|beschreibung|hinweise?|beispiele?|bedienung|wartung"
    r"|inbetriebnahme|ablauf|durchführung|arbeitsschritte|(?:aus|ein)bau|(?:de)?montage|prüfung|einstellung"
    r"|reinigung|austausch|anleitung|procédure|procedimiento"
)
FIGURE = r"(?:figure|fig\.?|abbildung|abb\.?|bild|illustration|ill\.?|figura|schéma|photo)"
TABLE = r"(?:table|tabelle|tab\.?|tableau|tabla)"
CHAPTER = r"(?:chapters?|kapitels?|kap\.|chapitre|capítulo)"
SECTION = (
    rf"(?:{CHAPTER}|(?:sub-?)?sections?|paragraphs?|paras?\.?|abschnitte?s?|absatz|§|ziffer"
    r"|paragraphe|sección|apartado)"
)
SEE = (
    r"(?:see(?: also)?|refer to|according to|siehe(?: auch)?"
    r"|as (?:described|shown|explained|given|discussed|mentioned) (?:in|under)"
    r"|vgl\.|wie (?:in|unter)|gemäß|laut|voir|véase|ver)"
)

_LABELS = {column: regex.compile(words, regex.IGNORECASE) for column, words in LABELS.items()}
_LABELLED = regex.compile(r"([\p{L} -]{3,30}?)\s*(?:\p{Nd}{1,2})?\s*:\s+(?=\S)")
_GLOSSARY = regex.compile(rf"(?:.*\b)?(?:{GLOSSARY})(?:\b.*)?", regex.IGNORECASE)
_CONTENTS = regex.compile(CONTENTS, regex.IGNORECASE)
_GENERIC = regex.compile(GENERIC_TITLES, regex.IGNORECASE)
_HEADING_NUMBER = regex.compile(
    r"(?:(?i:chapter|kapitel|appendix|anhang|section|abschnitt)\s+)?"
    r"(\p{Nd}+(?:[.-]\p{Nd}+)*|\p{Lu}(?:[.-]\p{Nd}+)+)[.):]*\s+(?=\S)"
)
_CAPTION = regex.compile(
    rf"(?i:{FIGURE}|{TABLE})\s*(?:\p{{Lu}}[-.]?)?\p{{Nd}}+(?:[-.]\p{{Nd}}+)*\p{{Ll}}?\s*[:.–—-]?\s+"
    r"(?=[\p{Lu}\p{Nd}\"“„(])"
)


def columns_of(header: tuple[str, ...]) -> dict[Column, int]:
    """Returns which columns of a table hold what, by the names in its header.

    A table is told by two of its columns, such as a symptom and a remedy. A name that may mean
    several things, such as "description", means what these two make of it.

    Returns:
        The number of the column of each kind; empty for a table of another sort.
    """
    for kinds in TABLES:
        found = _find(header, kinds)
        if len(found) == len(kinds):
            return found | _find(header, (Column.CAUSE, Column.REMEDY), tuple(found.values()))
    return {}


def _find(
    header: tuple[str, ...], kinds: tuple[Column, ...], taken: tuple[int, ...] = ()
) -> dict[Column, int]:
    found: dict[Column, int] = {}
    for kind in kinds:
        for number, name in enumerate(header):
            if number not in {*taken, *found.values()} and is_label(name, kind):
                found[kind] = number
                break
    return found


def is_label(name: str, column: Column) -> bool:
    """Returns whether a text is a label of what a column holds."""
    return _LABELS[column].fullmatch(name.strip(" .:()")) is not None


def split_label(text: str) -> tuple[str, str]:
    """Splits a text that begins with a label such as "Cause 2:" into the label and the rest.

    The label is without its number; it is empty, and the rest the text, where there is none.
    """
    match = _LABELLED.match(text)
    if match and any(is_label(match.group(1), column) for column in Column):
        return match.group(1), text[match.end() :]
    return "", text


def split_number(heading: str) -> tuple[str, str]:
    """Splits a heading into its number, such as "4.2.1", and its title; the number may be empty."""
    match = _HEADING_NUMBER.match(heading)
    return (match.group(1), heading[match.end() :]) if match else ("", heading)


def is_glossary(heading: str) -> bool:
    """Returns whether a heading is that of a glossary or of a list of abbreviations."""
    return _GLOSSARY.fullmatch(split_number(heading)[1]) is not None


def is_contents(heading: str) -> bool:
    """Returns whether a heading is that of a table of contents or of an index."""
    return _CONTENTS.fullmatch(split_number(heading)[1].strip(" .:")) is not None


def is_generic(title: str) -> bool:
    """Returns whether a title says nothing without the heading above it, such as "Removal"."""
    return _GENERIC.fullmatch(title.strip(" .:")) is not None


def split_caption(text: str) -> tuple[str, str] | None:
    """Splits a caption into its label with the number and its words; None for another text."""
    match = _CAPTION.match(text)
    return (match.group(0).strip(), text[match.end() :]) if match else None
