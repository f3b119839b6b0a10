"""What a card says beyond the sentences of an evaluation report, and its Markdown."""

from __future__ import annotations

import html
import re
import shlex

from evaluation.comparison import Group
from evaluation.gates import GateReport
from evaluation.report.sentences import gate_sentence, show_difference, show_p
from evaluation.summary import PublishedEvaluation
from model_card.card.added_facts import Publication
from model_card.card.facts import (
    CardFacts,
    CheckFacts,
    SplitFacts,
    TrainingFacts,
)
from model_card.hubs import load_call

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
NOT_STATED = "not stated"
UNPUBLISHED = 'SentenceTransformer("path/to/this/folder")'
USAGE = """from sentence_transformers import SentenceTransformer

model = {load}
queries = model.encode(["pump runs but nothing moves"])
passages = model.encode(["Check the coupling.", "Charge the battery."])
print(model.similarity(queries, passages))"""


def as_text(value: object) -> str:
    """Returns any text as Markdown and HTML show it, on one line and never interpreted."""
    line = " ".join(str(value).split())
    return MARKDOWN.sub(r"\\\1", html.escape(line, quote=False))


def as_code(content: str, language: str) -> str:
    """Returns a fenced block that its content cannot end."""
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def how_to_load(publication: Publication | None) -> str:
    """Returns the Python expression that loads the model: from a hub, or from its folder."""
    return load_call(publication.repo_id, publication.tag) if publication else UNPUBLISHED


def usage(publication: Publication | None) -> str:
    """Returns the example that loads the model and compares queries with passages."""
    return as_code(USAGE.format(load=how_to_load(publication)), "python")


def gates_line(gates: GateReport) -> str:
    """Returns how many gates passed, and which did not, in bold if one failed."""
    text = as_text(gate_sentence(gates.gates))
    return text if gates.passed else f"**{text}**"


def split_sentence(split: SplitFacts) -> str:
    """Returns whether texts of the held-out queries were trained on."""
    if shared := split.shared_passages + split.shared_queries:
        return f"The given split leaks: {shared} of their texts were trained on."
    return "No passage and no query of these was trained on."


def difference_cells(evaluation: PublishedEvaluation, group: Group, key: str) -> str:
    """Returns two cells: the difference of the model under test; its verdict and p value."""
    if evaluation.model not in group.differences:
        return " | "
    found = group.differences[evaluation.model][key]
    return f"{show_difference(found)} | {found.in_words}, {as_text(show_p(found))}"


def check_lines(check: CheckFacts) -> list[str]:
    """Returns what the check of the data warned of, with counts."""
    found = check.findings.items()
    return [f"{as_text(key.replace('_', ' '))}: {n}" for key, n in found if n]


def repeat_command(training: TrainingFacts) -> str:
    """Returns the command that trains this model again."""
    words = ["accelerate", "launch", "training/train.py", *training.command]
    return as_code(" ".join(shlex.quote(str(word)) for word in words), "bash")


def terms_lines(facts: CardFacts) -> list[str]:
    """Returns licence and languages of the model and of its base, as they are stated."""
    licence = f"{as_text(facts.license)}." if facts.license else f"{NOT_STATED} by the publisher."
    if facts.license_files:
        licence += f" Its text: {', '.join(as_text(name) for name in facts.license_files)}."
    languages = as_text(", ".join(facts.language)) or f"{NOT_STATED} by the publisher"
    base = facts.base_model
    return [
        f"Licence: {licence}",
        f"Language: {languages}.",
        f"Base model: {as_text(base.hub_id or base.name)}; licence: "
        f"{as_text(base.terms.license or NOT_STATED)}; language: "
        f"{as_text(', '.join(base.terms.language) or NOT_STATED)}.",
    ]
