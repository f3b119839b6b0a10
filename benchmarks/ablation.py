"""What each setting of a recipe brings, with intervals.

    python benchmarks/ablation.py train --data-file FILE --seeds 42 1 2 3 4 [--recipes NAME ...]
    python benchmarks/ablation.py table
    python benchmarks/ablation.py figure --picture FILE.png

`train` runs the training command once for each recipe of `ablation.yaml` and each seed, with
`--test-ratio 0.1`, and appends one JSON line per run to `ablation.jsonl`: no text, only ranks. A
run that has a line is not repeated, so it goes on where it was stopped. `table` and `figure` pool
the seeds of each recipe; the table compares it with a reference on the same held-out queries.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib
from training_runs import TrainingRun, pool_seeds, train

from evaluation.comparison import Comparison, Group, compare, compare_all_queries
from evaluation.latency import load_average, processor_name
from evaluation.retrieval.query_results import QueryResult
from evaluation.serialization import from_json
from nic.files import read_mapping
from pairs.readers import DEFAULT_FILE

HERE = Path(__file__).resolve().parent
RECIPES, LINES = HERE / "ablation.yaml", HERE / "ablation.jsonl"
BASE, TUNED = "base", "tuned"
METRIC = "recall@5"
# fp32 everywhere: runs of processors with and without bf16 are compared with each other.
COMMON = {"test-ratio": 0.1, "small-domains": "train", "precision": "fp32"}


@dataclass(frozen=True)
class Ranks:
    """The ranks that two models give to the relevant passages of the same queries.

    Attributes:
        names: The domains by name.
        domains: Number of each query's domain among them.
        clusters: Number that it shares with the queries of the same passage.
        base: Ranks of its relevant passages with the base model, ascending.
        tuned: The same with the tuned model.
    """

    names: list[str]
    domains: list[int]
    clusters: list[int]
    base: list[list[int]]
    tuned: list[list[int]]

    @classmethod
    def of(cls, base: Sequence[QueryResult], tuned: Sequence[QueryResult]) -> Ranks:
        """Returns what is kept of the results of two models."""
        names = sorted({row.domain for row in base})
        return cls(
            names,
            [names.index(row.domain) for row in base],
            [row.cluster for row in base],
            [row.ranks for row in base],
            [row.ranks for row in tuned],
        )

    def results(self, model: str) -> list[QueryResult]:
        """Returns the results of "base" or "tuned"; ids and passages were not kept."""
        rows = zip(self.domains, self.clusters, getattr(self, model), strict=True)
        return [
            QueryResult("", self.names[domain], cluster, ranks, 0, [], [])
            for domain, cluster, ranks in rows
        ]


@dataclass(frozen=True)
class Line:
    """One run.

    Attributes:
        data: Name of the data file.
        recipe: Name of the recipe.
        flags: Its flags.
        seed: Seed of split and training.
        processor: Name of the processor, and the load average at the end.
        precision: Precision of the training.
        seconds: Duration of the training with its validations.
        best_step: Step of the checkpoint that validation chose.
        steps: Optimizer steps.
        held_out: Ranks on the held-out queries.
        probe: Ranks on the forgetting probe; None where it was not asked.
    """

    data: str
    recipe: str
    flags: dict[str, Any]
    seed: int
    processor: str
    precision: str
    seconds: float
    best_step: int
    steps: int
    held_out: Ranks
    probe: Ranks | None


def read_recipes() -> dict[str, dict[str, Any]]:
    """Returns the flags of each recipe, with those of the recipe that it names as `like`."""
    recipes: dict[str, dict[str, Any]] = {}
    for name, flags in read_mapping(RECIPES, "ablation").items():
        own = dict(flags or {})
        recipes[name] = {**recipes.get(own.pop("like", None), {}), **own}
    return recipes


def read_lines(path: Path) -> list[Line]:
    """Returns the runs of a file; a last line that was not written whole is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [from_json(Line, json.loads(line)) for line in lines[:-1]]


def describe(data: str, recipe: str, flags: dict[str, Any], seed: int, run: TrainingRun) -> Line:
    """Returns the line of a run; of each ranking only the ranks are kept."""
    results, probe = run.results, run.results.probe
    return Line(
        data=data,
        recipe=recipe,
        flags=flags,
        seed=seed,
        processor=f"{processor_name()}, load {load_average()}",
        precision=run.training["asked"].get("precision", ""),
        seconds=run.training["seconds"],
        best_step=run.training["best_step"],
        steps=run.training["steps"],
        held_out=Ranks.of(results.per_query[results.base], run.tuned),
        probe=Ranks.of(probe[results.base], probe[results.model]) if probe else None,
    )


def train_all(data_file: str, seeds: Sequence[int], names: Sequence[str], out: Path) -> None:
    """Trains what has no line yet, seed by seed, and appends a line for each run."""
    recipes, data = read_recipes(), Path(data_file).stem
    done = {(line.data, line.recipe, line.seed, str(line.flags)) for line in read_lines(out)}
    for seed in seeds:
        for name in names or recipes:
            if (data, name, seed, str(recipes[name])) in done:
                continue
            flags = {**COMMON, **recipes[name], "seed": seed}
            run = train({"data-file": Path(data_file).resolve(), **flags})
            line = describe(data, name, recipes[name], seed, run)
            with out.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(asdict(line), separators=(",", ":")) + "\n")
            print(f"{data}, {name}, seed {seed}: {run.training['seconds']:.0f} s", flush=True)


def pool(lines: Sequence[Line]) -> dict[str, dict[str, list[Line]]]:
    """Returns the runs by data and recipe, in the order of the seeds."""
    found: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in sorted(lines, key=lambda line: line.seed):
        found[line.data][line.recipe].append(line)
    return found


def against(reference: Sequence[Line], runs: Sequence[Line]) -> Comparison:
    """Compares the runs of a recipe with those of the reference on the seeds that both have."""
    seeds = {line.seed for line in reference} & {line.seed for line in runs}
    ours = [line for line in runs if line.seed in seeds]
    theirs = [line for line in reference if line.seed in seeds]
    return compare(
        {
            "reference": pool_seeds([line.held_out.results(TUNED) for line in theirs]),
            "recipe": pool_seeds([line.held_out.results(TUNED) for line in ours]),
        },
        "reference",
    )


def against_base(runs: Sequence[Line]) -> Group:
    """Compares the tuned models of a recipe with their bases."""
    return compare_all_queries(
        {
            BASE: pool_seeds([line.held_out.results(BASE) for line in runs]),
            TUNED: pool_seeds([line.held_out.results(TUNED) for line in runs]),
        },
        BASE,
    )


def probe_change(runs: Sequence[Line]) -> str:
    """Returns the change of Recall@5 on the forgetting probe with its interval."""
    probes = [line.probe for line in runs if line.probe]
    if not probes:
        return ""
    # The probe asks the same queries at each seed: those of one passage stay one cluster.
    both = {name: [row for p in probes for row in p.results(name)] for name in (BASE, TUNED)}
    return show(compare_all_queries(both, BASE).differences[TUNED][METRIC])


def show(found: Any) -> str:
    """Returns a difference with its interval, in bold where it is significant."""
    text = f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"
    return f"**{text}**" if found.p < 0.05 else text


def print_table(lines: Sequence[Line], reference: str) -> None:
    """Prints a table for each data file; recipes without a common seed have no comparison."""
    for data, recipes in pool(lines).items():
        print(f"\n### {data}\n")
        print(
            "| recipe | seeds | Recall@5 | MRR | over base | over the reference | worse domains "
            "| probe | s |"
        )
        print("|---|--:|--:|--:|---|---|---|---|--:|")
        for name, runs in recipes.items():
            base = against_base(runs)
            found = base.estimates[TUNED]
            compared, worse = "", ""
            if name != reference and reference in recipes:
                comparison = against(recipes[reference], runs)
                compared = show(comparison.overall.differences["recipe"][METRIC])
                domains = comparison.domains.items()
                worse = ", ".join(
                    n for n, g in domains if g.differences["recipe"][METRIC].verdict == "worse"
                )
            seconds = sum(line.seconds for line in runs) / len(runs)
            print(
                f"| {name} | {len(runs)} | {found[METRIC].value:.4f} | {found['mrr'].value:.4f} "
                f"| {show(base.differences['tuned'][METRIC])} | {compared} | {worse} "
                f"| {probe_change(runs)} | {seconds:.0f} |"
            )


def draw_figure(lines: Sequence[Line], picture: Path) -> None:
    """Draws Recall@5 over base of each recipe with its interval; data files share the scale."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    pooled = pool(lines)
    heights = [len(recipes) + 2 for recipes in pooled.values()]
    figure, axes = plt.subplots(
        len(pooled),
        1,
        figsize=(7.5, 0.27 * sum(heights)),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
    )
    for axis, (data, recipes) in zip(axes[:, 0], pooled.items(), strict=True):
        found = [against_base(runs).differences[TUNED][METRIC] for runs in recipes.values()]
        places = range(len(found))
        errors = [[d.value - d.low for d in found], [d.high - d.value for d in found]]
        axis.errorbar([d.value for d in found], places, xerr=errors, fmt="o", capsize=3)
        axis.axvline(0, color="gray", linewidth=0.8)
        axis.set_yticks(places, [f"{name} ({len(runs)})" for name, runs in recipes.items()])
        axis.invert_yaxis()
        axis.set_title(data)
    axes[-1, 0].set_xlabel("Recall@5 over base, with the number of seeds at each recipe")
    figure.tight_layout()
    figure.savefig(picture, dpi=120)


def main() -> None:
    """Trains, or shows what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("train", "table", "figure"))
    parser.add_argument("--data-file", default=DEFAULT_FILE)
    parser.add_argument("--recipes", nargs="*", default=[], help="of ablation.yaml; default: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1, 2, 3, 4])
    parser.add_argument("--lines", type=Path, default=LINES, help="file of the runs")
    parser.add_argument("--reference", default="runbook", help="the recipe to compare with")
    parser.add_argument("--picture", type=Path, default=Path("ablation.png"))
    asked = parser.parse_args()
    if asked.what == "train":
        train_all(asked.data_file, asked.seeds, asked.recipes, asked.lines)
    elif asked.what == "table":
        print_table(read_lines(asked.lines), asked.reference)
    else:
        draw_figure(read_lines(asked.lines), asked.picture)


if __name__ == "__main__":
    main()
