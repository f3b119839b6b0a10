"""The plots: what they show is what was measured, whatever the names, on any machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image
from summaries import BASE, HISTORY, MODEL, results_of, rows_of, summary_of, two_domains

from evaluation.mixing import MixingCurve, measure_mixtures
from evaluation.report.charts import (
    LIGHT,
    draw_intervals,
    draw_mixing,
    draw_rank_change,
    draw_training_curve,
)
from evaluation.report.plots import draw_plots, render_plots
from evaluation.results import LogEntry
from evaluation.retrieval_metrics.definitions import METRICS
from evaluation.summary import EvaluationSummary

# Queries found of ten, by weight.
COUNTS = {0.0: 2, 0.5: 6, 1.0: 4}
HOSTILE_NAMES = ["$x_1$", "a_b^{c}$\\frac$", "x" * 200, "_hidden", "line\nbreak", "תנור חם"]


def named(domains: list[str], model: str = MODEL) -> EvaluationSummary:
    """Three queries a domain."""
    ranks = {name: {domain: [1, 2, 8] for domain in domains} for name in (model, BASE)}
    return summary_of(results_of(ranks), model=model)


def intervals(summary: EvaluationSummary, metric: str = "recall@5") -> Figure:
    (drawn,) = (entry for entry in METRICS if entry.key == metric)
    return draw_intervals(summary.comparison, summary.results.model, drawn, LIGHT)


def points(drawn: Any) -> list[list[float]]:
    found: list[list[float]] = np.asarray(drawn).tolist()
    return found


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_each_plot_is_drawn_where_there_is_something_to_draw(tmp_path: Path) -> None:
    names = ["recall_at_5.png", "mrr.png", "rank_change.png", "training_curve.png"]
    assert [path.name for path in draw_plots(two_domains(history=HISTORY), tmp_path)] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert [path.name for path in draw_plots(two_domains(), tmp_path)] == names[:3]
    nothing_known = two_domains(history=[{"train_runtime": 1.0, "step": 3}])
    assert list(render_plots(nothing_known)) == ["recall_at_5", "mrr", "rank_change"]


def test_the_base_model_by_itself_has_no_rank_change() -> None:
    summary = summary_of(results_of({BASE: {"pumps": [1, 2, 3]}}), model=BASE)
    assert list(render_plots(summary)) == ["recall_at_5", "mrr"]


def test_equal_summaries_give_equal_bytes_whatever_the_users_matplotlib_settings() -> None:
    first = render_plots(two_domains(history=HISTORY))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 10}):
        second = render_plots(two_domains(history=HISTORY))
    assert first == second


def test_a_png_is_twice_600_pixels_wide_and_names_no_program_or_time(tmp_path: Path) -> None:
    for path in draw_plots(two_domains(history=HISTORY), tmp_path):
        with Image.open(path) as picture:
            assert picture.width == 1200
            assert not set(picture.info) & {"Software", "Creation Time", "date:create"}


def test_dots_and_whiskers_stand_at_the_estimates() -> None:
    summary = two_domains()
    axes = intervals(summary, "mrr").axes[0]
    drawn = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    for container, name in zip(drawn, (BASE, MODEL), strict=True):
        groups = summary.comparison.groups.values()
        found = [group.estimates[name]["mrr"] for group in groups]
        dots, _, (bars,) = container.lines
        assert isinstance(bars, LineCollection)
        assert np.asarray(dots.get_xdata()).tolist() == [estimate.value for estimate in found]
        ends = [tuple(segment[:, 0]) for segment in bars.get_segments()]
        assert ends == [pytest.approx((estimate.low, estimate.high)) for estimate in found]


def test_models_differ_in_their_marker_and_not_only_in_colour() -> None:
    ranks = {name: {"pumps": [1, 2, 8]} for name in (MODEL, BASE, "BM25", "fusion", "v0.9")}
    legend = intervals(summary_of(results_of(ranks))).legends[0]
    handles = [handle for handle in legend.legend_handles if isinstance(handle, Line2D)]
    markers = [handle.get_marker() for handle in handles]
    assert len(set(markers)) == 5
    assert [text.get_text() for text in legend.get_texts()] == [
        BASE,
        MODEL,
        "BM25",
        "fusion",
        "v0.9",
    ]


def test_a_verdict_unlike_its_interval_is_explained_below_the_plot() -> None:
    ranks = {MODEL: [1] * 6, BASE: [9] * 6}
    found = {name: {"hoists": rows, "pumps": [1] * 6} for name, rows in ranks.items()}
    words = words_of(intervals(summary_of(results_of(found))))
    assert "+1.000 unclear*" in words
    assert any(text.endswith("\n* after correction for 2 domains") for text in words)


def test_a_domain_that_no_font_can_name_has_its_number_in_the_tables() -> None:
    words = words_of(intervals(named(["pumps", "\U000e0fff"])))
    assert "domain no. 2 (3)" in words
    assert any(
        text.endswith("\ndomains without a name are numbered as in the tables") for text in words
    )


def test_of_many_domains_those_that_the_tables_list_are_drawn() -> None:
    domains = {f"d{n:03}": [1, 2] if n < 20 else [9] if n < 30 else [1] for n in range(100)}
    summary = summary_of(results_of({MODEL: domains, BASE: domains}))
    axes = intervals(summary).axes[0]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "overall (120)"
    assert [label.split()[0] for label in labels[1:]] == [f"d{n:03}" for n in range(30)]
    assert [label.split()[0] for label in labels] == list(summary.comparison.listed)
    assert axes.get_xlabel().endswith("\nand 70 domains more, which results.json has")


def test_every_difference_is_written_with_its_verdict() -> None:
    summary = two_domains()
    words = words_of(intervals(summary))
    hoists = summary.comparison.groups["hoists"].differences[MODEL]["recall@5"]
    assert f"{hoists.value:+.3f} better" in words
    assert "-0.200 unclear" in words


@pytest.mark.parametrize("metric", ["recall@5", "mrr"])
def test_names_are_shown_as_plain_text(metric: str) -> None:
    figure = intervals(named(HOSTILE_NAMES, model="org/$a_1$\\frac"), metric)
    words = words_of(figure)
    assert "$x_1$ (3)" in words
    assert "a_b^{c}$\\frac$ (3)" in words
    assert "org/$a_1$\\frac" in words
    assert "_hidden (3)" in words
    drawn = [text for text in figure.findobj(Text) if text.get_visible()]
    dangerous = [text for text in drawn if "$" in text.get_text()]
    assert len(dangerous) == 3
    assert not any(text.get_parse_math() for text in dangerous)


@pytest.mark.parametrize(
    "domains", [["pumps"], [f"domain {n}" for n in range(40)], HOSTILE_NAMES], ids=len
)
def test_nothing_is_cut_off(domains: list[str]) -> None:
    summary = named(domains, model="a_model_with_a_name_" * 6)
    rows = summary.results.per_query
    names = (BASE, summary.results.model)
    ranks = draw_rank_change(rows[BASE], rows[summary.results.model], names, LIGHT)
    for figure in (intervals(summary), ranks):
        FigureCanvasAgg(figure).draw()
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= width
        assert box.y1 <= height


def test_the_rank_change_counts_each_query_once() -> None:
    before = rows_of("pumps", [1, 1, 5, 9, 9, 30])
    after = rows_of("pumps", [1, 2, 5, 1, 1, 2])
    figure = draw_rank_change(before, after, (BASE, MODEL), LIGHT)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["3 better", "2 unchanged", "1 worse"]
    assert figure.axes[0].get_title(loc="left") == "3 into the first 5, 0 out of it"
    axes = figure.axes[0]
    marks = [tuple(point) for c in axes.collections[2:] for point in points(c.get_offsets())]
    assert sorted(marks) == [(1, 1), (1, 2), (5, 5), (9, 1), (30, 2)]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert f"rank before: {BASE}" in words_of(figure)
    assert f"rank after: {MODEL}" in words_of(figure)


def test_all_ranks_unchanged_can_be_drawn() -> None:
    rows = rows_of("pumps", [1, 1])
    figure = draw_rank_change(rows, rows, (BASE, MODEL), LIGHT)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["0 better", "2 unchanged", "0 worse"]


WITH_BASE: list[LogEntry] = [
    {"eval_validation_recall@5": 0.5, "eval_validation_mrr": 0.5, "epoch": 0.0, "step": 0},
    *HISTORY,
]


def test_the_training_curve_shows_the_log() -> None:
    figure = draw_training_curve(HISTORY, LIGHT)
    assert figure
    loss, rate, recall, mrr = figure.axes
    assert points(loss.lines[0].get_xydata()) == [[10, 1.5], [20, 0.9], [30, 0.6]]
    assert points(rate.lines[0].get_xydata()) == [[10, 2e-5], [20, 1e-5], [30, 5e-6]]
    assert [axes.get_ylabel() for axes in (recall, mrr)] == ["Recall@5", "MRR"]
    assert points(mrr.lines[0].get_xydata()) == [[20, 0.6], [30, 0.65]]
    assert figure.legends == []


def test_the_training_curve_begins_with_the_base_and_marks_the_chosen_checkpoint() -> None:
    figure = draw_training_curve(WITH_BASE, LIGHT, best_step=20)
    assert figure
    for axes, base, chosen in ((figure.axes[2], 0.5, 0.7), (figure.axes[3], 0.5, 0.6)):
        curve, first, best, _ = axes.lines
        assert points(curve.get_xydata())[0] == points(first.get_xydata())[0] == [0, base]
        assert points(best.get_xydata()) == [[20, chosen]]
        assert (first.get_marker(), best.get_marker()) == ("s", "*")
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["base model", "chosen checkpoint"]


def test_no_two_points_of_a_curve_stand_at_one_step() -> None:
    again: list[LogEntry] = [{"eval_validation_recall@5": 0.6, "step": 20}]
    figure = draw_training_curve([*WITH_BASE, *again], LIGHT, best_step=20)
    assert figure
    assert points(figure.axes[2].lines[0].get_xydata()) == [[0, 0.5], [20, 0.6], [30, 0.8]]
    assert all(len({tuple(p) for p in points(a.lines[0].get_xydata())}) > 2 for a in figure.axes)


def test_the_training_curve_leaves_out_what_was_not_logged() -> None:
    figure = draw_training_curve(HISTORY[:2], LIGHT)
    assert figure
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "learning rate"]
    assert draw_training_curve([{"train_loss": 1.0, "step": 3}], LIGHT) is None


@pytest.mark.parametrize("probed", [True, False])
def test_mixtures_stand_at_what_they_find_and_the_saved_one_is_named(probed: bool) -> None:
    found = {weight: rows_of("a", [1] * n + [20] * (10 - n)) for weight, n in COUNTS.items()}
    mixtures = measure_mixtures(found, found if probed else None)
    figure = draw_mixing(MixingCurve("auto", 0.5, mixtures), LIGHT)
    axes = figure.axes[0]
    across = [0.2, 0.6, 0.4] if probed else [0.0, 0.5, 1.0]
    marked = axes.lines[1:]
    assert [points(line.get_xdata()) for line in marked] == [[pytest.approx(x)] for x in across]
    assert [points(line.get_ydata()) for line in marked] == [[0.2], [0.6], [0.4]]
    assert [text.get_text() for text in axes.texts] == ["base", "0.5", "tuned"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["saved, weight 0.5"]
    assert ("probe" in axes.get_xlabel()) is probed
