"""What sentence-to-passage pairs of the corpus bring: `python benchmarks/known_passages.py`.

Makes one pair for each passage of a file of pairs, its rarest sentence and itself, as
`nic-pairs make --origins sentence` does for manuals. Trains per seed without these pairs, with
those of training passages (`--known-passages none`), of half of the held-out ones too (`half`),
and of all (`all`), by the defaults without mixing. All runs of a seed ask the same held-out
queries against the same passages: paired differences by seed and over all seeds, for `half` of the
queries about known passages and about passages never seen apart.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from training_runs import pool_seeds, train

from evaluation.comparison import compare_all_queries
from evaluation.latency import load_average, processor_name
from evaluation.retrieval.query_results import QueryResult
from manuals.cutting import Piece
from manuals.documents.blocks import Text
from manuals.documents.reading import LeftOut
from manuals.made_pairs import write_pairs
from manuals.passages import Passage
from manuals.pieces import ManualPassages, ReadDocument, flaw_of
from manuals.structure import make_structure_pairs
from pairs.columns import DOMAIN, POSITIVE
from pairs.loading import Pairs, load_pairs
from pairs.readers import DEFAULT_FILE

METRIC = "recall@5"
ALONE = "alone"
KNOWN = ("none", "half", "all")
# Results with made pairs, and those of the run without, of the same queries in the same order.
Pair: TypeAlias = tuple[list[QueryResult], list[QueryResult]]
COMMON = {"test-ratio": 0.1, "small-domains": "train", "mix": "off", "probe": "none"}


def passages_of(pairs: Pairs) -> ManualPassages:
    """Returns the passages of a file as those of one manual for each domain, without debris."""
    domains: dict[str, dict[str, None]] = defaultdict(dict)
    for name in (POSITIVE, *pairs.negative_columns):
        for text, domain in zip(pairs.column(name), pairs.column(DOMAIN), strict=True):
            if text is not None and flaw_of(text) is None:
                domains[domain][text] = None
    seen = set[str]()
    documents = []
    for domain, texts in domains.items():
        new = [text for text in texts if text not in seen]
        seen.update(new)
        pieces = [Piece(Passage(text, domain, domain), (Text(text),)) for text in new]
        documents.append(ReadDocument(domain, domain, None, 0, pieces))
    return ManualPassages(documents, LeftOut())


def write_sentence_pairs(data_file: Path, path: Path) -> int:
    """Writes the pairs of all passages of a file, and returns their number."""
    made = make_structure_pairs(passages_of(load_pairs(data_file)), ["sentence"]).pairs
    write_pairs(made, path)
    return len(made)


def describe(name: str, rows: Sequence[QueryResult], alone: Sequence[QueryResult]) -> str:
    """Returns Recall@5 with some pairs, and the difference from without, interval and p."""
    group = compare_all_queries({ALONE: alone, name: rows}, ALONE)
    found = group.differences[name][METRIC]
    return (
        f"{name:14} {group.queries:5,} queries  Recall@5 {group.estimates[name][METRIC].value:.4f}"
        f"  MRR {group.estimates[name]['mrr'].value:.4f}  against {ALONE} "
        f"{group.estimates[ALONE][METRIC].value:.4f} {found.value:+.4f} "
        f"[{found.low:+.3f}, {found.high:+.3f}] p {found.p:.3f}"
    )


def run_seed(data_file: Path, made: Path, seed: int) -> dict[str, Pair]:
    """Trains once for each way, and returns the results of the held-out queries by way."""
    common = {**COMMON, "seed": seed}
    alone = train({**common, "data-file": [data_file]})
    by_id = {row.query_id: row for row in alone.tuned}

    def beside(rows: Sequence[QueryResult]) -> Pair:
        # Another file numbers its clusters otherwise; those of the run without made pairs count.
        same = [by_id[row.query_id] for row in rows]
        aligned = [replace(row, cluster=one.cluster) for row, one in zip(rows, same, strict=True)]
        return aligned, same

    found = {"base": beside(alone.results.per_query[alone.results.base])}
    for known in KNOWN:
        run = train({**common, "data-file": [data_file, made], "known-passages": known})
        found[known] = beside(run.tuned)
        if known == "half":
            about_known = set(run.results.known)
            for part, wanted in (("half: known", True), ("half: unseen", False)):
                rows = [row for row in run.tuned if (row.query_id in about_known) == wanted]
                found[part] = beside(rows)
    return found


def show(title: str, found: dict[str, Pair]) -> None:
    """Prints a line for each way, against the run without made pairs on the same queries."""
    print(title, flush=True)
    for name, (rows, alone) in found.items():
        print(describe(name, rows, alone), flush=True)


def main() -> None:
    """Prints the lines of each seed, and those of all of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-file", default=DEFAULT_FILE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 1, 2])
    asked = parser.parse_args()
    print(f"{processor_name()}, load {load_average()}")
    everything: dict[str, list[Pair]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        # Files are read by name: the made pairs come last, so that ids are those of the file.
        data_file = Path(folder) / f"1-{Path(asked.data_file).name}"
        shutil.copy(asked.data_file, data_file)
        made = Path(folder) / "2-made.jsonl"
        print(f"{write_sentence_pairs(data_file, made):,} made pairs")
        for seed in asked.seeds:
            found = run_seed(data_file, made, seed)
            show(f"seed {seed}", found)
            for name, pair in found.items():
                everything[name].append(pair)
    pooled = {
        name: (pool_seeds([rows for rows, _ in pairs]), pool_seeds([alone for _, alone in pairs]))
        for name, pairs in everything.items()
    }
    show("all seeds", pooled)


if __name__ == "__main__":
    main()
