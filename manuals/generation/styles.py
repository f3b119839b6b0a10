"""The kinds of queries that a language model is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from nic.errors import UserError

STYLES = {
    "question": "a whole question, as somebody new to the machine would ask it",
    "keywords": "two to six key words as they are typed into a search box, no sentence",
    "symptom": "what somebody sees, hears or smells on the machine, in plain words, without the "
    "terms of the manual and without the cause",
    "work order": "a short note of a work order, as a technician writes it in a hurry",
}


def check_styles(styles: Sequence[str]) -> None:
    """Refuses styles that are not known.

    Raises:
        UserError: One is not.
    """
    if unknown := [style for style in styles if style not in STYLES]:
        known = ", ".join(STYLES)
        raise UserError(f"--generator-styles {unknown[0]}: must be some of: {known}")
