"""The report as one HTML page that needs nothing else, with every query won or lost."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evaluation.comparison import COMPARED, WORSE
from evaluation.mined_negatives import mined_sentence
from evaluation.report.charts import DARK
from evaluation.report.plots import render_plots
from evaluation.report.sentences import (
    USE_FUSION,
    adapter_sentence,
    advice_sentence,
    change_sentence,
    corpus_sentence,
    domain_sentences,
    forgetting_sentence,
    fusion_helps,
    fusion_sentence,
    gate_sentence,
    headline,
    known_sentence,
    machine_phrase,
    metric_sentences,
    mixing_sentence,
    origin_sentence,
    show_difference,
    show_estimate,
)
from evaluation.report.texts import Texts
from evaluation.report.trials import search_sentence, trial_rows
from evaluation.retrieval_metrics.definitions import PRIMARY, Shown, shown_in
from evaluation.serialization import to_json
from evaluation.summary import EvaluationSummary
from nic.files import atomic_write_text
from nic.html import page_environment

FOLDER = Path(__file__).parent
# What could end the script element, or is no character of a UTF-8 file.
UNSAFE_IN_HTML = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class PagePlot:
    """A plot of the page.

    Attributes:
        alt: What it shows, for those who cannot see it.
        light: Address that holds the whole PNG.
        dark: The same for dark screens.
    """

    alt: str
    light: str
    dark: str


def write_page(
    summary: EvaluationSummary, texts: Texts | None, path: Path, drawn: Sequence[Path] = ()
) -> None:
    """Writes the page atomically.

    It quotes queries and passages where texts are given: keep it out of what is published.

    Args:
        summary: What to show.
        texts: Texts behind the ids; None shows ids only.
        path: The HTML file.
        drawn: The files of `draw_plots`, where they are there already.
    """
    atomic_write_text(path, render_report(summary, texts, draw_page_plots(summary, drawn)))


def render_report(
    summary: EvaluationSummary, texts: Texts | None, plots: Mapping[str, PagePlot]
) -> str:
    """Returns the page as text; what comes from the data is shown as text, whatever it holds.

    Args:
        summary: What to show.
        texts: Texts behind the ids; None shows ids only.
        plots: By name, in the order in which they are shown.
    """
    environment = page_environment("evaluation.report")
    environment.filters |= {"estimate": show_estimate, "difference": show_difference}
    style = environment.get_template("report.css.jinja").render() + "\n" + _read("page.css")
    script = _read("page.js")
    return environment.get_template("page.html.jinja").render(
        policy=content_security_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=Markup(embed_json(describe_queries(summary, texts))),
        quotes=texts is not None,
        results=summary.results,
        comparison=summary.comparison,
        reports=summary.reports,
        probe=summary.probe,
        gates=summary.gates,
        metrics=COMPARED,
        primary=PRIMARY,
        tables=shown_in(Shown.REPORT),
        folded_tables=shown_in(Shown.REPORT_DETAILS),
        plots=plots,
        **_sentences(summary),
    )


def draw_page_plots(summary: EvaluationSummary, drawn: Sequence[Path] = ()) -> dict[str, PagePlot]:
    """Returns the plots for light and for dark screens, by name; `drawn` as in `write_page`."""
    light = {path.stem: path.read_bytes() for path in drawn} or render_plots(summary)
    dark = render_plots(summary, DARK)
    alts = _alts(summary)
    return {
        name: PagePlot(alts[name], _data_address(light[name]), _data_address(dark[name]))
        for name in light
    }


def content_security_policy(style: str, script: str) -> str:
    """Returns a policy that allows this style, this script and embedded plots, and no network."""
    return (
        f"default-src 'none'; style-src {_hash_source(style)}; script-src {_hash_source(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def embed_json(content: Any) -> str:
    """Returns JSON that stays inside a script element, whatever its strings hold."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return UNSAFE_IN_HTML.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def describe_queries(summary: EvaluationSummary, texts: Texts | None) -> dict[str, Any]:
    """Returns what the table of queries is made from.

    Passages are named by their place in `passages`, so each stands in the page once. Without texts
    the expected passage of a query is only known where a model has it among its first ten.

    Returns:
        `models`, the places of `model` and `base` in it, `domains`, `passages` as [id, text], and
        `queries` as [id, text, domain, expected, ranks by model, first passage by model].
    """
    results = summary.results
    models = list(results.per_query)
    domains = {name: number for number, name in enumerate(summary.comparison.domains)}
    places: dict[str, int] = {}

    def place(id_: str) -> int:
        return places.setdefault(id_, len(places))

    queries = []
    for found in zip(*results.per_query.values(), strict=True):
        query = found[0].query_id
        if texts:
            expected = texts.expected[query]
        else:
            inside = [row for row in found if row.rank <= len(row.top_ids)]
            expected = [inside[0].top_ids[inside[0].rank - 1]] if inside else []
        queries.append(
            [
                query,
                texts.queries[query] if texts else None,
                domains[found[0].domain],
                [place(id_) for id_ in expected],
                [row.rank for row in found],
                [place(row.top_ids[0]) for row in found],
            ]
        )
    passages = [[id_, texts.passages[id_] if texts else None] for id_ in places]
    return {
        "models": models,
        "model": models.index(results.model),
        "base": models.index(results.base),
        "domains": list(domains),
        "passages": passages,
        "queries": queries,
    }


def _sentences(summary: EvaluationSummary) -> dict[str, Any]:
    results, evaluation = summary.results, summary.published()
    found = summary.comparison.overall.differences.get(results.model, {})
    bad = any(d.verdict == WORSE for d in found.values())
    rows = (results.per_query[results.base], results.per_query[results.model])
    return {
        "headline": headline(evaluation),
        "fusion_sentence": fusion_sentence(evaluation),
        "use_fusion": USE_FUSION if fusion_helps(evaluation) else "",
        "bad": bad or not all(gate.passed for gate in summary.gates),
        "metric_sentences": metric_sentences(evaluation),
        "domain_sentences": domain_sentences(evaluation),
        "gate_sentence": gate_sentence(summary.gates),
        "origin_sentence": origin_sentence(results.chose_checkpoint, results.data.folds),
        "corpus_sentence": corpus_sentence(evaluation),
        "mined_sentence": mined_sentence(results.negatives),
        "change_sentence": change_sentence(*rows),
        "forgetting_sentence": forgetting_sentence(evaluation),
        "mixing_sentence": mixing_sentence(evaluation),
        "search_sentence": search_sentence(results.search),
        "trials": trial_rows(results.search) if results.search else [],
        "dimensions": results.dimensions,
        "adapter_sentence": adapter_sentence(evaluation),
        "known_sentence": known_sentence(evaluation),
        "data_caveat": results.data.caveat,
        "advice": summary.advice,
        "advice_sentence": advice_sentence(evaluation),
        "machine": machine_phrase(results.speed.machine) if results.speed else "",
        "data_fields": to_json(results.data).items(),
    }


def _alts(summary: EvaluationSummary) -> Mapping[str, str]:
    results = summary.results
    rows = (results.per_query[results.base], results.per_query[results.model])
    by_domain = " and by domain" if summary.comparison.breakdown else ""
    whole = f"overall{by_domain}, as dots with 95 % intervals; the tables hold the values."
    of_metrics = {m.name: f"{m.title} of each model {whole}" for m in shown_in(Shown.PLOT)}
    return of_metrics | {
        "rank_change": f"Rank of each query's passage before and after: {change_sentence(*rows)}",
        "training_curve": "Loss, learning rate and validation metrics over the training steps.",
        "mixing": f"Mixtures with the base model: {mixing_sentence(summary.published())}",
    }


def _data_address(content: bytes) -> str:
    return f"data:image/png;base64,{b64encode(content).decode('ascii')}"


def _hash_source(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
