"""Licence and languages of a model and of its base: what is stated, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nic.errors import UserError
from nic.model_files import CARD
from nic.models import LOCAL_FOLDER, MINILM, MINILM_SHA256, ModelSource
from pairs.languages import MULTILINGUAL

LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*|multilingual")


@dataclass(frozen=True)
class Terms:
    """What a model states about itself.

    Attributes:
        license: Identifier or name of its licence; None if it states none.
        language: Codes of its languages; empty if it states none.
        license_name: Name of the licence where `license` is "other".
    """

    license: str | None = None
    language: list[str] = field(default_factory=list)
    license_name: str | None = None

    @property
    def name(self) -> str | None:
        """The licence as a reader knows it."""
        return self.license_name or self.license

    def or_else(self, other: Terms) -> Terms:
        """Returns these terms, with those of another in place of what is not stated."""
        licence = self if self.license else other
        return Terms(licence.license, self.language or other.language, licence.license_name)


MINILM_TERMS = Terms("apache-2.0", ["en"])


def read_terms(license: str | None, language: str | None) -> Terms:
    """Returns the terms that a publisher states with --license and --language.

    Args:
        license: Identifier of a licence, as hubs write it; None states none.
        language: Codes of languages, separated by commas; None states none.

    Raises:
        UserError: One of them is not an identifier that hubs accept.
    """
    if license is not None and not LICENSE.fullmatch(license):
        raise UserError(
            f'--license {license!r}: give an identifier in lower case, such as "apache-2.0", "mit" '
            'or "other"'
        )
    codes = [] if language is None else [code.strip() for code in language.split(",")]
    if wrong := [code for code in codes if not LANGUAGE.fullmatch(code)]:
        raise UserError(
            f'--language {wrong[0]!r}: give ISO 639 codes separated by commas, such as "en" or '
            '"en,de"'
        )
    return Terms(license, codes)


def card_terms(publisher: Terms, base: Terms, data_language: str | None) -> Terms:
    """Returns what a card states: the publisher's terms, else those of the base model.

    Args:
        publisher: What the publisher states.
        base: What the base model states; its languages are left out where the model was trained
            on data of another one.
        data_language: ISO 639 code of the language of the data; None where nothing tells.
    """
    fits = (
        data_language is None
        or MULTILINGUAL in base.language
        or any(code.split("-")[0] == data_language for code in base.language)
    )
    return publisher.or_else(Terms(base.license, base.language if fits else [], base.license_name))


def terms_in_words(publisher: Terms, base: Terms, data_language: str | None) -> list[str]:
    """Returns where licence and languages of a card come from, or why it states none.

    Args:
        publisher: As in `card_terms`.
        base: As in `card_terms`.
        data_language: As in `card_terms`.
    """
    stated = card_terms(publisher, base, data_language)
    lines = []
    if not publisher.license and stated.name:
        lines.append(f"Card: licence {stated.name}, that of the base model; --license changes it")
    elif not stated.name:
        lines.append("Card: no licence, for the base model states none; give --license")
    languages = ", ".join(stated.language)
    if not publisher.language and languages:
        lines.append(f"Card: language {languages}, that of the base model; --language changes it")
    elif not languages and base.language:
        lines.append(
            f"Card: no language, for the base model states {', '.join(base.language)} and the data "
            f"look like {data_language}; give --language"
        )
    elif not languages:
        lines.append("Card: no language, for the base model states none; give --language")
    return lines


def header_value(codes: list[str]) -> str | list[str] | None:
    """Returns languages as the header of a card holds them: one by itself, several as a list."""
    return (codes[0] if len(codes) == 1 else codes) if codes else None


def base_terms(source: ModelSource) -> Terms:
    """Returns what a base model states: known for all-MiniLM-L6-v2, else read from its card."""
    return known_terms(source.name, source.origin).or_else(_terms_of_card(_card_of(source)))


def known_terms(name: str, origin: str | None, weights_sha256: str | None = None) -> Terms:
    """Returns the terms of all-MiniLM-L6-v2, if that is the model; else none."""
    return MINILM_TERMS if _is_minilm(name, origin, weights_sha256) else Terms()


def hub_id(name: str, origin: str | None, weights_sha256: str | None) -> str | None:
    """Returns the name of a model on the Hub, "organisation/name"; None for a local folder.

    Args:
        name: What the user asked for.
        origin: How it was found; None if unknown.
        weights_sha256: SHA-256 of its weights, which tell all-MiniLM-L6-v2 in any folder.
    """
    if _is_minilm(name, origin, weights_sha256):
        return MINILM
    return None if origin == LOCAL_FOLDER or "/" not in name else name


def _is_minilm(name: str, origin: str | None, weights_sha256: str | None) -> bool:
    named = origin != LOCAL_FOLDER and name in (MINILM, MINILM.split("/")[1])
    return named or weights_sha256 == MINILM_SHA256


def _card_of(source: ModelSource) -> Path | None:
    """Returns the card of a model in its folder or in the Hub's cache."""
    if Path(source.location).is_dir():
        return Path(source.location) / CARD
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source.location, CARD)
    return Path(found) if isinstance(found, str) else None


def _terms_of_card(path: Path | None) -> Terms:
    """Returns what the header of a card states; a card without a readable header states nothing."""
    import yaml
    from huggingface_hub import metadata_load

    if path is None or not path.is_file():
        return Terms()
    try:
        header = metadata_load(path) or {}
    except (OSError, ValueError, yaml.YAMLError):
        return Terms()
    stated = header.get("license")
    name = header.get("license_name") if stated == "other" else None
    return Terms(
        stated if isinstance(stated, str) else None,
        list(_codes(header)),
        name if isinstance(name, str) else None,
    )


def _codes(header: dict[str, Any]) -> Iterable[str]:
    """Yields the languages of a header; YAML reads the bare code of Norwegian, `no`, as false."""
    stated = header.get("language")
    for code in stated if isinstance(stated, list) else [stated]:
        if code is False:
            yield "no"
        elif isinstance(code, str):
            yield code
