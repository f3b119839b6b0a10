"""The plots of a report as PNG files: for the model card, and inside the page."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib import font_manager, style
from matplotlib.figure import Figure
from PIL import Image

from evaluation.report.charts import (
    LIGHT,
    Theme,
    draw_intervals,
    draw_mixing,
    draw_rank_change,
    draw_training_curve,
)
from evaluation.retrieval_metrics.definitions import Shown, shown_in
from evaluation.summary import EvaluationSummary
from nic.files import atomic_write

DOTS_PER_INCH = 240
COLOURS = 128
FONT = "DejaVu Sans"
# For letters that matplotlib's own font lacks, where the system has one of these.
FALLBACK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Arial Unicode MS",
    "Nirmala UI",
    "Leelawadee UI",
    "Segoe UI",
    "Noto Sans",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
)


def draw_plots(summary: EvaluationSummary, folder: Path) -> list[Path]:
    """Draws the plots that the summary has metrics for.

    One plot per metric of `Shown.PLOT` always, `rank_change.png` where another model than the
    base is under test, `mixing.png` where mixtures were measured, `training_curve.png` where the
    log of the training is known. Equal summaries give equal bytes.

    Args:
        summary: What to draw.
        folder: An existing folder.

    Returns:
        The files written.
    """
    paths = []
    for name, content in render_plots(summary).items():
        path = folder / f"{name}.png"
        with atomic_write(path) as staged:
            staged.write_bytes(content)
        paths.append(path)
    return paths


def render_plots(summary: EvaluationSummary, theme: Theme = LIGHT) -> dict[str, bytes]:
    """Returns the plots as PNG bytes by name; a domain that no font can name is numbered."""
    with style.context(["default", _settings(theme)]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        drawn = {name: draw(theme=theme) for name, draw in _drawings(summary).items()}
        return {name: _png(figure) for name, figure in drawn.items() if figure}


def _drawings(summary: EvaluationSummary) -> dict[str, Callable[..., Figure | None]]:
    results, comparison = summary.results, summary.comparison
    model, base = results.model, results.base
    drawings: dict[str, Callable[..., Figure | None]] = {
        metric.name: partial(draw_intervals, comparison, model, metric)
        for metric in shown_in(Shown.PLOT)
    }
    if model != base:
        rows = (results.per_query[base], results.per_query[model])
        drawings["rank_change"] = partial(draw_rank_change, *rows, (base, model))
    if results.mixing:
        drawings["mixing"] = partial(draw_mixing, results.mixing)
    if results.history:
        drawings["training_curve"] = partial(
            draw_training_curve, results.history, best_step=results.best_step
        )
    return drawings


def _png(figure: Figure) -> bytes:
    """PNG bytes of a palette, a third of the size, that name neither program nor time."""
    drawn, packed = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH, pil_kwargs={"compress_level": 1})
    picture = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(packed, format="png", optimize=True)
    return packed.getvalue()


def _settings(theme: Theme) -> dict[str, Any]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    text = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor"), theme.ink)
    edges = dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), theme.soft)
    faces = dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), theme.back)
    return {
        **text,
        **edges,
        **faces,
        "ytick.labelcolor": theme.ink,
        "font.family": [FONT, *[name for name in FALLBACK_FONTS if name in installed]],
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": theme.line,
        "grid.linewidth": 0.7,
        "legend.frameon": False,
    }
