"""What a language model is asked, and the check of what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from manuals.generation.styles import STYLES
from manuals.passages import Passage
from pairs.words import comparable

LONGEST = 300
SYSTEM = (
    "You write search queries for technical manuals. Each query must be answered by the passage "
    "that you are given, and must make sense to somebody who has not seen it: never write 'this "
    "passage', 'the text' or 'the above'. Do not copy a sentence of the passage. Write in the "
    "language of the passage. Answer with one JSON object and nothing else."
)
# Answers of an earlier version of the prompt are not used again.
VERSION = 1
OBJECT = re.compile(r"\{.*\}", re.DOTALL)
POINTS_AT_TEXT = re.compile(r"\b(?:this|the) (?:passage|text|excerpt|section above)\b", re.I)


class Query(BaseModel):
    """One query of an answer.

    Attributes:
        style: One of `STYLES`.
        query: The query.
    """

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)
    style: str
    query: str

    @field_validator("style")
    @classmethod
    def _is_known(cls, style: str) -> str:
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}")
        return style

    @field_validator("query")
    @classmethod
    def _is_query(cls, query: str) -> str:
        query = " ".join(query.split())
        if not query or len(query) > LONGEST:
            raise ValueError(f"query must have 1 to {LONGEST} characters")
        if POINTS_AT_TEXT.search(query):
            raise ValueError("query must not point at the passage")
        return query


class Answer(BaseModel):
    """What a model answers.

    Attributes:
        queries: One query for each style that was asked for.
    """

    model_config = ConfigDict(extra="ignore")
    queries: list[Query]


def messages(passage: Passage, styles: Sequence[str]) -> list[dict[str, str]]:
    """Returns the messages that ask for one query of each style about a passage."""
    form = {"queries": [{"style": style, "query": "..."} for style in styles]}
    described = "\n".join(f"- {style}: {STYLES[style]}" for style in styles)
    heading = " > ".join(passage.heading)
    under = f"It stands under: {heading}\n" if heading else ""
    return [
        {"role": "system", "content": SYSTEM},
        {
            "role": "user",
            "content": f"Write one query of each style:\n{described}\n\n"
            f"Answer in this form: {json.dumps(form)}\n\n{under}The passage:\n{passage.text}",
        },
    ]


def read_answer(text: str, passage: Passage, styles: Sequence[str]) -> list[Query]:
    """Returns the queries of an answer, one of each style, in the order of `styles`.

    Args:
        text: What the model answered; words around the JSON object are ignored.
        passage: What it was asked about.
        styles: The styles that it was asked for.

    Raises:
        ValueError: It says what is wrong, in words that help the model to do better.
    """
    found = OBJECT.search(text)
    if not found:
        raise ValueError("the answer holds no JSON object")
    try:
        answer = Answer.model_validate_json(found.group())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}".removeprefix(": ")) from error
    by_style = {query.style: query for query in answer.queries}
    if missing := [style for style in styles if style not in by_style]:
        raise ValueError(f'no query of style "{missing[0]}"')
    passage_text = comparable(passage.text)
    for style in styles:
        words = comparable(by_style[style].query)
        if len(words.split()) > 6 and words.rstrip("?.!") in passage_text:
            raise ValueError(f'the query of style "{style}" copies the passage')
    return [by_style[style] for style in styles]
