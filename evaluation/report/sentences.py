"""The sentences of an evaluation: a report and a model card both take them from here.

Each function takes dataclasses, which come from an `EvaluationSummary` or, by `from_json`, from
`metadata.json`. `escape` makes a name from outside safe for the text that it is put into; the
default leaves it as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evaluation.advice import Advice
from evaluation.comparison import ALIKE, BETTER, WORSE, Difference, Estimate
from evaluation.gates import Gate
from evaluation.known_passages import KnownPart
from evaluation.latency import Machine
from evaluation.mixing import AUTO
from evaluation.retrieval.baselines import BM25
from evaluation.retrieval.query_results import QueryResult
from evaluation.retrieval_metrics.definitions import PRIMARY, Shown, shown_in
from evaluation.summary import PublishedEvaluation

Escape = Callable[[str], str]

NAMES_LISTED = 8
# The place in a ranking that counts as found in sentences and in the plot of ranks.
FIRST = 5
LOWEST_P = 0.001
SHOWN = shown_in(Shown.CONSOLE)
USE_FUSION = 'python examples/retrieval.py query --bm25 --index INDEX "QUERY"'


def show_estimate(found: Estimate) -> str:
    """Returns a mean with its interval: "0.8455 [0.797, 0.888]"."""
    return f"{found.value:.4f} [{found.low:.3f}, {found.high:.3f}]"


def show_difference(found: Difference) -> str:
    """Returns a difference with its interval: "+0.0318 [-0.018, +0.077]"."""
    return f"{found.value:+.4f} [{found.low:+.3f}, {found.high:+.3f}]"


def show_p(found: Difference) -> str:
    """Returns the corrected p value: "p 0.031" or "p <0.001"."""
    return f"p {found.adjusted_p:.3f}" if found.adjusted_p >= LOWEST_P else f"p <{LOWEST_P}"


def headline(evaluation: PublishedEvaluation, escape: Escape = str) -> str:
    """Returns whether the model under test is better than the base model, and in which metrics."""
    model, base = escape(evaluation.model), escape(evaluation.base)
    if evaluation.model == evaluation.base:
        return f"{model} is the base model: there is nothing to compare it with"
    return (
        f"{model} is {_claims(evaluation.comparison.overall.differences[evaluation.model], base)}"
    )


def fusion_sentence(evaluation: PublishedEvaluation, escape: Escape = str) -> str:
    """Returns whether BM25 with the model is better than the model alone, with both means.

    Returns:
        A sentence without its full stop, with BM25 alone where that finds most; empty where it was
        not measured.
    """
    fusion = evaluation.fusion
    if fusion is None:
        return ""
    model, found = fusion.estimates[evaluation.model], fusion.estimates[fusion.name]
    means = [
        f"{m.title} {found[m.key].value:.3f} against {model[m.key].value:.3f}, "
        + _tested(fusion.differences[m.key])
        for m in SHOWN
    ]
    claims = _claims(fusion.differences, f"{escape(evaluation.model)} alone")
    text = f"{escape(fusion.name)} is {claims} ({'; '.join(map(escape, means))})"
    if _bm25_is_best(evaluation):
        lexical = evaluation.comparison.overall.estimates[BM25]
        reached = join_names([f"{m.title} {lexical[m.key].value:.3f}" for m in SHOWN])
        text += f". BM25 alone reaches more than both: {reached}"
    return text


def _tested(found: Difference) -> str:
    """Returns a difference with its p value, and what the verdict rests on where that differs."""
    return " ".join(filter(None, [show_difference(found), show_p(found), found.unlike_interval]))


def fusion_helps(evaluation: PublishedEvaluation) -> bool:
    """Returns whether BM25 with the model is better in some metric, and BM25 alone not better."""
    fusion = evaluation.fusion
    if fusion is None or _bm25_is_best(evaluation):
        return False
    return any(fusion.differences[m.key].verdict == BETTER for m in SHOWN)


def _bm25_is_best(evaluation: PublishedEvaluation) -> bool:
    """Returns whether BM25 alone has the highest primary metric."""
    means = {
        name: found[PRIMARY.key].value
        for name, found in evaluation.comparison.overall.estimates.items()
    }
    fusion = evaluation.fusion
    if fusion is None or BM25 not in means:
        return False
    return means[BM25] > max(means[evaluation.model], means[fusion.name])


def _claims(found: Mapping[str, Difference], base: str) -> str:
    """Returns in which metrics a model is better, worse or not distinguishable."""
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
    return ", and ".join(claims)


def metric_sentences(evaluation: PublishedEvaluation) -> list[str]:
    """Returns one sentence per metric: the model under test against its base on all queries."""
    overall = evaluation.comparison.overall
    sentences = []
    for metric in SHOWN:
        text = f"{metric.title} {show_estimate(overall.estimates[evaluation.model][metric.key])}"
        if evaluation.model in overall.differences:
            before = overall.estimates[evaluation.base][metric.key]
            found = overall.differences[evaluation.model][metric.key]
            text += f" against {show_estimate(before)}: {show_difference(found)}, {found.in_words}"
        sentences.append(f"{text}.")
    return sentences


def domain_sentences(evaluation: PublishedEvaluation, escape: Escape = str) -> list[str]:
    """Returns in which domains the primary metric is better, worse or not distinguishable.

    Returns:
        One sentence per verdict; none for the base model itself, and none for a single domain.
    """
    model, domains = evaluation.model, evaluation.comparison.breakdown
    if model == evaluation.base or not domains:
        return []
    sentences = []
    for verdict in (BETTER, WORSE, ALIKE):
        names = [
            escape(name)
            for name, group in domains.items()
            if group.differences[model][PRIMARY.key].verdict == verdict
        ]
        count = f"{len(names)} of {len(domains)} domains"
        listed = f"{count}: {join_names(names)}" if names else "no domain"
        sentences.append(f"{verdict.capitalize()} in {listed}.")
    return sentences


def origin_sentence(chose_checkpoint: bool | None, folds: int = 0) -> str:
    """Returns whether the queries that the metrics come from also chose the checkpoint."""
    if folds:
        return (
            f"The metrics come from a cross-validation: each query was asked of one of {folds} "
            "models, and neither its training nor the choice of its checkpoint saw the query."
        )
    if chose_checkpoint is None:
        return (
            "It is not known whether these queries chose the checkpoint; if they did, the metrics "
            "are optimistically biased."
        )
    if chose_checkpoint:
        return (
            "The metrics come from the part that also chose the checkpoint, so they are "
            "optimistically biased."
        )
    return (
        "The metrics come from a test part: neither training nor the choice of the checkpoint saw "
        "these queries."
    )


def corpus_sentence(evaluation: PublishedEvaluation, escape: Escape = str) -> str:
    """Returns which queries were asked, how independent they are, and what they rank against.

    Prompts and similarities are named where a model has prompts or does not compare by cosine.
    """
    task, overall = evaluation.task, evaluation.comparison.overall
    sizes = list(task.candidates.values())
    if task.scope == "all":
        corpus = f"{task.passages:,} passages"
    else:
        corpus = f"the passages of its own domain ({min(sizes):,} to {max(sizes):,})"
    extra = f", {task.extra_passages:,} of them distractors" if task.extra_passages else ""
    left_out = f" {task.left_out:,} passages were left out." if task.left_out else ""
    return (
        f"{overall.queries:,} queries in {overall.clusters:,} independent groups, each ranked "
        f"against {corpus}{extra}.{left_out}{_encodings(evaluation, escape)}"
    )


def _encodings(evaluation: PublishedEvaluation, escape: Escape) -> str:
    found = evaluation.encodings
    if not any(encoding.is_special for encoding in found.values()):
        return ""
    listed = [f"{escape(name)}: {escape(str(encoding))}" for name, encoding in found.items()]
    return f" Encoding of {'; '.join(listed)}."


def gate_sentence(gates: Sequence[Gate]) -> str:
    """Returns how many gates passed, and what those that did not ask and measured."""
    if not gates:
        return "No gates were asked for."
    failed = [gate.sentence for gate in gates if not gate.passed]
    text = f"{len(gates) - len(failed)} of {len(gates)} gates passed"
    return f"{text}. Failed: {'; '.join(failed)}." if failed else f"{text}."


def forgetting_sentence(evaluation: PublishedEvaluation, escape: Escape = str) -> str:
    """Returns what the model lost on the forgetting probe, in the primary metric."""
    probe, data = evaluation.probe, evaluation.probe_data
    if probe is None or data is None:
        return "Forgetting was not measured."
    group = probe.overall
    asked = f"the forgetting probe, {group.queries:,} queries of {escape(data.file)}"
    before = show_estimate(group.estimates[evaluation.base][PRIMARY.key])
    if evaluation.model not in group.differences:
        return f"On {asked}, the base model reaches {PRIMARY.title} {before}."
    after = show_estimate(group.estimates[evaluation.model][PRIMARY.key])
    found = group.differences[evaluation.model][PRIMARY.key]
    return (
        f"On {asked}, {PRIMARY.title} was {before} and is {after}: {show_difference(found)}, "
        f"{found.in_words}."
    )


def advice_sentence(evaluation: PublishedEvaluation, escape: Escape = str) -> str:
    """Returns the cheapest way to search that nothing beats, and what is open; or nothing."""
    return describe_advice(evaluation.advice, escape) if evaluation.advice else ""


def describe_advice(advice: Advice, escape: Escape = str) -> str:
    """Returns the cheapest way to search that nothing beats, and what is open."""
    sentence = (
        f"The cheapest way that no dearer one significantly beats is {escape(advice.cheapest)}, "
        f"which needs {advice.needs}"
    )
    if advice.difference:
        sentence += (
            f"; {escape(advice.best)} has {PRIMARY.title} {show_difference(advice.difference)}, "
            f"{advice.difference.in_words}"
        )
    return f"{sentence}."


def adapter_sentence(evaluation: PublishedEvaluation, escape: Escape = str) -> str:
    """Returns that an index of the base model stays as it is; empty for other models."""
    if not evaluation.keeps_passages:
        return ""
    return (
        f"Passages have the embeddings of {escape(evaluation.base)}, bit for bit: an index that "
        "was made with it serves this model too. Queries alone pass a trained linear map"
    )


def known_sentence(evaluation: PublishedEvaluation, escape: Escape = str) -> str:
    """Returns what the model finds of passages that training knows, and of those it never saw.

    Returns:
        A sentence without its full stop; empty where training knows none of the passages.
    """
    found = evaluation.known_passages
    if found is None:
        return ""
    text = "Queries about passages that training knows from other queries: "
    text += _known_part(found.known, escape)
    if found.unseen:
        text += f". Queries about passages that it never saw: {_known_part(found.unseen, escape)}"
    return text


def _known_part(part: KnownPart, escape: Escape) -> str:
    means = f"{PRIMARY.title} {part.tuned.value:.3f} against {part.base.value:.3f}"
    tested = f"{show_difference(part.difference)}, {part.difference.in_words}"
    return escape(f"{part.queries:,}, {means}, {tested}")


def mixing_sentence(evaluation: PublishedEvaluation) -> str:
    """Returns how the saved model was mixed with its base; empty where it was not."""
    curve = evaluation.mixing
    if curve is None:
        return ""
    chosen, tuned = curve.chosen, curve.mixtures[-1]
    how = "chosen on the validation queries" if curve.asked == AUTO else "as was asked"
    sentence = (
        f"The weights are those of the base model plus {chosen.weight:g} of what training changed, "
        f"{how}: {PRIMARY.title} on validation is {chosen.validation.value:.4f}, and "
        f"{tuned.validation.value:.4f} with all of it"
    )
    probes = [m.probe.value for m in (chosen, tuned, curve.mixtures[0]) if m.probe]
    if probes:
        sentence += "; on the forgetting probe {:.4f} and {:.4f}, the base {:.4f}".format(*probes)
    if chosen.forgets:
        sentence += "; it is significantly worse than the base model there"
    return f"{sentence}."


def machine_phrase(machine: Machine, escape: Escape = str) -> str:
    """Returns what the speed was measured on, and how busy it was."""
    cores = "" if machine.cores is None else f"{machine.cores} cores, "
    text = f"{escape(machine.processor)}, {cores}{machine.threads} threads, "
    text += f"device {escape(machine.device)}"
    if machine.load_average_before is None:
        return text
    load = f"{machine.load_average_before} before and {machine.load_average_after} after"
    return f"{text}, load average {load}"


def change_sentence(before: Sequence[QueryResult], after: Sequence[QueryResult]) -> str:
    """Returns how many queries were won and lost, by the rank of the first relevant passage."""
    pairs = [(old.rank, new.rank) for old, new in zip(before, after, strict=True)]
    won = sum(new < old for old, new in pairs)
    lost = sum(new > old for old, new in pairs)
    came, left = crossings(before, after)
    return (
        f"{won:,} queries won, {lost:,} lost, {len(pairs) - won - lost:,} unchanged; "
        f"{came:,} came into the first {FIRST}, {left:,} fell out of it."
    )


def crossings(before: Sequence[QueryResult], after: Sequence[QueryResult]) -> tuple[int, int]:
    """Returns how many queries came into the first five ranks, and how many fell out of them."""
    found = [(old.rank <= FIRST, new.rank <= FIRST) for old, new in zip(before, after, strict=True)]
    return found.count((False, True)), found.count((True, False))


def join_names(names: Sequence[str]) -> str:
    """Returns a list as in "a, b and c"; of many names the first ones, and how many more."""
    if len(names) > NAMES_LISTED:
        listed, rest = names[: NAMES_LISTED - 1], len(names) - NAMES_LISTED + 1
        return f"{', '.join(listed)} and {rest} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
