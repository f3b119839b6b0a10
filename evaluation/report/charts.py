"""Draws the plots of a report as matplotlib figures, whatever file they are written to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from evaluation.comparison import ALIKE, BETTER, WORSE, Comparison, Estimate, Group
from evaluation.mixing import MixingCurve
from evaluation.report.sentences import FIRST, crossings
from evaluation.results import LogEntry
from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval_metrics.definitions import PRIMARY, Metric, Shown, shown_in

WIDTH = 5.0
LONGEST_LABEL = 22
ROOMY_ROWS = 12
OTHER_MARKERS = "^vDPX<>*"
# With more points on a curve than this, single ones are not marked.
MARKED_POINTS = 30
STEP = "step"
VALIDATION = {f"eval_validation_{m.key}": m.title for m in shown_in(Shown.PLOT)}
CURVES = {"loss": "loss", "learning_rate": "learning rate", **VALIDATION}


@dataclass(frozen=True)
class Theme:
    """Colours of a plot; those of the data are Okabe and Ito's, safe for the colour-blind.

    Attributes:
        ink: Text and axes.
        soft: What stands behind: other models, notes.
        line: Grid.
        back: Background.
        model: The model under test, and what got better.
        base: The base model, and what got worse.
    """

    ink: str
    soft: str
    line: str
    back: str
    model: str
    base: str


LIGHT = Theme("#1b1f24", "#57606a", "#d0d7de", "#ffffff", "#0072b2", "#d55e00")
DARK = Theme("#e6edf3", "#9aa4af", "#30363d", "#0d1117", "#56b4e9", "#e69f00")


def draw_intervals(comparison: Comparison, model: str, metric: Metric, theme: Theme) -> Figure:
    """Draws dots and whiskers: base against the model under test, overall and by domain.

    Args:
        comparison: Metrics of every model; further ones are drawn as fainter dots.
        model: The model under test.
        metric: A metric of the comparison.
        theme: Colours.
    """
    groups = comparison.listed
    height = (0.46 if len(groups) <= ROOMY_ROWS else 0.34) * len(groups) + 1.35
    figure = _figure(height)
    axes = figure.add_subplot()
    others = [name for name in comparison.models if name not in (model, comparison.baseline)]
    handles = {}
    for name, marker in zip(others, _markers(len(others)), strict=True):
        values = [group.estimates[name][metric.key].value for group in groups.values()]
        look: dict[str, Any] = {"marker": marker, "linestyle": "", "markersize": 4.5, "alpha": 0.6}
        (handles[name],) = axes.plot(values, range(len(groups)), color=theme.soft, **look)
    looks = [(comparison.baseline, "s", theme.base, -0.17), (model, "o", theme.model, 0.17)]
    for name, marker, colour, shift in looks[: 1 if model == comparison.baseline else 2]:
        found = [group.estimates[name][metric.key] for group in groups.values()]
        handles[name] = _whiskers(axes, found, shift, marker, colour)
    axes.set_yticks(range(len(groups)), _labels(comparison, groups), parse_math=False)
    axes.get_yticklabels()[0].set_fontweight("bold")
    if len(groups) > 1:
        axes.axhline(0.5, color=theme.soft, linewidth=0.8)
    axes.set(xlim=(-0.015, 1.015), ylim=(len(groups) - 0.5, -0.5))
    axes.grid(axis="x")
    notes = [f"{metric.title}; in brackets the number of queries"]
    notes += comparison.unlisted()
    if not all(map(_drawable, groups)):
        notes.append("domains without a name are numbered as in the tables")
    if model != comparison.baseline:
        notes += _write_differences(axes, groups, model, metric.key, theme)
    axes.set_xlabel("\n".join(notes))
    figure.suptitle(f"{metric.title} with 95 % intervals", **_title())
    compared = [name for name in handles if name not in others]
    _legend(figure, {name: handles[name] for name in [*compared, *others]})
    return figure


def draw_rank_change(
    before: Sequence[QueryResult],
    after: Sequence[QueryResult],
    names: tuple[str, str],
    theme: Theme,
) -> Figure:
    """Draws each query's rank before and after, on log axes; better below the diagonal.

    Args:
        before: Result of each query with the base model.
        after: The same with the model under test, in the same order.
        names: Of the two models.
        theme: Colours.
    """
    pairs = Counter((b.rank, a.rank) for b, a in zip(before, after, strict=True))
    figure = _figure(WIDTH + 0.4)
    axes = figure.add_subplot()
    end = max(max(pair) for pair in pairs) * 1.6 + 1
    reach = np.array([0.7, end])
    axes.fill_between(reach, 0.7, reach, color=theme.model, alpha=0.09, linewidth=0)
    axes.fill_between(reach, reach, end, color=theme.base, alpha=0.09, linewidth=0)
    axes.plot(reach, reach, color=theme.soft, linewidth=0.8)
    for line in (axes.axvline, axes.axhline):
        line(FIRST + 0.5, color=theme.soft, linewidth=0.8, linestyle=":")
    handles = {}
    for word, marker, colour, sign in (
        ("unchanged", "s", theme.soft, 0),
        ("better", "o", theme.model, -1),
        ("worse", "^", theme.base, 1),
    ):
        points = {(b, a): n for (b, a), n in pairs.items() if np.sign(a - b) == sign}
        _bubbles(axes, points, marker, colour)
        look: dict[str, Any] = {"marker": marker, "linestyle": "", "markersize": 6}
        name = f"{sum(points.values()):,} {word}"
        handles[name] = Line2D([], [], color=colour, **look)
    axes.set(xscale="log", yscale="log")
    for axis, name, when in ((axes.xaxis, names[0], "before"), (axes.yaxis, names[1], "after")):
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.set_minor_formatter(lambda value, _: str(FIRST) if round(value, 6) == FIRST else "")
        axis.set_label_text(f"rank {when}: {_shorten(name, 44)}", parse_math=False)
    axes.set(xlim=tuple(reach), ylim=tuple(reach), aspect="equal")
    asked = "1 query" if len(before) == 1 else f"{len(before):,} queries"
    figure.suptitle(f"Rank of the relevant passage, {asked}", **_title())
    came, left = crossings(before, after)
    axes.set_title(f"{came:,} into the first {FIRST}, {left:,} out of it", loc="left", fontsize=9)
    _legend(figure, dict(sorted(handles.items(), key=lambda item: item[0].split()[1])), 3)
    return figure


def draw_mixing(curve: MixingCurve, theme: Theme) -> Figure:
    """Draws what mixtures with the base model find against what they have forgotten.

    Args:
        curve: The mixtures; without a probe they are drawn over their weight.
        theme: Colours.
    """
    mixtures = curve.mixtures
    x = [mixture.probe.value if mixture.probe else mixture.weight for mixture in mixtures]
    y = [mixture.validation.value for mixture in mixtures]
    figure = _figure(WIDTH - 0.6)
    axes = figure.add_subplot()
    axes.plot(x, y, color=theme.soft, linewidth=1.0)
    names = ["base", *[f"{mixture.weight:g}" for mixture in mixtures[1:-1]], "tuned"]
    handles: dict[str, Line2D] = {}
    for place, mixture in enumerate(mixtures):
        saved, is_base = mixture.weight == curve.weight, place == 0
        colour = theme.model if saved else theme.base if is_base else theme.soft
        if saved or is_base:
            found = mixture.validation
            axes.vlines(x[place], found.low, found.high, color=colour, linewidth=1.6)
        look: dict[str, Any] = {"marker": "o" if saved else "s" if is_base else "D"}
        look |= {"linestyle": "", "markersize": 8 if saved else 5}
        (drawn,) = axes.plot([x[place]], [y[place]], color=colour, **look)
        if saved:
            handles[f"saved, weight {mixture.weight:g}"] = drawn
        axes.annotate(
            names[place],
            (x[place], y[place]),
            xytext=(7, -10 if place % 2 else 6),
            textcoords="offset points",
            color=colour,
            fontsize=8.5,
            fontweight="bold" if saved else "normal",
            path_effects=[withStroke(linewidth=3, foreground=theme.back)],
        )
    axes.margins(x=0.12, y=0.12)
    axes.grid(axis="both")
    axes.set_ylabel(f"{PRIMARY.title} on validation")
    probed = mixtures[0].probe is not None
    axes.set_xlabel(f"{PRIMARY.title} on the forgetting probe" if probed else "weight of the tuned")
    figure.suptitle("Mixtures with the base model, 95 % intervals", **_title())
    _legend(figure, handles)
    return figure


def draw_training_curve(
    history: Sequence[LogEntry], theme: Theme, best_step: int | None = None
) -> Figure | None:
    """Draws loss, learning rate and validation metrics over the steps, one below the other.

    Args:
        history: The Trainer's log; validation metrics at step 0 are those of the base model.
        theme: Colours.
        best_step: Step of the checkpoint that became the model; None where unknown.

    Returns:
        None where the log holds none of them.
    """
    curves = {name: _curve(history, key) for key, name in CURVES.items()}
    curves = {name: curve for name, curve in curves.items() if curve}
    if not curves:
        return None
    figure = _figure(1.35 * len(curves) + 0.9)
    rows = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    handles: dict[str, Line2D] = {}
    for axes, (name, curve) in zip(rows, curves.items(), strict=True):
        marker = "o" if len(curve) <= MARKED_POINTS else ""
        axes.plot([*curve], [*curve.values()], color=theme.model, marker=marker, markersize=3.5)
        axes.margins(y=0.15)
        axes.set_ylabel(name)
        axes.grid(axis="both")
        if name in VALIDATION.values():
            handles |= _mark_steps(axes, curve, best_step, theme)
        if best_step:
            axes.axvline(best_step, color=theme.soft, linewidth=0.8, linestyle=":")
    rows[-1].set_xlabel("optimizer step")
    rows[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.align_ylabels(rows)
    figure.suptitle("Training", **_title())
    if handles:
        _legend(figure, handles)
    return figure


def _figure(height: float) -> Figure:
    return Figure(figsize=(WIDTH, height), layout="constrained")


def _title() -> dict[str, Any]:
    return {"x": 0.02, "ha": "left", "fontweight": "bold", "fontsize": 10.5}


def _markers(count: int) -> list[str]:
    return [OTHER_MARKERS[n % len(OTHER_MARKERS)] for n in range(count)]


def _shorten(name: str, longest: int = LONGEST_LABEL) -> str:
    """Shortens a long name in the middle, for names often differ at their ends."""
    name = " ".join(name.split())
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def _whiskers(
    axes: Axes, found: Sequence[Estimate], shift: float, marker: str, colour: str
) -> Line2D:
    values = np.array([estimate.value for estimate in found])
    reach = [[e.value - e.low for e in found], [e.high - e.value for e in found]]
    drawn = axes.errorbar(
        values,
        np.arange(len(found)) + shift,
        xerr=np.clip(reach, 0, None),
        fmt=marker,
        color=colour,
        markersize=6,
        elinewidth=1.6,
        capsize=2.5,
    )
    line: Line2D = drawn.lines[0]
    return line


def _labels(comparison: Comparison, groups: Mapping[str, Group]) -> list[str]:
    """Returns name and size of groups; a name that no font can draw is its number in the tables."""
    numbers = {name: number for number, name in enumerate(comparison.groups)}
    return [
        f"{_shorten(name) if _drawable(name) else f'domain no. {numbers[name]}'} "
        f"({group.queries:,})"
        for name, group in groups.items()
    ]


def _drawable(name: str) -> bool:
    """Returns whether the fonts of the plot have every letter of a name."""
    fonts = [
        get_font(findfont(FontProperties(family=[family]))) for family in rcParams["font.family"]
    ]
    return all(
        sign.isspace() or any(font.get_char_index(ord(sign)) for font in fonts) for sign in name
    )


def _write_differences(
    axes: Axes, groups: Mapping[str, Group], model: str, key: str, theme: Theme
) -> list[str]:
    """Writes each difference with its verdict; returns notes on those unlike their interval."""
    notes: dict[str, str] = {}
    for row, group in enumerate(groups.values()):
        found = group.differences[model][key]
        colour = {BETTER: theme.model, WORSE: theme.base}.get(found.verdict, theme.soft)
        word = found.verdict if found.verdict != ALIKE else "unclear"
        mark = ""
        if found.unlike_interval:
            mark = notes.setdefault(found.unlike_interval, "*" * (len(notes) + 1))
        axes.annotate(
            f"{found.value:+.3f} {word}{mark}",
            (1.0, row),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=8.5,
            fontweight="normal" if found.verdict == ALIKE else "bold",
        )
    return [f"{mark} {reason}" for reason, mark in notes.items()]


def _legend(figure: Figure, handles: Mapping[str, Line2D], columns: int = 2) -> None:
    """Adds a legend whose names are plain text, whatever characters they hold."""
    legend = figure.legend(
        list(handles.values()),
        [str(n) for n in range(len(handles))],
        loc="outside lower left",
        ncols=columns,
    )
    for text, name in zip(legend.get_texts(), handles, strict=True):
        text.set_parse_math(False)
        text.set_text(_shorten(name, 30))


def _bubbles(axes: Axes, points: Mapping[tuple[int, int], int], marker: str, colour: str) -> None:
    """Draws a mark for each pair of ranks; its area grows with the root of its queries."""
    x, y = np.array([*points]).reshape(-1, 2).T
    area = np.minimum(14 * np.sqrt([*points.values()]), 400)
    axes.scatter(x, y, s=area, marker=marker, color=colour, alpha=0.6, linewidth=0)


def _mark_steps(
    axes: Axes, curve: Mapping[int, float], best_step: int | None, theme: Theme
) -> dict[str, Line2D]:
    """Marks the base model at step 0 and the chosen checkpoint; returns what the legend shows."""
    marks = [("base model", 0, "s", theme.base, 7), ("chosen checkpoint", best_step, "*", "", 13)]
    handles = {}
    for name, step, marker, colour, size in marks:
        if step is not None and step in curve:
            look: dict[str, Any] = {"linestyle": "", "markersize": size, "zorder": 3}
            colour = colour or theme.model
            handles[name] = axes.plot(step, curve[step], marker, color=colour, **look)[0]
    return handles


def _curve(history: Sequence[LogEntry], key: str) -> dict[int, float]:
    """Returns the values by step; of several at one step the last."""
    points = [(entry[STEP], entry[key]) for entry in history if key in entry and STEP in entry]
    found = {x: y for x, y in points if isinstance(x, int) and isinstance(y, (int, float))}
    return dict(sorted(found.items()))
