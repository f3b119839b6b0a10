"""An assessment in sentences, for readers who want no table."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.comparison import ALIKE, BETTER, WORSE, Difference, Estimate
from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval_metrics.definitions import PRIMARY, Shown, shown_in
from evaluation.summary import EvaluationSummary

NAMES_LISTED = 8
SHOWN = shown_in(Shown.CONSOLE)


def show_estimate(found: Estimate) -> str:
    """A mean with its interval: "0.8455 [0.797, 0.888]"."""
    return f"{found.value:.4f} [{found.low:.3f}, {found.high:.3f}]"


def show_difference(found: Difference) -> str:
    """A difference with its interval: "+0.0318 [-0.018, +0.077]"."""
    return f"{found.value:+.4f} [{found.low:+.3f}, {found.high:+.3f}]"


def headline(assessment: EvaluationSummary) -> str:
    """Whether the model under test is better than the base model, and in what."""
    model, base = assessment.evidence.model, assessment.evidence.base
    if model == base:
        return f"{model} is the base model: there is nothing to compare it with"
    found = assessment.comparison.overall.differences[model]
    by_verdict = {
        verdict: join_names([m.title for m in SHOWN if found[m.key].verdict == verdict])
        for verdict in (BETTER, WORSE, ALIKE)
    }
    claims = [
        f"{verdict} than {base} in {by_verdict[verdict]}"
        for verdict in (BETTER, WORSE)
        if by_verdict[verdict]
    ]
    if by_verdict[ALIKE]:
        other = "" if claims else f" from {base}"
        claims.append(f"{ALIKE}{other} in {by_verdict[ALIKE]}")
    return f"{model} is {', and '.join(claims)}"


def overall_sentences(assessment: EvaluationSummary) -> list[str]:
    """The figures of the model under test over all queries, a sentence a metric."""
    evidence, overall = assessment.evidence, assessment.comparison.overall
    sentences = []
    for metric in SHOWN:
        own = overall.estimates[evidence.model][metric.key]
        text = f"{metric.title} {show_estimate(own)}"
        if evidence.model in overall.differences:
            before = overall.estimates[evidence.base][metric.key]
            found = overall.differences[evidence.model][metric.key]
            text += f" against {show_estimate(before)}: {show_difference(found)}, {found.in_words}"
        sentences.append(f"{text}.")
    return sentences


def domain_sentences(assessment: EvaluationSummary) -> list[str]:
    """Returns in which domains the primary metric is better, worse or not distinguishable."""
    model, domains = assessment.evidence.model, assessment.comparison.domains
    if model == assessment.evidence.base:
        return []
    sentences = []
    for verdict in (BETTER, WORSE, ALIKE):
        names = [
            name
            for name, group in domains.items()
            if group.differences[model][PRIMARY.key].verdict == verdict
        ]
        count = f"{len(names)} of {len(domains)} domains"
        listed = f"{count}: {join_names(names)}" if names else "no domain"
        sentences.append(f"{verdict.capitalize()} in {listed}.")
    return sentences


def origin_sentence(chose_checkpoint: bool | None) -> str:
    """Whether the queries that the figures come from also chose the checkpoint."""
    if chose_checkpoint is None:
        return (
            "It is not known whether these queries chose the checkpoint; if they did, the figures "
            "lean to the high side."
        )
    if chose_checkpoint:
        return (
            "The figures come from the part that also chose the checkpoint, so they lean to the "
            "high side."
        )
    return (
        "The figures come from a test part: neither training nor the choice of the checkpoint saw "
        "these queries."
    )


def corpus_sentence(assessment: EvaluationSummary) -> str:
    """What each query was ranked against, and how much evidence the queries are."""
    task, overall = assessment.evidence.task, assessment.comparison.overall
    sizes = list(task["candidates"].values())
    if task["scope"] == "all":
        corpus = f"{task['passages']:,} passages"
    else:
        corpus = f"the passages of its own domain ({min(sizes):,} to {max(sizes):,})"
    extra = f", {task['extra_passages']:,} of them distractors" if task["extra_passages"] else ""
    left_out = f" {task['left_out']:,} passages were left out." if task["left_out"] else ""
    return (
        f"{overall.queries:,} queries in {overall.clusters:,} independent groups, each ranked "
        f"against {corpus}{extra}.{left_out}"
    )


def gate_sentence(assessment: EvaluationSummary) -> str:
    """How many gates passed, and which did not."""
    gates = assessment.gates
    if not gates:
        return "No gates were asked for."
    failed = [gate.name for gate in gates if not gate.passed]
    text = f"{len(gates) - len(failed)} of {len(gates)} gates passed"
    return f"{text}; failed: {join_names(failed)}." if failed else f"{text}."


def change_sentence(before: Sequence[QueryResult], after: Sequence[QueryResult]) -> str:
    """How many queries were won, lost and unchanged, by the rank of the first right passage."""
    pairs = [(old.rank, new.rank) for old, new in zip(before, after, strict=True)]
    won = sum(new < old for old, new in pairs)
    lost = sum(new > old for old, new in pairs)
    return f"{won:,} queries won, {lost:,} lost, {len(pairs) - won - lost:,} unchanged."


def join_names(names: Sequence[str]) -> str:
    """A list as in "a, b and c"; of many names the first ones, and how many more."""
    if len(names) > NAMES_LISTED:
        listed, rest = names[: NAMES_LISTED - 1], len(names) - NAMES_LISTED + 1
        return f"{', '.join(listed)} and {rest} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
