"""How a search over training settings is shown: a sentence, and a table of its trials."""

from __future__ import annotations

from evaluation.report.tables import align
from evaluation.retrieval_metrics.definitions import CHECKPOINT_METRICS, PRIMARY
from evaluation.trials import COMPLETE, STATES, Search, Setting, Settings, Trial


def search_sentence(search: Search | None) -> str:
    """Returns among how many trials the settings were chosen; empty without a search."""
    if search is None:
        return ""
    others = [f"{search.count(state)} {state}" for state in STATES if state != COMPLETE]
    first, chosen = (_score(search.trials[number]) for number in (0, search.chosen))
    given = "trial 0, with the settings that the search was given"
    compared = f"{given}, has {PRIMARY.title} {first} there"
    if search.chosen:
        compared = f"trial {search.chosen} has {PRIMARY.title} {chosen} there; {given}, has {first}"
    return (
        f"These settings were chosen among {len(search.trials)} trials ({', '.join(others)}) on "
        f"the validation queries: {compared}. The best of several is optimistically biased on "
        "the queries that chose it."
    )


def trial_rows(search: Search) -> list[list[str]]:
    """Returns a head and one row per trial: best first, then those that were stopped or failed."""
    names = list(search.trials[0].settings) if search.trials else []
    metrics = [metric.title for metric in CHECKPOINT_METRICS]
    head = ["Trial", "State", *metrics, "Seconds", *names]
    ordered = sorted(search.trials, key=_place)
    return [
        head,
        *([*_facts(trial), *map(show_setting, trial.settings.values())] for trial in ordered),
    ]


def show_trials(search: Search) -> str:
    """Returns the table as text, with the number of trials above it."""
    rows = trial_rows(search)
    sides = "rl" + "r" * (len(rows[0]) - 2)
    counts = ", ".join(f"{search.count(state)} {state}" for state in STATES)
    return "\n".join([f"Trials: {counts}; the best first", *align(rows, sides)])


def show_setting(value: Setting) -> str:
    """Returns a value, a number with its first three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def show_settings(settings: Settings) -> str:
    """Returns settings as in "learning_rate=5e-05, epochs=3"."""
    return ", ".join(f"{name}={show_setting(value)}" for name, value in settings.items())


def _score(trial: Trial) -> str:
    return f"{trial.best.metrics[PRIMARY.key]:.4f}" if trial.best else "no value"


def _place(trial: Trial) -> tuple[int, list[float], int]:
    best = trial.best.score if trial.best else ()
    return STATES.index(trial.state), [-value for value in best], trial.number


def _facts(trial: Trial) -> list[str]:
    best = trial.best
    found = [f"{value:.4f}" for value in best.score] if best else ["-"] * len(CHECKPOINT_METRICS)
    return [str(trial.number), trial.state, *found, f"{trial.seconds:.0f}"]
