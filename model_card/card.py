"""The model card: facts from the metadata, a template beside this file, and what joins them."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData
from jinja2 import Environment, StrictUndefined

from model_card.integrity import CARD, find_training_text
from training.files import write_text_whole
from training.pairs import TEXT_COLUMNS, Pairs

TEMPLATE = Path(__file__).with_name("card.md.jinja")
TITLES = {
    "recall@1": "Recall@1",
    "recall@5": "Recall@5",
    "recall@10": "Recall@10",
    "mrr": "MRR",
    "ndcg@10": "nDCG@10",
}
MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$])")


@dataclass(frozen=True)
class CardFacts:
    """What the card says; each part as it stands in `metadata.json`.

    Attributes:
        model: Name, dimension, longest input, similarity.
        base_model: Name and origin of the model that training started from.
        data: Hash, counts and split of the data.
        training: Arguments asked and effective, and the run's length.
        metrics: Figures of base and tuned model.
        environment: Versions and device.
    """

    model: dict[str, Any]
    base_model: dict[str, Any]
    data: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, Any]
    environment: dict[str, Any]


def as_text(value: object) -> str:
    """Show any text in Markdown or HTML as itself, on one line."""
    line = " ".join(str(value).split())
    return MARKDOWN.sub(r"\\\1", html.escape(line, quote=False))


def render_card(facts: CardFacts) -> ModelCard:
    """Fill the template.

    Raises:
        jinja2.UndefinedError: A fact that the template shows is missing.
    """
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    content = template.render(
        card_data=_header(facts).to_yaml(),
        facts=facts,
        titles=TITLES,
        text=as_text,
        domains=sorted(facts.data["split"]["domains"]),
    )
    return ModelCard(content)


def write_card(facts: CardFacts, pairs: Pairs, folder: Path) -> None:
    """Render the card into a model folder, whole or not at all.

    Raises:
        ValueError: A sentence of the training data stands in it.
    """
    content = str(render_card(facts))
    sentences = {text for column in TEXT_COLUMNS for text in pairs.column(column)}
    if found := find_training_text(content, sentences):
        raise ValueError(f"the card quotes training data ({len(found)} characters); not written")
    write_text_whole(folder / CARD, content)


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
            dataset_split="validation",
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
