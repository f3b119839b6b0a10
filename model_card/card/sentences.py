"""The sentences of the card that depend on what was measured."""

from __future__ import annotations

import html
import re
import shlex
from collections.abc import Mapping
from typing import Any

from evaluation.comparison import ALIKE, BETTER, WORSE
from evaluation.retrieval.task import OVERALL
from evaluation.retrieval_metrics.definitions import PRIMARY

MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
KEY = PRIMARY.key
USAGE = """from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
queries = model.encode(["pump runs but nothing moves"])
passages = model.encode(["Check the coupling.", "Charge the battery."])
print(model.similarity(queries, passages))"""


def as_text(value: object) -> str:
    """Show any text in Markdown or HTML as itself, on one line."""
    line = " ".join(str(value).split())
    return MARKDOWN.sub(r"\\\1", html.escape(line, quote=False))


def as_code(content: str, language: str) -> str:
    """A fenced block that its content cannot end."""
    longest = max((len(run) for run in re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def verdict(evaluation: Mapping[str, Any]) -> str:
    """Whether the model is better than its base, in one sentence."""
    found = _differences(evaluation, OVERALL)
    if found is None:
        return "This is the base model itself."
    word = {BETTER: "Better", WORSE: "Worse", ALIKE: "Not distinguishable from"}[found["verdict"]]
    than = "" if found["verdict"] == ALIKE else " than"
    values = [
        evaluation["comparison"]["groups"][OVERALL]["estimates"][evaluation[name]][KEY]["value"]
        for name in ("base", "model")
    ]
    return (
        f"{word}{than} {as_text(evaluation['base'])}: {PRIMARY.title} {values[0]:.3f} before, "
        f"{values[1]:.3f} now ({interval(found)}, p {_p(found)}, over "
        f"{evaluation['comparison']['groups'][OVERALL]['queries']} held-out queries)."
    )


def domain_findings(evaluation: Mapping[str, Any]) -> list[str]:
    """Which domains are better, worse, and not distinguishable, by the primary metric."""
    by_verdict: dict[str, list[str]] = {BETTER: [], WORSE: [], ALIKE: []}
    for name in evaluation["comparison"]["groups"]:
        found = _differences(evaluation, name)
        if name != OVERALL and found:
            by_verdict[found["verdict"]].append(as_text(name))
    return [
        f"{word.capitalize()} in {len(names)} of {sum(map(len, by_verdict.values()))} domains"
        + (f": {', '.join(names)}." if names else ".")
        for word, names in by_verdict.items()
    ]


def gates_line(gates: Mapping[str, Any]) -> str:
    """How many gates passed, and which did not."""
    failed = [as_text(gate["name"]) for gate in gates["gates"] if not gate["passed"]]
    passed = len(gates["gates"]) - len(failed)
    text = f"{passed} of {len(gates['gates'])} release gates passed"
    return f"**{text}; failed: {', '.join(failed)}.**" if failed else f"{text}."


def forgetting(evaluation: Mapping[str, Any]) -> str:
    """What the model lost on general queries."""
    probe, model = evaluation["probe"], evaluation["model"]
    if not probe:
        return "Not measured."
    group = probe["groups"][OVERALL]
    found = group["differences"].get(model)
    if found is None:
        return "This is the base model itself."
    values = [group["estimates"][evaluation[name]][KEY]["value"] for name in ("base", "model")]
    return (
        f"On {group['queries']} other queries ({as_text(evaluation['probe_data']['file'])}) "
        f"{PRIMARY.title} was {values[0]:.3f} and is {values[1]:.3f} ({interval(found[KEY])}): "
        f"{found[KEY]['verdict']}."
    )


def what_was_asked(evaluation: Mapping[str, Any], split: Mapping[str, Any]) -> str:
    """Which queries were ranked against what."""
    group, task = evaluation["comparison"]["groups"][OVERALL], evaluation["task"]
    against = f"all {task['passages']} passages of the data"
    if task["scope"] != "all":
        against = "the passages of its own domain"
    shared = split["shared_passages"] + split["shared_queries"]
    trained_on = f"The given split leaks: {shared} of their texts were trained on."
    return (
        f"{group['queries']} held-out queries in {group['clusters']} independent groups, each "
        f"ranked against {against}. "
        + (trained_on if shared else "No passage and no query of these was trained on.")
    )


def estimate(found: Mapping[str, float]) -> str:
    """A figure with its interval."""
    return f"{found['value']:.3f} \\[{found['low']:.2f}, {found['high']:.2f}\\]"


def interval(found: Mapping[str, float]) -> str:
    """A difference with its interval."""
    return f"{found['value']:+.3f} \\[{found['low']:+.3f}, {found['high']:+.3f}\\]"


def difference(evaluation: Mapping[str, Any], group: Mapping[str, Any], key: str) -> str:
    """Two cells: the difference of the model under test, and its verdict."""
    if evaluation["model"] not in group["differences"]:
        return " | "
    found = group["differences"][evaluation["model"]][key]
    words = found["verdict"]
    if found["queries_needed"]:
        words += f" (needs about {found['queries_needed']} queries)"
    return f"{interval(found)} | {words}"


def machine(speed: Mapping[str, Any] | None) -> str:
    """What the speed was measured on."""
    if not speed:
        return ""
    found = speed["machine"]
    load = found["load_average_before"]
    text = f"{as_text(found['processor'])}, {found['threads']} threads, {as_text(found['device'])}"
    return text + (f", load average {load}" if load is not None else "")


def check_lines(check: Mapping[str, Any]) -> list[str]:
    """What the check of the data warned of, with counts."""
    counts = check.get("findings", {})
    return [f"{as_text(key.replace('_', ' '))}: {n}" for key, n in counts.items() if n]


def repeat_command(training: Mapping[str, Any]) -> str:
    """The command that trains this model again."""
    words = ["accelerate", "launch", "training/train.py", *training["command"]]
    return as_code(" ".join(shlex.quote(str(word)) for word in words), "bash")


def _differences(evaluation: Mapping[str, Any], group: str) -> Mapping[str, Any] | None:
    found = evaluation["comparison"]["groups"][group]["differences"]
    own: Mapping[str, Mapping[str, Any]] = found.get(evaluation["model"], {})
    return own.get(KEY)


def _p(found: Mapping[str, float]) -> str:
    return f"{found['p']:.3f}" if found["p"] >= 0.001 else "< 0.001"
