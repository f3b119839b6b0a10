"""The model card: facts from the metadata, a template beside this file, and what joins them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, StrictUndefined

from evaluation.retrieval.task import OVERALL
from evaluation.retrieval_metrics.definitions import PRIMARY, Shown, shown_in
from model_card.card import sentences as words
from model_card.package.integrity import find_training_text
from nic.files import atomic_write_text
from nic.model_files import CARD
from pairs.columns import TEXT_COLUMNS
from pairs.loading import Pairs

TEMPLATE = Path(__file__).with_name("card.md.jinja")
TITLES = {metric.key: metric.title for metric in shown_in(Shown.CARD)}
COMPARED = {metric.key: metric.title for metric in shown_in(Shown.COMPARISON)}
FIGURE_TEXTS = {
    **{f"{m.name}.png": f"{m.title} by domain with 95 % intervals" for m in shown_in(Shown.PLOT)},
    "rank_change.png": "Rank of each query's passage before and after",
    "training_curve.png": "Loss, learning rate and validation metrics over the steps",
}
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class CardFacts:
    """What the card says; each part as it stands in `metadata.json`.

    Attributes:
        model: Name, dimension, longest input, similarity.
        base_model: Name and origin of the model that training started from.
        data: Hash, counts and split of the data.
        training: Arguments asked and effective, and the run's length.
        metrics: Figures of base and tuned model.
        evaluation: Intervals, differences and verdicts, forgetting and speed.
        gates: What was asked of the model and what it reached.
        figures: Names of the plots in the folder `plots/`.
        environment: Versions and device.
    """

    model: dict[str, Any]
    base_model: dict[str, Any]
    data: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, Any]
    evaluation: dict[str, Any]
    gates: dict[str, Any]
    figures: list[str]
    environment: dict[str, Any]


def render_card(facts: CardFacts) -> ModelCard:
    """Fill the template.

    Raises:
        jinja2.UndefinedError: A fact that the template shows is missing.
    """
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["as_text"] = words.as_text
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return ModelCard(template.render(**_shown(facts)))


def _shown(facts: CardFacts) -> dict[str, Any]:
    """What the template names, every text of it made safe."""
    evaluation = facts.evaluation
    split = facts.data["split"]
    return {
        "card_data": _header(facts).to_yaml(),
        "facts": facts,
        "titles": TITLES,
        "shown": COMPARED,
        "primary": PRIMARY.title,
        "overall": OVERALL,
        "text": words.as_text,
        "domains": sorted(split["domains"]),
        "parts": [part for part in PARTS if f"{part}_pairs" in split],
        "models": list(evaluation["comparison"]["groups"][OVERALL]["estimates"]),
        "base": evaluation["base"],
        "groups": evaluation["comparison"]["groups"],
        "verdict": words.verdict(evaluation),
        "findings": words.domain_findings(evaluation),
        "caveat": evaluation["caveat"],
        "gates_line": words.gates_line(facts.gates),
        "usage": words.as_code(words.USAGE, "python"),
        "asked": words.what_was_asked(evaluation, split),
        "estimate": words.estimate,
        "difference": partial(words.difference, evaluation),
        "figures": {name: FIGURE_TEXTS[name] for name in facts.figures},
        "forgetting": words.forgetting(evaluation),
        "machine": words.machine(evaluation["speed"]),
        "checks": words.check_lines(facts.data["check"]),
        "command": words.repeat_command(facts.training),
    }


def write_card(facts: CardFacts, pairs: Pairs, folder: Path) -> None:
    """Render the card into a model folder, whole or not at all.

    Raises:
        ValueError: A sentence of the training data stands in it.
    """
    content = str(render_card(facts))
    sentences = {text for column in TEXT_COLUMNS for text in pairs.column(column)}
    if found := find_training_text(content, sentences):
        raise ValueError(f"the card quotes training data ({len(found)} characters); not written")
    atomic_write_text(folder / CARD, content)


def _header(facts: CardFacts) -> ModelCardData:
    """The YAML header, with the held-out figures of the whole and of each domain."""
    tuned = facts.metrics["tuned"]
    groups = {"all domains": tuned["overall"], **tuned["domains"]}
    results = [
        EvalResult(
            task_type="information-retrieval",
            task_name="Information Retrieval",
            dataset_type="private",
            dataset_name=" ".join(f"held-out queries: {group}".split()),
            dataset_config=" ".join(group.split()),
            dataset_split=facts.evaluation["data"]["part"],
            metric_type=key,
            metric_name=title,
            metric_value=round(metrics[key], 4),
        )
        for group, metrics in groups.items()
        for key, title in TITLES.items()
    ]
    return ModelCardData(
        model_name=facts.model["name"],
        base_model=facts.base_model["name"],
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "sentence-similarity", "feature-extraction", "retrieval"],
        language="en",
        license="apache-2.0",
        eval_results=results,
    )
