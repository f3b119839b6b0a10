"""Generates queries for passages: one answer a passage, checked, kept and used again."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from manuals.generation.answers import AnswerFile, key_of
from manuals.generation.endpoint import Endpoint
from manuals.generation.prompt import VERSION, messages, read_answer
from manuals.generation.styles import check_styles
from manuals.made_pairs import MadePair
from manuals.passages import Passage
from nic.logs import on_terminal

logger = logging.getLogger(__name__)

# Answers to one passage before it is given up.
TRIES = 3
ANSWERS_SUFFIX = ".answers.jsonl"
Ask = Callable[[Sequence[dict[str, str]]], str]


@dataclass(frozen=True)
class Generated:
    """What a language model made.

    Attributes:
        pairs: The pairs, in the order of passages and styles.
        asked: Passages that were asked about now.
        known: Passages whose answers stood in the file.
        failed: Passages without a usable answer, by the reason of the last one.
    """

    pairs: list[MadePair]
    asked: int
    known: int
    failed: dict[str, int]


def answers_path(output: Path) -> Path:
    """Returns the file of the answers beside the pairs."""
    return output.with_name(output.name + ANSWERS_SUFFIX)


def show_prompt(passage: Passage, styles: Sequence[str]) -> str:
    """Returns what would be sent about a passage, as text."""
    return "\n\n".join(f"[{m['role']}]\n{m['content']}" for m in messages(passage, styles))


def generate_pairs(
    passages: Sequence[Passage], endpoint: Endpoint, styles: Sequence[str], answers: Path
) -> Generated:
    """Asks for the queries of each passage that has no answer yet.

    A wrong answer is asked for again with what is wrong, three times at most; the passage then has
    no generated query. Nothing of a passage is logged.

    Args:
        passages: The passages.
        endpoint: Where to ask.
        styles: Styles of `prompt.STYLES`, one query each.
        answers: File of the answers, for a run that goes on with this one.

    Raises:
        UserError: The endpoint cannot be used; answers so far are kept.
    """
    check_styles(styles)
    client = endpoint.connect()
    return ask_all(passages, lambda m: endpoint.ask(client, m), endpoint.model, styles, answers)


def ask_all(
    passages: Sequence[Passage], ask: Ask, model: str, styles: Sequence[str], answers: Path
) -> Generated:
    """Does the work of `generate_pairs` with any function that answers messages."""
    file = AnswerFile(answers)
    pairs: list[MadePair] = []
    asked = known = 0
    failed: Counter[str] = Counter()
    for passage in tqdm(passages, unit="passage", disable=not on_terminal()):
        given = {"text": passage.text, "heading": passage.heading, "styles": list(styles)}
        key = key_of({**given, "model": model, "version": VERSION})
        answer = file.get(key)
        if answer is None:
            asked += 1
            answer = _ask_until_right(passage, ask, styles)
            file.add(key, answer)
        else:
            known += 1
        if isinstance(answer, str):
            failed[answer] += 1
            continue
        pairs += [
            MadePair(found["query"], passage, f"generated: {found['style']}") for found in answer
        ]
    return Generated(pairs, asked, known, dict(failed))


def _ask_until_right(
    passage: Passage, ask: Ask, styles: Sequence[str]
) -> list[dict[str, str]] | str:
    """Returns the queries of a passage, or what was wrong with the last answer."""
    asked = messages(passage, styles)
    wrong = ""
    for _ in range(TRIES):
        text = ask(asked)
        try:
            return [query.model_dump() for query in read_answer(text, passage, styles)]
        except ValueError as error:
            wrong = str(error)
            asked = [
                *messages(passage, styles),
                {"role": "assistant", "content": text},
                {"role": "user", "content": f"{wrong}. Answer again, in the form that was asked."},
            ]
    return wrong
