"""The page in a real browser: no network, filters, narrow screens, and hostile text is text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chromium import Page, find_chromium, headless_page
from summaries import BASE, HISTORY, MODEL, PROBE_DATA, SPEED, results_of, summary_of, texts_of

from evaluation.report.page import render_report, write_page

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here: install it to see the page tested in it"
)

LONG = "The seal is pressed in. " * 20
HOSTILE = [
    "<script>document.title = 'broken'</script>",
    "</script><script>document.title = 'broken'</script>",
    "<img src=x onerror=\"document.title = 'broken'\">",
    "{{ 7*7 }} ${7*7}",
    "$x_1$ &lt;b&gt;",
    "\u202eright to left",
    "תנור חם",
    LONG.strip(),
]
DOMAINS = ["hoists", "pumps", HOSTILE[0], "w" * 150]
WIDER_THAN_THE_SCREEN = """
(() => {
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *:not(thead, thead *, option)")]
    .filter((part) => part.getBoundingClientRect().right > width + 0.5)
    .map((part) => `${part.tagName} ${part.textContent.slice(0, 40)}`);
})()
"""


@dataclass(frozen=True)
class Reader:
    """A person at the page.

    Attributes:
        page: The browser's page.
        report: The file with texts.
        ids: The file without.
    """

    page: Page
    report: Path
    ids: Path

    def open(self, **screen: Any) -> None:
        """Open the report anew."""
        self.page.open(self.report, **screen)

    def choose(self, control: str, label: str) -> None:
        """Choose an option by what it says."""
        self.page.run(f"""(() => {{
            const control = document.getElementById({json.dumps(control)});
            const options = [...control.options];
            control.value = options.find((o) => o.textContent === {json.dumps(label)}).value;
            control.dispatchEvent(new Event("change"));
        }})()""")

    def search(self, text: str) -> None:
        """Type into the search box, and wait until the table has followed."""
        self.page.run("""
            document.getElementById("search").select();
            globalThis.followed = new Promise((resolve) => {
                new MutationObserver(resolve).observe(
                    document.getElementById("count"), { childList: true });
            });
            0""")
        self.page.call("Input.insertText", text=text)
        self.page.run("followed.then(() => 0)")

    def count(self) -> str:
        """What is said above the table."""
        return str(self.page.run("document.getElementById('count').textContent"))

    def rows(self) -> list[list[str]]:
        """The cells of the table as they are seen."""
        found: list[list[str]] = self.page.run("""
            [...document.querySelectorAll("#rows tr")]
                .map((row) => [...row.cells].map((cell) => cell.innerText))""")
        return found

    def click(self, selector: str) -> None:
        """Click the first element of a kind."""
        self.page.run(f"document.querySelector({json.dumps(selector)}).click()")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Thirty queries in four domains, eight of them hostile, at a browser that has just started."""
    assert CHROMIUM
    ranks = {
        MODEL: [[1] * 8 + [2, 2], [9] * 3 + [1] * 12, [1, 2, 3], [4, 4]],
        BASE: [[3] * 10, [1] * 3 + [9] * 12, [1, 2, 3], [4, 4]],
        "BM25": [[3] * 10, [1] * 15, [1, 2, 3], [4, 4]],
    }
    by_domain = {name: dict(zip(DOMAINS, found, strict=True)) for name, found in ranks.items()}
    general = results_of({MODEL: {"general": [1, 9]}, BASE: {"general": [1, 1]}})
    facts: dict[str, Any] = {
        "probe": general,
        "probe_data": PROBE_DATA,
        "speed": SPEED,
    }
    summary = summary_of(results_of(by_domain), history=HISTORY, **facts)
    folder = tmp_path_factory.mktemp("page")
    write_page(summary, texts_of(summary, HOSTILE), folder / "report.html")
    (folder / "ids.html").write_text(render_report(summary, None, {}), encoding="utf-8")
    with headless_page(CHROMIUM, tmp_path_factory.mktemp("profile")) as page:
        yield Reader(page, folder / "report.html", folder / "ids.html")


def test_it_opens_with_no_network_and_no_error(reader: Reader) -> None:
    for path in (reader.ids, reader.report):
        reader.page.open(path)
        assert reader.page.requests == [path.as_uri()]
        assert reader.page.messages == []
        assert reader.count() == "30 of 30 queries: 22 won, 3 lost, 5 unchanged."
    drawn = "[...document.images].map((picture) => picture.complete && picture.naturalWidth)"
    assert reader.page.run(drawn) == [1200, 1200, 1200, 1200]


def test_the_table_shows_what_was_lost_first(reader: Reader) -> None:
    reader.open()
    first = reader.rows()[0]
    assert first[0] == "lost\n1 → 9"
    assert first[1] == "how to mend part 10\n\npumps · q10"
    assert first[2] == "mend part 10 with glue\n\np10"
    assert first[3] == "the expected passage\n\np10"
    assert first[4] == "wrong passage 1\n\nn1"


def test_queries_are_filtered_by_domain_and_by_result(reader: Reader) -> None:
    reader.open()
    reader.choose("domain", "pumps")
    assert reader.count() == "15 of 30 queries: 12 won, 3 lost, 0 unchanged."
    reader.choose("result", "lost")
    assert reader.count() == "3 of 30 queries: 0 won, 3 lost, 0 unchanged."
    assert [row[0] for row in reader.rows()] == ["lost\n1 → 9"] * 3
    reader.choose("result", "into the first 5")
    assert reader.count() == "12 of 30 queries: 12 won, 0 lost, 0 unchanged."
    reader.choose("domain", "hoists")
    assert reader.count() == "No query fits."
    assert reader.page.run("document.getElementById('table').hidden")


def test_queries_are_found_by_their_words_and_those_of_their_passages(reader: Reader) -> None:
    reader.open()
    reader.search("PART 17")
    assert [row[1].split("\n")[0] for row in reader.rows()] == ["how to mend part 17"]
    reader.search("glue 17 with")
    assert [row[1].split("\n")[0] for row in reader.rows()] == ["how to mend part 17"]
    reader.search("nothing of the kind")
    assert reader.count() == "No query fits."
    reader.search("q17")
    assert reader.count() == "1 of 30 queries: 1 won, 0 lost, 0 unchanged."


def test_any_two_models_can_be_compared(reader: Reader) -> None:
    reader.open()
    reader.choose("before", "BM25")
    assert reader.count() == "30 of 30 queries: 10 won, 3 lost, 17 unchanged."
    reader.choose("after", "BM25")
    assert reader.count() == "30 of 30 queries: 0 won, 0 lost, 30 unchanged."


def test_the_order_can_be_chosen(reader: Reader) -> None:
    reader.open()
    reader.choose("order", "largest gain first")
    assert [row[0] for row in reader.rows()[:13]] == ["won\n9 → 1"] * 12 + ["won\n3 → 1"]
    reader.choose("order", "as in the data")
    assert [row[1].rsplit(" ")[-1] for row in reader.rows()[:3]] == ["q0", "q1", "q2"]


def test_long_tables_are_turned_like_pages(reader: Reader) -> None:
    reader.open()
    place = "document.getElementById('place').textContent"
    assert (len(reader.rows()), reader.page.run(place)) == (25, "1 to 25 of 30")
    reader.click("#next")
    assert (len(reader.rows()), reader.page.run(place)) == (5, "26 to 30 of 30")
    assert reader.page.run("document.getElementById('next').disabled")
    reader.click("#previous")
    assert reader.page.run(place) == "1 to 25 of 30"


def test_a_long_passage_is_shortened_and_opens(reader: Reader) -> None:
    reader.open()
    reader.search("pressed")
    (row,) = reader.rows()
    assert row[2].startswith("The seal is pressed in. The seal")
    assert len(row[2]) < 220
    reader.click("button.more")
    (row,) = reader.rows()
    assert LONG.strip() in row[2]
    reader.click("button.more")
    assert len(reader.rows()[0][2]) < 220


def test_hostile_text_is_shown_as_text_and_runs_nothing(reader: Reader) -> None:
    reader.open()
    reader.choose("order", "as in the data")
    rows = reader.rows()[: len(HOSTILE)]
    assert [row[1].split("\n")[0] for row in rows] == HOSTILE
    assert [row[2].split("\n")[0] for row in rows[:-1]] == HOSTILE[:-1]
    assert reader.page.run("document.title") == f"{MODEL} against {BASE}"
    assert reader.page.run("document.querySelectorAll('script').length") == 2
    assert reader.page.run("document.images.length") == 4
    options = "[...document.getElementById('domain').options].map((o) => o.textContent)"
    assert reader.page.run(options) == ["all", *sorted(DOMAINS)]


def test_the_policy_would_stop_a_script_that_got_in(reader: Reader) -> None:
    reader.open()
    reader.page.run("""
        const made = document.createElement("script");
        made.textContent = "document.title = 'broken'";
        document.body.append(made);
        0""")
    assert reader.page.run("document.title") == f"{MODEL} against {BASE}"
    assert any("Content Security Policy" in message for message in reader.page.messages)


@pytest.mark.parametrize("width", [320, 360, 600, 800, 1280])
def test_nothing_is_wider_than_the_screen(reader: Reader, width: int) -> None:
    reader.open(width=width)
    inside_boxes = (
        "[...document.querySelectorAll('.wide')].some((b) => b.scrollWidth > b.clientWidth)"
    )
    wider = reader.page.run(WIDER_THAN_THE_SCREEN)
    root = "document.documentElement"
    assert reader.page.run(f"{root}.scrollWidth <= {root}.clientWidth")
    if width <= 600:
        assert wider == []
        assert not reader.page.run(inside_boxes)


def test_cells_on_a_narrow_screen_say_what_they_are(reader: Reader) -> None:
    reader.open(width=360)
    labels = "[...document.querySelector('#rows tr').cells].map((cell) => cell.dataset.label)"
    headers = "[...document.querySelectorAll('#table thead th')].map((cell) => cell.textContent)"
    assert reader.page.run(labels) == reader.page.run(headers)


def test_every_control_and_picture_has_a_name_and_every_header_a_scope(reader: Reader) -> None:
    reader.open()
    controls = "[...document.querySelectorAll('input, select')].map((c) => c.labels.length)"
    assert reader.page.run(controls) == [1] * 6
    assert reader.page.run("[...document.images].every((picture) => picture.alt.length > 20)")
    scopes = "[...document.querySelectorAll('th')].every((h) => ['row', 'col'].includes(h.scope))"
    assert reader.page.run(scopes)


def test_it_is_dark_on_a_dark_screen(reader: Reader) -> None:
    colours, pictures = set(), set()
    for dark in (False, True):
        reader.open(dark=dark)
        colours.add(reader.page.run("getComputedStyle(document.body).backgroundColor"))
        pictures.add(reader.page.run("document.images[0].currentSrc"))
    assert len(colours) == len(pictures) == 2


def test_ids_stand_in_the_place_of_texts_that_were_not_given(reader: Reader) -> None:
    reader.page.open(reader.ids)
    assert reader.rows()[0][1:] == ["pumps · q10", "p10", "the expected passage\n\np10", "n1"]
