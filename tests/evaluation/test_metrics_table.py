"""The metrics table is the one place that names a metric."""

from __future__ import annotations

import ast
from pathlib import Path

from evaluation.retrieval_metrics.definitions import METRICS, PRIMARY, Shown

PROJECT = Path(__file__).resolve().parents[2]
TABLE = PROJECT / "evaluation" / "retrieval_metrics" / "definitions.py"
ROOMS = ("evaluation", "model_card", "training")
MODULES = sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.py") if path != TABLE)
TEMPLATES = sorted(path for room in ROOMS for path in (PROJECT / room).rglob("*.jinja"))
NAMES = [name for metric in METRICS for name in (metric.key, metric.title)]


def strings(code: str) -> list[str]:
    """Every string of a module but its docstrings."""
    tree = ast.parse(code)
    statements = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if node not in statements
    ]


def test_no_module_names_a_metric_outside_the_table() -> None:
    assert len(MODULES) > 50
    found = [(path, text) for path in MODULES for text in strings(path.read_text("utf-8"))]
    assert [(path, text) for path, text in found if any(name in text for name in NAMES)] == []


def test_no_template_names_a_metric() -> None:
    assert len(TEMPLATES) > 1
    found = {path: path.read_text("utf-8") for path in TEMPLATES}
    assert [(path, name) for path, text in found.items() for name in NAMES if name in text] == []


def test_a_literal_would_be_found_and_a_docstring_is_none() -> None:
    assert strings('"""MRR of a model."""\nprint(f"mrr {1}", "MRR")') == ["MRR", "mrr "]


def test_what_needs_an_interval_is_compared() -> None:
    need = Shown.CONSOLE | Shown.REPORT | Shown.REPORT_DETAILS | Shown.PLOT | Shown.GATE
    need |= Shown.CHECKPOINT
    for metric in METRICS:
        assert not metric.shown & need or Shown.COMPARISON in metric.shown, metric.key
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    assert PRIMARY.key == "recall@5"
