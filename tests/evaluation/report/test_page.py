"""The page: its metrics are those of the summary, and what comes from the data stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markupsafe import escape
from summaries import (
    BASE,
    CANDIDATES,
    HISTORY,
    MODEL,
    PROBE_DATA,
    SPEED,
    results_of,
    summary_of,
    texts_of,
    two_domains,
)

from evaluation.comparison import Comparison
from evaluation.report.page import draw_page_plots, embed_json, render_report
from evaluation.summary import EvaluationSummary

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!-- <script>",
    "{{ 7*7 }}{% raw %}",
    "$x_1$ & &lt;b&gt;",
    "\u202eright to left\u202c תנור",
    "line\u2028and\u2029paragraph",
    "half a pair \ud800",
]


class Reader(HTMLParser):
    """Collects the rows of tables, the text outside them, and every element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.contents: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "br" and self.rows:
            self.rows[-1][-1] += " "
        if tag in ("title", "style", "script", "p", "h1", "li", "td", "th", "dd"):
            self.open.append(tag)
            self.contents.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        """Note its end."""
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        """Note text."""
        if self.open:
            self.contents[self.open[-1]][-1] += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def data(self) -> dict[str, Any]:
        """What the script is given."""
        content: dict[str, Any] = json.loads(self.contents["script"][0])
        return content


def read(summary: EvaluationSummary, quotes: bool = True) -> Reader:
    return Reader(render_report(summary, texts_of(summary) if quotes else None, {}))


def lines(comparison: Comparison, model: str, metric: str) -> list[list[str]]:
    """The rows that a reader of the summary would write down."""
    rows = []
    for name, group in comparison.groups.items():
        before, after = (group.estimates[m][metric] for m in (comparison.baseline, model))
        found = group.differences[model][metric]
        cells = [f"{e.value:.4f} [{e.low:.3f}, {e.high:.3f}]" for e in (before, after)]
        difference = f"{found.value:+.4f} [{found.low:+.3f}, {found.high:+.3f}]"
        size = f"{group.queries} / {group.clusters}"
        verdict = [f"{found.adjusted_p:.4f}", found.in_words]
        rows.append([name, size, *cells, difference, *verdict])
    return rows


def whole() -> EvaluationSummary:
    """Everything that an evaluation can find out, with one more model."""
    ranks = {
        MODEL: {"hoists": [1] * 9 + [12], "pumps": [1, 2, 3]},
        BASE: {"hoists": [20] * 9 + [1], "pumps": [1, 2, 9]},
        "BM25": {"hoists": [4] * 10, "pumps": [2, 2, 2]},
    }
    general = results_of({MODEL: {"general": [1, 9, 1]}, BASE: {"general": [1, 1, 1]}})
    facts: dict[str, Any] = {
        "probe": general,
        "probe_data": PROBE_DATA,
        "speed": SPEED,
    }
    return summary_of(results_of(ranks), history=HISTORY, loads=True, **facts)


@pytest.mark.parametrize("model", [MODEL, "BM25"])
@pytest.mark.parametrize("metric", ["recall@5", "mrr", "ndcg@10"])
def test_the_tables_hold_the_metrics_of_the_summary(metric: str, model: str) -> None:
    summary = whole()
    expected = lines(summary.comparison, model, metric)
    rows = read(summary).rows
    places = [n for n in range(len(rows)) if rows[n : n + len(expected)] == expected]
    assert len(places) == 1
    macro = [f"{summary.reports[name].macro[metric]:.4f}" for name in (BASE, model)]
    after = rows[places[0] + len(expected)]
    assert after == ["mean of the domains", "", *macro, "", "", ""]


def test_every_model_stands_in_one_table() -> None:
    summary = whole()
    row = next(row for row in read(summary).rows if row[0] == "BM25" and len(row) == 7)
    found = summary.comparison.overall.differences["BM25"]["mrr"]
    text = f"{found.value:+.4f} [{found.low:+.3f}, {found.high:+.3f}] {found.in_words}"
    assert row[4] == text


def test_probe_and_speed_are_shown() -> None:
    summary = whole()
    assert summary.probe
    reader = read(summary)
    probe = lines(summary.probe, MODEL, "recall@5")[0]
    assert ["Recall@5", *probe[2:]] in reader.rows
    assert [MODEL, "4.2 ms", "6.5 ms", "8.8 ms", "200", "1,600", "84", "11,300"] in reader.rows
    machine = "Some Processor <x>, 8 cores, 4 threads, device cpu, load average 0.25 before"
    assert any(text.startswith(machine) for text in reader.contents["p"])


def test_each_gate_is_shown_with_what_came_of_it() -> None:
    summary = whole()
    page = render_report(summary, None, {})
    for gate in summary.gates:
        result = "passed" if gate.passed else "failed"
        assert f"{result}</span>: {escape(gate.sentence)}</li>" in page
        assert gate.name not in page
    assert {gate.passed for gate in summary.gates} == {True, False}


def test_the_page_begins_with_the_verdict_in_words() -> None:
    summary = two_domains(chose_checkpoint=False)
    reader = read(summary)
    assert reader.contents["h1"] == [f"{MODEL} is better than {BASE} in Recall@5 and MRR"]
    assert reader.contents["li"][:3] == [
        "Better in 1 of 2 domains: hoists.",
        "Worse in no domain.",
        "Not distinguishable in 1 of 2 domains: pumps.",
    ]
    assert (
        "By query: 12 queries won, 3 lost, 15 unchanged; 12 came into the first 5, "
        "3 fell out of it." in reader.contents["p"]
    )
    passed = sum(gate.passed for gate in summary.gates)
    assert any(
        text.startswith(f"{passed} of 7 gates passed. Failed: ") for text in reader.contents["p"]
    )


def test_what_is_not_distinguishable_is_not_called_better() -> None:
    ranks = {MODEL: {"pumps": [1] * 12 + [2]}, BASE: {"pumps": [2] * 12 + [1]}}
    reader = read(summary_of(results_of(ranks)))
    assert reader.contents["h1"] == [
        f"{MODEL} is better than {BASE} in MRR, and not distinguishable in Recall@5"
    ]
    same = {name: {"pumps": [1, 2, 3]} for name in (MODEL, BASE)}
    reader = read(summary_of(results_of(same)))
    assert reader.contents["h1"] == [
        f"{MODEL} is not distinguishable from {BASE} in Recall@5 and MRR"
    ]


def test_a_worse_model_is_called_worse() -> None:
    ranks = {MODEL: {"pumps": [9] * 12}, BASE: {"pumps": [1] * 12}}
    reader = read(summary_of(results_of(ranks)))
    assert reader.contents["h1"] == [f"{MODEL} is worse than {BASE} in Recall@5 and MRR"]
    assert ("div", {"class": "verdict bad"}) in reader.elements


def test_the_base_model_by_itself_is_compared_with_nothing() -> None:
    summary = summary_of(results_of({BASE: {"pumps": [1, 2, 9]}}), model=BASE)
    reader = read(summary)
    assert reader.contents["h1"] == [
        f"{BASE} is the base model: there is nothing to compare it with"
    ]
    found = summary.comparison.overall.estimates[BASE]["mrr"]
    cells = f"{found.value:.4f} [{found.low:.3f}, {found.high:.3f}]"
    assert ["overall", "3 / 3", cells] in reader.rows


@pytest.mark.parametrize(
    ("chose", "words"),
    [
        (True, "The metrics come from the part that also chose the checkpoint, so they are opt"),
        (False, "The metrics come from a test part: neither training nor the choice of the"),
        (None, "It is not known whether these queries chose the checkpoint"),
    ],
)
def test_it_says_what_the_metrics_come_from(chose: bool | None, words: str) -> None:
    texts = read(two_domains(chose_checkpoint=chose)).contents["p"]
    assert [text for text in texts if text.startswith(words)]
    assert len([text for text in texts if "chose the checkpoint" in text]) == (chose is not False)


def test_it_says_what_the_queries_were_ranked_against() -> None:
    texts = read(two_domains()).contents["p"]
    claim = f"30 queries in 30 independent groups, each ranked against {CANDIDATES} passages."
    assert any(text.endswith(claim) for text in texts)


def test_queries_are_given_to_the_script_with_their_passages_once() -> None:
    summary = two_domains()
    data = read(summary).data()
    assert (data["models"], data["model"], data["base"]) == ([MODEL, BASE], 0, 1)
    assert data["domains"] == ["hoists", "pumps"]
    first, last = data["queries"][0], data["queries"][-1]
    passages = data["passages"]
    assert first[:3] == ["q0", "how to mend part 0", 0]
    assert [passages[place] for place in first[3]] == [["p0", "mend part 0 with glue"]]
    assert first[4] == [1, 20]
    assert [passages[place][0] for place in first[5]] == ["p0", "n1"]
    assert (last[0], last[4]) == ("q29", [3, 3])
    assert len(passages) == len({id_ for id_, _ in passages}) == 31


def test_without_texts_only_ids_are_shown_and_the_page_says_so() -> None:
    reader = read(two_domains(), quotes=False)
    data = reader.data()
    assert {query[1] for query in data["queries"]} == {None}
    assert {text for _, text in data["passages"]} == {None}
    assert data["passages"][data["queries"][0][3][0]][0] == "p0"
    assert reader.contents["p"][0].startswith("Ids only: the texts of the data were not given")


def test_without_texts_a_passage_that_no_model_found_is_not_named() -> None:
    ranks = {MODEL: {"pumps": [1, 30]}, BASE: {"pumps": [15, 40]}}
    data = read(summary_of(results_of(ranks)), quotes=False).data()
    assert [[data["passages"][n][0] for n in query[3]] for query in data["queries"]] == [["p0"], []]


def test_a_page_that_quotes_says_that_it_must_not_be_published() -> None:
    first = read(two_domains()).contents["p"][0]
    assert first.startswith("Not for publication: this page quotes queries and passages")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_unchanged_and_ends_no_element(text: str) -> None:
    embedded = embed_json([text])
    assert json.loads(embedded) == [text]
    assert not re.search("[<>&\u2028\u2029]", embedded)
    assert embedded.encode("utf-8")


def test_hostile_texts_and_names_add_no_element_to_the_page() -> None:
    domains = [*HOSTILE[:-1]]
    ranks = {name: dict.fromkeys(domains, [1, 2, 7]) for name in (MODEL, BASE, "<b>BM25</b>")}
    plain = {name: {f"d{n}": [1, 2, 7] for n in range(7)} for name in (MODEL, BASE, "other")}
    summary = summary_of(results_of(ranks))
    page = render_report(summary, texts_of(summary, HOSTILE), {})
    hostile = Reader(page.encode("utf-8").decode("utf-8"))
    harmless = read(summary_of(results_of(plain)))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert [row[0] for row in hostile.rows if row[0] in domains and len(row) > 3] == [
        *sorted(domains) * 6
    ]
    assert [query[1] for query in hostile.data()["queries"][:8]] == HOSTILE


def test_the_policy_allows_this_style_and_this_script_and_no_network() -> None:
    summary = two_domains(history=HISTORY)
    reader = Reader(render_report(summary, None, draw_page_plots(summary)))
    policy = next(a["content"] for tag, a in reader.elements if a.get("http-equiv"))
    assert policy
    for tag, place in (("style", 0), ("script", 1)):
        digest = hashlib.sha256(reader.contents[tag][place].encode("utf-8")).digest()
        assert f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    addresses = [a.get(key) or "" for _, a in reader.elements for key in ("src", "href", "srcset")]
    assert all(not a or a.startswith(("data:image/png;base64,", "#")) for a in addresses)
    assert not any("style" in attributes for _, attributes in reader.elements)


def test_every_picture_has_a_text_in_its_place_and_a_dark_form() -> None:
    pictures = draw_page_plots(two_domains(history=HISTORY))
    assert {name: picture.alt.split(" ")[0] for name, picture in pictures.items()} == {
        "recall_at_5": "Recall@5",
        "mrr": "MRR",
        "rank_change": "Rank",
        "training_curve": "Loss,",
    }
    reader = Reader(render_report(two_domains(), None, pictures))
    shown = [attributes for tag, attributes in reader.elements if tag in ("source", "img")]
    for picture, (dark, light) in zip(
        pictures.values(), zip(shown[::2], shown[1::2], strict=True), strict=True
    ):
        assert (light["src"], light["alt"]) == (picture.light, picture.alt)
        assert dark["srcset"] == picture.dark != picture.light


def test_equal_summaries_give_equal_pages() -> None:
    one, other = whole(), whole()
    assert render_report(one, texts_of(one), {}) == render_report(other, texts_of(other), {})


def test_links_lead_to_sections_that_are_there() -> None:
    for summary in (whole(), two_domains()):
        elements = read(summary).elements
        targets = {attributes["href"] for tag, attributes in elements if tag == "a"}
        assert targets <= {f"#{attributes.get('id')}" for _, attributes in elements}
