"""Time of our evaluation beside sentence-transformers' own: `python benchmarks/evaluation_time.py`.

Ours encodes queries and corpus once, ranks, keeps one row per query, and computes each metric by
domain with its interval and its test against BM25. Beside it stand one
`InformationRetrievalEvaluator` per domain against the whole corpus, as people do it for metrics by
domain, and a single one for all queries, which gives none by domain. The three take turns; before
them, their metrics are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

from evaluation.comparison import compare
from evaluation.defaults import BATCH_SIZE
from evaluation.retrieval.baselines import BM25, BM25Scorer
from evaluation.retrieval.evaluator import (
    RetrievalReport,
    aggregate_metrics,
    embed_task,
)
from evaluation.retrieval.query_results import QueryResult, score_task, write_results
from evaluation.retrieval.task import RetrievalTask, retrieval_task
from nic.models import MINILM, find_model, load_model
from pairs.loading import load_pairs
from pairs.split import split_pairs
from pairs.split_file import load_split

DATA = Path(__file__).resolve().parents[1] / "data" / "finetuning" / "training_pairs.jsonl"
CUTOFFS = [1, 5, 10]
# Our name of a metric, and theirs; MRR over the whole ranking for the comparison.
NAMES = {f"recall@{k}": f"recall@{k}" for k in CUTOFFS} | {"ndcg@10": "ndcg@10", "mrr": "mrr@{}"}
OURS, BY_DOMAIN, OVERALL = "ours", "one evaluator a domain", "one evaluator in all"


def evaluate_ours(
    model: SentenceTransformer, task: RetrievalTask, baseline: list[QueryResult]
) -> RetrievalReport:
    """Everything that a report says of the retrieval."""
    results = {"model": score_task(embed_task(model, task), task), BM25: baseline}
    compare(results, BM25)
    with tempfile.TemporaryDirectory() as folder:
        write_results(results, Path(folder) / "per_query.jsonl")
    return aggregate_metrics(results["model"])


def plain_evaluator(
    task: RetrievalTask, numbers: list[int], mrr_cutoff: int = 10
) -> InformationRetrievalEvaluator:
    """Theirs for some of the queries; it only looks as deep as the metrics need."""
    relevant = {task.query_ids[n]: {task.passage_ids[p] for p in task.relevant[n]} for n in numbers}
    return InformationRetrievalEvaluator(
        queries={task.query_ids[n]: task.queries[n] for n in numbers},
        corpus=dict(zip(task.passage_ids, task.corpus, strict=True)),
        relevant_docs=relevant,
        mrr_at_k=[mrr_cutoff],
        ndcg_at_k=[10],
        accuracy_at_k=CUTOFFS,
        precision_recall_at_k=CUTOFFS,
        map_at_k=[10],
        batch_size=BATCH_SIZE,
        write_csv=False,
    )


def by_domain(task: RetrievalTask) -> dict[str, list[int]]:
    """The numbers of the queries of each domain."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, domain in enumerate(task.domains):
        numbers[domain].append(number)
    return dict(numbers)


def largest_gap(model: SentenceTransformer, task: RetrievalTask, ours: RetrievalReport) -> float:
    """Returns the largest difference between our metrics and theirs, by domain and overall."""
    groups = {**ours.domains, "": ours.overall}
    numbers = {**by_domain(task), "": list(range(len(task.queries)))}
    gaps = []
    for group, metrics in groups.items():
        depth = len(task.corpus)
        theirs = plain_evaluator(task, numbers[group], depth)(model)
        gaps += [
            abs(metrics[name] - theirs[f"{model.similarity_fn_name}_{their.format(depth)}"])
            for name, their in NAMES.items()
        ]
    return max(gaps)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of some work, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def take_turns(works: dict[str, Callable[[], object]], turns: int) -> dict[str, list[float]]:
    """Seconds of each work in each turn; who begins changes from turn to turn."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for turn in range(turns):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            taken[name].append(seconds(works[name]))
    return taken


def show(taken: dict[str, list[float]]) -> None:
    """Print medians, and the others' times by ours, turn by turn."""
    for name, times in taken.items():
        ratios = [other / own for other, own in zip(times, taken[OURS], strict=True)]
        beside = (
            f"{statistics.median(ratios):.2f} times ours ({min(ratios):.2f} to {max(ratios):.2f})"
        )
        print(f"{name:<24} {statistics.median(times):7.2f} s   {'' if name == OURS else beside}")


def main() -> None:
    """Compares the metrics, then prints the times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=MINILM)
    parser.add_argument("--data-file", default=str(DATA))
    parser.add_argument("--split", help="split.json; a tenth of the passages unless given")
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    pairs = load_pairs(given.data_file)
    split = load_split(given.split, pairs) if given.split else split_pairs(pairs, 0.1, seed=42)
    task = retrieval_task(pairs, split.reported)
    model = load_model(find_model(given.model), "cpu")
    baseline = score_task(BM25Scorer.of(task), task)
    groups = by_domain(task)
    print(f"{len(task.queries)} queries of {len(groups)} domains, {len(task.corpus)} passages")
    gap = largest_gap(model, task, evaluate_ours(model, task, baseline))
    print(f"largest difference between our metrics and theirs: {gap:.1e}", flush=True)
    each = [plain_evaluator(task, numbers) for numbers in groups.values()]
    whole = plain_evaluator(task, list(range(len(task.queries))))
    works: dict[str, Callable[[], object]] = {
        OURS: lambda: evaluate_ours(model, task, baseline),
        BY_DOMAIN: lambda: [evaluator(model) for evaluator in each],
        OVERALL: lambda: whole(model),
    }
    show(take_turns(works, given.turns))


if __name__ == "__main__":
    main()
