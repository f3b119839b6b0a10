"""The templates of the card; a fact that a template shows and that is missing is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evaluation.retrieval_metrics.definitions import PRIMARY
from model_card.card.sentences import as_text

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)
ENVIRONMENT.globals["primary"] = PRIMARY.title
ENVIRONMENT.filters["as_text"] = as_text


def fill_template(name: str, **values: Any) -> str:
    """Returns a template of this folder filled with values.

    Raises:
        jinja2.UndefinedError: A value that the template shows is missing.
    """
    return ENVIRONMENT.get_template(name).render(text=as_text, **values)
