"""The model card, rendered from the facts in `metadata.json` by the template beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from evaluation.mined_negatives import mined_sentence
from evaluation.report import sentences as report
from evaluation.report.trials import search_sentence
from evaluation.retrieval.task import OVERALL
from evaluation.retrieval_metrics.definitions import PRIMARY, Shown, shown_in
from model_card.card import sentences
from model_card.card.facts import CardFacts, read_card_facts
from model_card.card.fusion_usage import fusion_usage
from model_card.card.licensing import header_value
from model_card.card.templates import fill_template
from model_card.card.training_text import find_quotation
from nic.errors import UserError
from nic.files import atomic_write_text
from nic.model_files import CARD
from nic.shown_domains import left_out, shown_domains
from pairs.loading import Pairs

TITLES = {metric.key: metric.title for metric in shown_in(Shown.CARD)}
COMPARED = {metric.key: metric.title for metric in shown_in(Shown.COMPARISON)}
# What has the domains that a table leaves out.
ALL_DOMAINS = "which `metadata.json` has"
# With more domains the first table holds the means alone.
MANY_DOMAINS = 12
FIRST_PLOT = f"{PRIMARY.name}.png"
LOSS_SOURCES = {
    "MultipleNegativesRankingLoss": "; Henderson et al., arXiv:1705.00652 (the loss)",
    "CachedMultipleNegativesRankingLoss": "; Gao et al., arXiv:2101.06983 (the loss)",
    "GISTEmbedLoss": "; Solatorio, arXiv:2402.16829 (the loss)",
    "CachedGISTEmbedLoss": "; Solatorio, arXiv:2402.16829; Gao et al., arXiv:2101.06983 (the loss)",
}
PLOT_TEXTS = {
    **{f"{m.name}.png": f"{m.title} by domain with 95 % intervals" for m in shown_in(Shown.PLOT)},
    "rank_change.png": "Rank of each query's passage before and after",
    "training_curve.png": "Loss, learning rate and validation metrics over the steps",
    "mixing.png": "Mixtures with the base model: what they find, and what they have forgotten",
}


def render_card(metadata: Mapping[str, Any]) -> str:
    """Returns the card of a model.

    Args:
        metadata: Content of its `metadata.json`; equal facts give an equal card.

    Raises:
        UserError: A fact that the card shows is missing; the message names it.
    """
    facts = read_card_facts(metadata)
    return fill_template("card.md.jinja", **_values(facts))


def write_card(metadata: Mapping[str, Any], pairs: Pairs, folder: Path) -> None:
    """Renders the card into the folder of a model, atomically.

    Raises:
        UserError: A fact that it shows is a sentence of the training data; nothing is written.
    """
    content = render_card(metadata)
    if found := find_quotation(content, content, metadata, pairs):
        raise UserError(
            f"{folder / CARD}: would quote the training data (a sentence of {len(found.split())} "
            "words, in a name or a reason that was given); not written"
        )
    atomic_write_text(folder / CARD, content)


def _values(facts: CardFacts) -> dict[str, Any]:
    """Returns the values of the template; each text in them is escaped."""
    evaluation = facts.evaluation
    comparison, split = evaluation.comparison, facts.data.split
    domains = [name for name in comparison.listed if name != OVERALL]
    split_domains = _split_domains(split.domains)
    compared = _measured(COMPARED, next(iter(comparison.overall.estimates.values())))
    tested = list(dict.fromkeys([evaluation.base, evaluation.model]))
    others = [name for name in comparison.models if name not in tested]
    plot_texts = {
        name: text if domains else text.replace(" by domain", "")
        for name, text in PLOT_TEXTS.items()
    }
    return {
        "card_data": _header(facts).to_yaml(),
        "facts": facts,
        "release": facts.release,
        "publication": facts.publication,
        "variants": facts.variants,
        "folded": {key: title for key, title in compared.items() if key != PRIMARY.key},
        "plain": {
            key: title
            for key, title in _measured(TITLES, facts.metrics.tuned.overall).items()
            if key not in compared
        },
        "primary_key": PRIMARY.key,
        "overall": OVERALL,
        "domains": domains,
        "unlisted": comparison.unlisted(ALL_DOMAINS),
        "many": len(domains) > MANY_DOMAINS,
        "by_domain": " by domain" if domains else "",
        "split_domains": split_domains,
        "split_unlisted": left_out(len(split.domains), len(split_domains), ALL_DOMAINS),
        "trained_on": sentences.trained_on(facts.data, facts.training.negatives),
        "mined": mined_sentence(facts.training.negatives),
        "parts": facts.data.split.parts,
        "parts_share": sentences.parts_share(facts.data.split),
        "comparison": comparison,
        "changed": evaluation.model != evaluation.base,
        "tested": tested,
        "others": others,
        "other_names": report.join_names([sentences.as_text(name) for name in others]),
        "base": evaluation.base,
        "groups": comparison.listed,
        "headline": report.headline(evaluation, sentences.as_text),
        "findings": sentences.findings(evaluation),
        "caveat": evaluation.caveat,
        "gates_line": sentences.gates_line(facts.gates),
        "usage": sentences.usage(facts.publication),
        "prompts": sentences.prompts_sentence(facts.model),
        "asked": report.corpus_sentence(evaluation),
        "split": sentences.split_sentence(facts.data.split, evaluation.data),
        "estimate": report.show_estimate,
        "show_difference": report.show_difference,
        "difference": partial(sentences.difference_cells, evaluation),
        "first_plot": {name: plot_texts[name] for name in facts.figures if name == FIRST_PLOT},
        "figures": {n: plot_texts.get(n, n) for n in facts.figures if n != FIRST_PLOT},
        "worst": sentences.worst_sentence(facts.metrics),
        "reads": sentences.reads(facts.model),
        "fusion_usage": fusion_usage(facts),
        "loss_source": LOSS_SOURCES.get(facts.training.loss, ""),
        "forgetting": report.forgetting_sentence(evaluation, sentences.as_text),
        "mixing": report.mixing_sentence(evaluation),
        "search": search_sentence(evaluation.search),
        "dimensions": evaluation.dimensions,
        "speed": evaluation.speed,
        "machine": partial(report.machine_phrase, escape=sentences.as_text),
        "plots": facts.plots_folder,
        "checks": sentences.check_lines(facts.data.check),
        "dropped": sentences.dropped_sentence(facts.data),
        "command": sentences.repeat_command(facts.training),
        "terms": sentences.terms_lines(facts),
    }


def _split_domains(domains: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Returns the domains that the table of pairs has room for, in alphabetical order."""
    sizes = {name: sum(domains[name].values()) for name in sorted(domains)}
    return shown_domains(sizes, sizes)


def _measured(titles: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, str]:
    """Returns the titles of the metrics that the model was measured by.

    An evaluation by an earlier version lacks metrics that were added since.
    """
    return {key: title for key, title in titles.items() if key in found}


def _header(facts: CardFacts) -> ModelCardData:
    """Returns the YAML header, with the held-out metrics of all queries and of each domain."""
    return ModelCardData(
        model_name=facts.model.name,
        base_model=facts.base_model.hub_id,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "sentence-similarity", "feature-extraction", "retrieval"],
        language=header_value(facts.terms.language),
        license=facts.terms.license,
        license_name=facts.terms.license_name,
        eval_results=_eval_results(facts),
    )


def _eval_results(facts: CardFacts) -> list[EvalResult]:
    """Returns one result per metric of all queries and of each domain, to four digits."""
    overall, found = facts.metrics.tuned.overall, facts.metrics.tuned.domains
    domains = {name: found[name] for name in facts.evaluation.comparison.listed if name in found}
    several = len(found) > 1
    groups = {"all domains": overall, **domains} if several else {"all queries": overall}
    return [
        EvalResult(
            task_type="information-retrieval",
            task_name="Information Retrieval",
            dataset_type="custom",
            dataset_name=" ".join(f"held-out queries: {group}".split()),
            dataset_config=" ".join(group.split()),
            dataset_split=facts.evaluation.data.part,
            metric_type=key,
            metric_name=title,
            metric_value=round(metrics[key], 4),
        )
        for group, metrics in groups.items()
        for key, title in _measured(TITLES, metrics).items()
    ]
