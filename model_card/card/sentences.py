"""What a card says beyond the sentences of an evaluation report, and its Markdown."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Mapping

from evaluation.comparison import Group
from evaluation.gates import GateReport
from evaluation.report import sentences as report
from evaluation.report.sentences import gate_sentence, show_difference, show_p
from evaluation.results import DataDescription
from evaluation.retrieval.evaluator import Metrics
from evaluation.retrieval_metrics.definitions import PRIMARY
from evaluation.summary import PublishedEvaluation
from model_card.card.added_facts import Publication
from model_card.card.facts import (
    CardFacts,
    CheckFacts,
    DataFacts,
    MetricFacts,
    ModelFacts,
    NegativesFacts,
    SplitFacts,
    TrainingFacts,
)
from model_card.hubs import load_call
from nic.encoding import DOCUMENT, QUERY
from pairs.column_names import ONE_DOMAIN

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
NOT_STATED = "not stated"
UNPUBLISHED = 'SentenceTransformer("path/to/this/folder")'
USAGE = """from sentence_transformers import SentenceTransformer

model = {load}
queries = model.encode_query(["pump runs but nothing moves"])
passages = model.encode_document(["Check the coupling.", "Charge the battery."])
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


def trained_on(data: DataFacts, negatives: NegativesFacts) -> str:
    """Returns how many pairs of which domains the model was trained on.

    Args:
        data: The data.
        negatives: Which negatives were trained on.
    """
    domains = data.split.domains
    count = sum(parts.get("train", 0) for parts in domains.values())
    kind = "(query, positive, negative) triplets"
    if negatives.per_row == 0 or negatives.mined:
        kind = "(query, positive) pairs"
    elif negatives.per_row > 1:
        kind = f"(query, positive, up to {negatives.per_row} negatives) rows"
    pairs = f"{count:,} of {data.pairs:,} {kind}"
    if list(domains) == [ONE_DOMAIN]:
        return pairs
    names = report.join_names([as_text(name) for name in sorted(domains)])
    return f"{pairs} from {len(domains)} domain{'s' if len(domains) != 1 else ''}: {names}"


def findings(evaluation: PublishedEvaluation) -> list[str]:
    """Returns one sentence per further metric, per verdict on the domains, and on BM25."""
    lines = [
        *report.metric_sentences(evaluation)[1:],
        *[
            f"{PRIMARY.title}: {sentence[0].lower()}{sentence[1:]}"
            for sentence in report.domain_sentences(evaluation, as_text)
        ],
    ]
    if adapter := report.adapter_sentence(evaluation, as_text):
        lines.append(f"{adapter}.")
    if known := report.known_sentence(evaluation, as_text):
        lines.append(f"{known}.")
    if fusion := report.fusion_sentence(evaluation, as_text):
        lines.append(f"**{fusion}.**" if report.fusion_helps(evaluation) else f"{fusion}.")
    if advice := report.advice_sentence(evaluation, as_text):
        lines.append(advice)
    return lines


def reads(model: ModelFacts) -> str:
    """Returns how long a text the model reads, to be followed by "to N dimensions"."""
    if model.max_seq_length is None:
        return "It maps a text of any length"
    return f"It maps a text of up to {model.max_seq_length} tokens"


def worst_sentence(metrics: MetricFacts) -> str:
    """Returns the lowest primary metric of a domain, before and after; empty for one domain."""
    if len(metrics.tuned.domains) < 2:
        return ""
    before, after = (_lowest(found.domains) for found in (metrics.base, metrics.tuned))
    return f"The lowest {PRIMARY.title} of a domain was {before} before and is {after} now."


def _lowest(domains: Mapping[str, Metrics]) -> str:
    values = {name: found[PRIMARY.key] for name, found in domains.items()}
    lowest = min(values.values())
    names = [as_text(name) for name, value in values.items() if value == lowest]
    return f"{lowest:.3f} ({report.join_names(names)})"


def prompts_sentence(model: ModelFacts) -> str:
    """Returns what the model puts before queries and passages; empty where it puts nothing."""
    query, document = model.prompts.get(QUERY), model.prompts.get(DOCUMENT)
    sentence = ""
    if query or document:
        sentence = (
            f"`encode_query` puts {_prompt(query)} before each query and `encode_document` puts "
            f"{_prompt(document)} before each passage: it was trained and measured with them."
        )
    if default := model.prompts.get(model.default_prompt_name or ""):
        sentence += f" Plain `encode` puts {_prompt(default)} before any text: do not use it."
    return sentence.strip()


def _prompt(prompt: str | None) -> str:
    return as_text(json.dumps(prompt, ensure_ascii=False)) if prompt else "nothing"


def gates_line(gates: GateReport) -> str:
    """Returns how many gates passed, and which did not, in bold if one failed."""
    text = as_text(gate_sentence(gates.gates))
    return text if gates.passed else f"**{text}**"


def split_sentence(split: SplitFacts, data: DataDescription) -> str:
    """Returns whether texts of the queries that were asked were trained on."""
    if data.folds:
        return (
            "No model was asked a query that it was trained on, or one whose passage it was "
            "trained on as an answer; as wrong answers (negatives) some may have been."
        )
    if shared := split.shared_passages + split.shared_queries:
        return f"The given split leaks: {shared} of their texts were trained on."
    text = "No query of these was trained on, and no passage of theirs as an answer"
    seen = split.trained_on_as_negatives(data.part)
    if seen == "some":
        return f"{text}; as wrong answers (negatives) some may have been."
    return f"{text}; {seen} were trained on as wrong answers (negatives)."


def parts_share(split: SplitFacts) -> str:
    """Returns what the parts of the split share."""
    if split.shared_passages or split.shared_queries:
        shared = f"{split.shared_passages} positives and {split.shared_queries} queries"
        return f"The parts of the split share {shared}."
    return "No positive and no query is in two parts of the split."


def dropped_sentence(data: DataFacts) -> str:
    """Returns which pairs of the training part were not trained on; empty where all were."""
    reasons = [f"{key.replace('_', ' ')} {n}" for key, n in data.dropped.items() if n]
    if not reasons:
        return ""
    return (
        f"{data.trained_on} pairs were trained on. Left out were those that the check flags "
        f"({as_text(', '.join(reasons))}); the evaluation keeps them."
    )


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
    stated, base = facts.terms, facts.base_model
    inherited = {True: "", False: ", that of the base model"}
    licence = f"{NOT_STATED} by the publisher."
    if stated.license:
        licence = f"{as_text(stated.name)}{inherited[bool(facts.license)]}."
    if facts.license_files:
        licence += f" Its text: {', '.join(as_text(name) for name in facts.license_files)}."
    languages = f"{NOT_STATED} by the publisher"
    if stated.language:
        languages = f"{as_text(', '.join(stated.language))}{inherited[bool(facts.language)]}"
    return [
        f"Licence: {licence}",
        f"Language: {languages}.",
        f"Base model: {as_text(base.hub_id or base.name)}; licence: "
        f"{as_text(base.terms.name or NOT_STATED)}; language: "
        f"{as_text(', '.join(base.terms.language) or NOT_STATED)}.",
    ]
